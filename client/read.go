package client

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"net/url"
	"time"
)

// maxImages bounds the memory for the hashes of ids, for a service whose list
// has no end. The largest clouds known have a tenth of it.
const maxImages = 2_000_000

// A read is one walk through the whole list, from the first request to the last
// page. It lives as long as one call of [Client.List].
type read struct {
	client  *Client
	ctx     context.Context //nolint:containedctx // a read is one call
	dialect *dialect
	newPage func() Page

	lessons lessons
	session *session
	tokens  []string // of all sessions of the read, which errors must not show
	base    *url.URL
	decoder *decoder
	tail    tail // of the page read last
	info    Info

	// hiddenOnly: the walk asks for hidden images, and counts only those that
	// say they are.
	hiddenOnly bool

	// counted holds the ids on the pages that are done with, paged those on the
	// page at hand; both also hold the ids of images that do not count, such as
	// deleted ones.
	seed           maphash.Seed
	counted, paged idSet
}

func newRead(ctx context.Context, c *Client, newPage func() Page) *read {
	lessons, known := c.recall()
	return &read{
		client: c, ctx: ctx, newPage: newPage,
		lessons: lessons, info: known,
		tail: newTail(),
		seed: maphash.MakeSeed(),
	}
}

func (r *read) run() error {
	if err := r.locate(); err != nil {
		return err
	}
	return conceal(r.speak(), r.tokens...)
}

// catalogueAge is how old a catalogue may be that lacks what is looked for. A
// region that is asked for may be new, or none at all: to ask Keystone each time
// would make a login of every mistake.
const catalogueAge = 5 * time.Minute

// locate logs in where that is needed, and finds the service.
func (r *read) locate() error {
	if err := r.logIn(r.lessons.stale); err != nil {
		return err
	}
	r.lessons.stale = nil
	if r.client.config.Endpoint != nil {
		r.base = BaseURL(r.client.config.Endpoint)
		r.client.locatedAt()
		return nil
	}
	err := r.lookUp()
	if errors.Is(err, errNoEndpoint) && time.Since(r.session.began) > catalogueAge {
		if err := r.logIn(r.session); err != nil {
			return err
		}
		err = r.lookUp()
	}
	if err == nil {
		r.client.locatedAt()
	}
	return err
}

// logIn gets a session that is fresh, and another one than stale.
func (r *read) logIn(stale *session) error {
	trace := r.client.config.Trace
	return retry(r.ctx, trace, OpAuth, func() error {
		s, err := r.client.login.renew(r.ctx, trace, stale)
		if err == nil {
			r.use(s)
		}
		return err
	})
}

// lookUp finds the service in the catalogue.
func (r *read) lookUp() error {
	iface, wanted := r.client.login.cloud.iface, r.client.config.Region
	base, region, regions, err := imageEndpoint(r.session.endpoints, iface, wanted)
	if err != nil {
		failure := &Error{Reason: ReasonNotFound, Final: true, Op: OpDiscovery, Err: fmt.Errorf("%w (interface %s, region %q)", err, iface, wanted)}
		if errors.Is(err, errBadEndpoint) {
			failure.Reason = ReasonDecode
		}
		r.lessons.stale = r.session
		return failure
	}
	if regions > 1 && wanted == "" && !r.lessons.toldRegions {
		r.lessons.toldRegions = true
		r.client.config.Trace.Notice("the catalogue has several regions and none was asked for; the first is taken",
			"region", region, "regions", regions)
	}
	r.base, r.lessons.stale = base, nil
	return nil
}

// forget drops all ids, for a walk that begins anew. Whatever pages were not
// committed must be dropped with them.
func (r *read) forget() {
	r.counted.clear()
	r.paged.clear()
	r.info.Images, r.info.Pages = 0, 0
}

// get asks for a path below the base and hands the body of a 200 to consume.
// What breaks off or may pass is asked for again, as often as the time allows;
// consume is then called anew. The error is one of those of [Client.List].
func (r *read) get(op Operation, path string, query url.Values, consume func(body io.Reader) error) error {
	target := r.base.JoinPath(path)
	target.RawQuery = query.Encode()
	return retry(r.ctx, r.client.config.Trace, op, func() error {
		if err := r.keepFresh(); err != nil {
			return err
		}
		err := r.exchange(op, target, consume)
		failure := asError(err)
		if failure == nil || failure.Status != http.StatusUnauthorized || failure.Op != OpList || r.session.token == "" {
			return err
		}
		// A v2 service answers 401 for a token that is wrong, expired or
		// revoked, and also where it cannot ask Keystone: the login tells.
		renewed, err := r.client.login.renew(r.ctx, r.client.config.Trace, r.session)
		if err != nil {
			return err
		}
		r.use(renewed)
		return r.exchange(op, target, consume)
	})
}

// keepFresh renews the token where it would expire under way, as it may in a
// walk of many minutes.
func (r *read) keepFresh() error {
	if r.session.fresh(time.Now()) {
		return nil
	}
	renewed, err := r.client.login.session(r.ctx, r.client.config.Trace)
	if err == nil {
		r.use(renewed)
	}
	return err
}

