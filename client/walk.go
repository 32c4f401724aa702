package client

import (
	"maps"
	"net/url"
	"strconv"
)

// A walk goes through the list by markers: each request names the last image
// seen, until an answer brings nothing new. That is how v1.1 pages, where it
// pages at all; the vendors' services answer with the whole list instead, and
// either take our parameters, ignore them or refuse them.
type walk struct {
	progress
	bare bool // send the documented parameters only

	// behind: a marker was lost and the walk has stepped back to an earlier
	// image, so that pages without anything new are on its way; met counts the
	// images on them.
	behind    bool
	met       int
	restarted bool // it has stepped back as far as the beginning
}

// begin asks for the first page. It is held, not committed: what comes next may
// show that it should not count.
func beginWalk(r *read, bare bool) (*walk, error) {
	w := &walk{progress: newProgress(r), bare: bare}
	p, err := r.list(w.query("", r.client.config.PageSize))
	if err != nil {
		return nil, err
	}
	w.begin(p)
	return w, nil
}

// query gives the parameters of a request. A bare walk leaves out all that the
// vendor's page does not document, except for the marker it may try.
func (w *walk) query(marker string, limit int) url.Values {
	query := w.read.filters()
	if !w.bare {
		maps.Copy(query, w.read.dialect.extras)
		query.Set("limit", strconv.Itoa(limit))
	}
	if marker != "" {
		query.Set("marker", marker)
	}
	return query
}

// next asks for the page behind the last image seen.
func (w *walk) next() (*page, error) {
	return w.read.list(w.query(w.trail.last(), w.read.client.config.PageSize))
}

// toEnd reads the pages behind the first one. The first page stays held if
// there are no others.
func (w *walk) toEnd() error {
	if w.first.listed == 0 || w.read.lessons.whole {
		return nil
	}
	if !w.bare && w.first.listed > w.read.client.config.PageSize {
		return nil // longer than was asked for: the service does not page
	}
	for {
		p, err := w.next()
		switch {
		case err != nil && w.markerLost(err) && !w.lost():
			w.stepBack()
		case err != nil && w.markerLost(err) && w.pages == 1:
			return w.proveWhole() // it knows no marker at all
		case err != nil:
			return err
		case p.listed == 0:
			return nil
		case p.fresh > 0:
			w.take(p)
			w.behind, w.met, w.restarted = false, 0, false
		case w.behind:
			if w.met += p.listed; w.met > w.read.counted.len {
				return w.repeated(p)
			}
			w.trail.extend(&w.read.tail)
		default:
			return w.repeated(p)
		}
	}
}

// markerLost tells whether an error means that the marker's image was deleted
// or withdrawn since the last page. Glance answers 400 then, whatever else may
// be wrong with the request; the same request without that marker was right.
func (w *walk) markerLost(err error) bool { return w.trail.last() != "" && refused(err) }

// stepBack goes on from an earlier image; from the beginning where none is
// left. What was counted is not counted again.
func (w *walk) stepBack() {
	w.trail.retreat()
	w.behind = true
	w.restarted = w.restarted || len(w.trail.ids) == 0
}

// lost tells whether there is nowhere left to step back to: the walk has begun
// anew, and nothing new came of it.
func (w *walk) lost() bool { return w.restarted && len(w.trail.ids) == 1 }

// repeated decides what a page means that holds images but none that is new.
func (w *walk) repeated(p *page) error {
	switch {
	case p.listed == 1 && w.read.tail.back(0) == w.trail.last():
		return nil // the marker's own image: the service counts it in
	case w.pages == 1 && w.prints[p.print]:
		return w.proveWhole()
	case w.prints[p.print] || w.behind:
		return w.pagingError("the service answers with a page that it gave before")
	default:
		return nil
	}
}

// proveWhole decides, for a service that answers every marker with its first
// page, whether that page was the whole list. It was if the service brings all
// of it again where one image less is asked for.
func (w *walk) proveWhole() error {
	n := w.first.listed
	if !w.bare && n >= 2 {
		p, err := w.read.list(w.query("", n-1))
		if err != nil {
			return err
		}
		if p.listed < n {
			return w.pagingError("the service limits its pages but answers every marker with the first one")
		}
	}
	w.read.lessons.whole = true
	w.read.client.config.Trace.Notice("the service ignores limit and marker; its answer is taken for the whole list", "images", n)
	return nil
}

func (w *walk) pagingError(text string) error {
	return w.read.pagingError(text, w.query(w.trail.last(), w.read.client.config.PageSize))
}

// misread tells whether the service takes our extra parameters for something
// else.
func (w *walk) misread() (bool, error) {
	plain := walk{progress: progress{read: w.read}, bare: true}
	return w.read.misread(plain.query("", 0), w.query("", w.read.client.config.PageSize))
}
