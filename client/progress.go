package client

import (
	"fmt"
	"net/http"
	"net/url"
)

// progress is what the walks of all dialects keep of the pages they have read.
type progress struct {
	read   *read
	first  *page // held, not committed, as long as it is the only one
	pages  int
	trail  trail
	prints map[uint64]bool // of the pages
}

func newProgress(r *read) progress { return progress{read: r, prints: map[uint64]bool{}} }

// begin takes the first page. It is held: what comes next may show that it
// should not count.
func (g *progress) begin(p *page) {
	g.first = p
	g.settle(p)
}

// take counts a page behind the first one, and that one.
func (g *progress) take(p *page) {
	g.commitFirst()
	g.settle(p)
	p.content.Commit()
}

func (g *progress) settle(p *page) {
	g.read.settle(p)
	g.trail.extend(&g.read.tail)
	g.prints[p.print] = true
	g.pages++
}

// commitFirst counts the page that was held.
func (g *progress) commitFirst() {
	if g.first.content != nil {
		g.first.content.Commit()
		g.first.content = nil
	}
}

// finish goes to the end of a walk that has begun, if it has, and counts all of
// it.
func finish(w interface {
	toEnd() error
	commitFirst()
}, err error,
) error {
	if err == nil {
		err = w.toEnd()
	}
	if err == nil {
		w.commitFirst()
	}
	return err
}

// misread asks for the list without our extra parameters and tells whether that
// shows images which the list with them, asked for once more, does not: then the
// service takes them for something else. An image that was made in the meantime
// shows in both, and one that is gone again in neither: without our parameters the
// list must show more before and after.
func (r *read) misread(without, with url.Values) (bool, error) {
	plain, err := r.list(without)
	if err != nil || plain.fresh == 0 {
		return false, err
	}
	again, err := r.list(with)
	if err != nil || again.fresh >= plain.fresh {
		return false, err
	}
	plain, err = r.list(without)
	if err != nil {
		return false, err
	}
	return again.fresh < plain.fresh, nil
}

// giveUp remembers, and tells, that the service is asked without our extra
// parameters from now on.
func (r *read) giveUp(why string) {
	r.lessons.bare = true
	r.client.config.Trace.Notice(why, "parameters", r.dialect.extras.Encode())
}

func (r *read) pagingError(text string, query url.Values) error {
	target := r.base.JoinPath(r.dialect.path)
	target.RawQuery = query.Encode()
	return &Error{
		Reason: ReasonPaging, Final: true, Op: OpList, URL: redact(target), Status: http.StatusOK,
		Err: fmt.Errorf("%s, after %d images", text, r.info.Images),
	}
}

// refused tells whether the service answered a request for the list with 400.
func refused(err error) bool { return asError(err).is(OpList, http.StatusBadRequest) }