func (r *read) use(s *session) {
	r.session = s
	r.tokens = append(r.tokens, s.token)
	r.info.Admin = s.admin
}

// exchange makes one request.
func (r *read) exchange(op Operation, target *url.URL, consume func(io.Reader) error) error {
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	request := Error{Op: op, URL: redact(target)}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), http.NoBody)
	if err != nil {
		request.Reason, request.Final, request.Err = ReasonNotFound, true, errors.New("the image endpoint cannot be used as a URL")
		return &request
	}
	req.Header.Set("Accept", "application/json")
	if r.session.token != "" && op != OpDiscovery { // which wants none
		req.Header.Set("X-Auth-Token", r.session.token)
	}
	client := chain{
		transport: r.client.login.transport,
		userAgent: r.client.login.userAgent,
		origin:    target,
		observed: func(code int, took time.Duration) {
			r.info.Requests++
			r.client.config.Trace.Request(op, code, took)
		},
	}.client()
	resp, err := client.Do(req)
	if err != nil {
		return r.broken(transportFailure(r.ctx, request, err))
	}
	defer resp.Body.Close()
	request.Status, request.RequestID = resp.StatusCode, requestID(resp.Header)
	// Glance gives its versions with status 300.
	versions := op == OpDiscovery && resp.StatusCode == http.StatusMultipleChoices
	if resp.StatusCode != http.StatusOK && !versions {
		failure := statusFailure(request, resp.Header, excerpt(resp.Body, r.tokens, cancel))
		return r.broken(failure)
	}
	return r.broken(r.blame(request, consume(resp.Body)))
}

// blame adds the request to an error of the decoder, and tells a body that
// broke off because the time was over from one that broke off by itself.
func (r *read) blame(request Error, err error) error {
	failure := asError(err)
	if failure == nil {
		return err
	}
	if r.ctx.Err() != nil || failure.Reason == ReasonConnection {
		return transportFailure(r.ctx, request, failure.Err)
	}
	request.Reason, request.Final, request.Err = failure.Reason, failure.Final, failure.Err
	return &request
}

// broken notes that the service was not there, so that the next read asks
// Keystone where it is.
func (r *read) broken(err error) error {
	if failure := asError(err); failure != nil && r.client.config.Endpoint == nil &&
		(failure.Reason == ReasonConnection || failure.Reason == ReasonNotFound) {
		r.lessons.stale = r.session
	} else if err == nil {
		r.lessons.stale = nil
	}
	return err
}

func asError(err error) *Error {
	if failure, ok := errors.AsType[*Error](err); ok {
		return failure
	}
	return nil
}

// filters gives the parameters that spare the service what the filters would
// leave out anyway.
func (r *read) filters() url.Values {
	query := url.Values{}
	for _, f := range r.client.config.Filters.list {
		if ask, ok := r.dialect.filters[f.key]; ok {
			if value, ok := ask.send(f.value); ok {
				query.Set(ask.name, value)
			}
		}
	}
	return query
}

// A page is one answer of the list, whole.
type page struct {
	content Page
	listed  int    // images on it, whatever they are
	counted int    // images that were added to content
	fresh   int    // images that no earlier page of the walk held
	print   uint64 // of all its ids, in order
	next    string // what the service says of the next page; "" where it does not
	strange int    // images that the walk did not ask for
}

// list asks for one page and decodes it. The page's ids wait in paged until it
// is settled, or another one is asked for.
func (r *read) list(query url.Values) (*page, error) {
	return r.listAt(r.dialect.path, query)
}

// listAt is list at a path that a service named.
func (r *read) listAt(path string, query url.Values) (*page, error) {
	var p *page
	err := r.get(OpList, path, query, func(body io.Reader) (err error) {
		p = &page{content: r.newPage()}
		r.tail.reset()
		r.paged.clear()
		p.next, err = r.decoder.page(body, func(img *Image) error { return r.meet(p, img) })
		return err
	})
	if err != nil {
		r.paged.clear()
		return nil, err
	}
	return p, nil
}

// meet takes one image of a page, as it is decoded.
func (r *read) meet(p *page, img *Image) error {
	hash := hashID(r.seed, img.ID)
	p.listed++
	p.print = p.print*0x9E3779B97F4A7C15 + hash // order matters: a page is its sequence
	r.tail.push(img.ID)
	if r.hiddenOnly && img.Hidden != True {
		p.strange++
		return nil
	}
	if r.counted.has(hash) || !r.paged.add(hash) {
		return nil
	}
	p.fresh++
	if r.counted.len+r.paged.len > maxImages {
		return &Error{Reason: ReasonTooLarge, Final: true, Err: fmt.Errorf("the list has more than %d images: %w", maxImages, errTooLarge)}
	}
	if !img.deleted && r.client.config.Filters.pass(img) {
		p.counted++
		p.content.Add(img)
	}
	return nil
}

// settle remembers a page's ids: no later page counts them again. Its images
// count for good once the page is committed.
func (r *read) settle(p *page) {
	r.counted.merge(&r.paged)
	r.info.Images += p.counted
	r.info.Pages++
}
