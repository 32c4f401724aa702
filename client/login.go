package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
)

// maxKeystoneBody bounds an answer of Keystone: a catalogue of hundreds of
// services takes a tenth of it.
const maxKeystoneBody = 2 << 20

// LoginConfig is what a [Login] needs beside the cloud's own settings.
type LoginConfig struct {
	UserAgent string   // of every request; must not be empty
	Dial      DialFunc // nil means the network's own
}

// A Login holds the one token of a cloud, for all its regions and for all
// reads, together with the catalogue and roles that came with it. It logs in
// when a token is first asked for, before it expires, and when the image
// service refuses it. It is safe for concurrent use.
type Login struct {
	cloud     *Cloud
	userAgent string
	transport *http.Transport

	// gate lets one login run at a time. It is no mutex, so that those who
	// wait for it can leave when their own time is over: whoever holds the
	// gate logs in under his own context, and if that ends the next one tries.
	gate chan struct{}

	mu       sync.Mutex
	current  *session
	refusals refusals
}

// NewLogin makes the login of a cloud. It makes no request.
func NewLogin(cloud *Cloud, config LoginConfig) *Login {
	return &Login{
		cloud:     cloud,
		userAgent: config.UserAgent,
		transport: newTransport(cloud.tls, config.Dial),
		gate:      make(chan struct{}, 1),
	}
}

// Close closes the connections that are idle. Reads under way go on.
func (l *Login) Close() { l.transport.CloseIdleConnections() }

// Forget ends the wait after a refused login, as when an operator says that
// the settings were mended.
func (l *Login) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refusals = refusals{}
}

// A session is what a login yields. It never changes.
type session struct {
	token     string // "" for a service that wants none
	admin     Flag   // whether the roles hold admin
	endpoints []endpoint
	began     time.Time // when it was asked for
	renewAt   time.Time // zero: never expires
}

func (s *session) fresh(now time.Time) bool {
	return s != nil && (s.renewAt.IsZero() || now.Before(s.renewAt))
}

// session gives the current token, logging in where there is none or it is
// about to expire.
func (l *Login) session(ctx context.Context, trace Trace) (*session, error) {
	return l.ensure(ctx, trace, func(s *session) bool { return s.fresh(time.Now()) })
}

// renew gives another token than stale, which the service has refused, or
// another catalogue. Whoever comes second finds the first one's. A nil stale
// asks for no other: it is session then.
func (l *Login) renew(ctx context.Context, trace Trace, stale *session) (*session, error) {
	return l.ensure(ctx, trace, func(s *session) bool { return s != stale && s.fresh(time.Now()) })
}

func (l *Login) ensure(ctx context.Context, trace Trace, good func(*session) bool) (*session, error) {
	if l.cloud.anonymous() {
		return &session{}, nil
	}
	if s := l.load(); good(s) {
		return s, nil
	}
	request := Error{Op: OpAuth, URL: redact(l.cloud.authURL)}
	select {
	case l.gate <- struct{}{}:
		defer func() { <-l.gate }()
	case <-ctx.Done():
		return nil, interrupted(ctx, &request)
	}
	if s := l.load(); good(s) {
		return s, nil
	}
	if wait := l.wait(time.Now()); wait > 0 {
		request.Reason = ReasonAuth
		request.Err = fmt.Errorf("Keystone has refused the login; the next try is in %s, or after a reload", wait.Round(time.Second))
		return nil, &request
	}
	s, err := l.login(ctx, trace, request)
	l.settle(s, err)
	return s, err
}

func (l *Login) load() *session {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current
}

func (l *Login) wait(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refusals.wait(now)
}

// settle keeps what a login yielded. Only a refusal makes later ones wait.
func (l *Login) settle(s *session, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var failure *Error
	switch {
	case err == nil:
		l.current, l.refusals = s, refusals{}
	case errors.As(err, &failure) && failure.Reason == ReasonAuth:
		l.refusals.add(time.Now())
		l.current = nil // it had expired, or the service refuses it
	}
}

// refusals counts the logins that Keystone has refused in a row. The second is
// tried as soon as it is wanted, since the first may have met a password that
// was being changed; then ever more rarely, so that a wrong password locks no
// account.
type refusals struct {
	count int
	last  time.Time
}

var refusalWaits = []time.Duration{0, 0, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute}

func (r *refusals) add(now time.Time) { r.count, r.last = r.count+1, now }

func (r *refusals) wait(now time.Time) time.Duration {
	pause := refusalWaits[min(r.count, len(refusalWaits)-1)]
	return pause - now.Sub(r.last)
}

// login asks Keystone for a token, through gophercloud, which is given a
// provider of its own each time: nothing of an earlier login can linger.
func (l *Login) login(ctx context.Context, trace Trace, request Error) (*session, error) {
	provider, err := openstack.NewClient(l.cloud.identityEndpoint())
	if err != nil {
		request.Reason, request.Final, request.Err = ReasonAuth, true, errors.New("auth_url cannot be used")
		return nil, &request
	}
	provider.HTTPClient = chain{
		transport: l.transport,
		userAgent: l.userAgent,
		origin:    l.cloud.authURL,
		limit:     maxKeystoneBody,
		observed:  func(code int, took time.Duration) { trace.Request(OpAuth, code, took) },
	}.client()
	began := time.Now()
	if err := openstack.Authenticate(ctx, provider, l.cloud.auth); err != nil {
		return nil, conceal(loginFailure(ctx, request, err), l.cloud.secrets()...)
	}
	s, err := newSession(provider.GetAuthResult(), began)
	if err != nil {
		request.Reason, request.Final, request.Err = ReasonDecode, true, err
		return nil, &request
	}
	s.began = began
	return s, nil
}

// loginFailure names why gophercloud could not log in. Of Keystone's answer it
// keeps status and request id alone: the body may repeat what was sent.
func loginFailure(ctx context.Context, request Error, err error) error {
	var (
		status   gophercloud.ErrUnexpectedResponseCode
		syntax   *json.SyntaxError
		mistyped *json.UnmarshalTypeError
		wire     *url.Error
		body     *bodyError
	)
	switch {
	case errors.As(err, &status):
		request.Status = status.Actual
		request.RequestID = requestID(status.ResponseHeader)
		if u, err := url.Parse(status.URL); err == nil {
			request.URL = redact(u)
		}
		return statusFailure(request, status.ResponseHeader, "")
	case errors.As(err, &wire), errors.As(err, &body), ctx.Err() != nil, errors.Is(err, errTooLarge):
		return transportFailure(ctx, request, err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		request.Reason, request.Err = ReasonDecode, errors.New("Keystone's answer ends inside the JSON")
	case errors.As(err, &syntax), errors.As(err, &mistyped):
		request.Reason, request.Final, request.Err = ReasonDecode, true, errors.New("Keystone's answer is not the JSON of a token")
	default:
		request.Reason, request.Final, request.Err = ReasonDecode, true, fmt.Errorf("Keystone's answer could not be used (%T)", err)
	}
	return &request
}

// requestID gives an answer's X-Openstack-Request-Id, "" where it is none: those of
// OpenStack have 40 bytes. It is not cut, since a part of a secret that a service
// repeats in it could not be hidden.
func requestID(header http.Header) string {
	const longest = 128
	id := header.Get("X-Openstack-Request-Id")
	if len(id) > longest {
		return ""
	}
	return id
}
