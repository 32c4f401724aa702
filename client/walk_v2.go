package client

import (
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// walkV2 reads the list of v2. Hidden images are on a list of their own, so
// there are two walks; and where a service refuses to list all visibilities at
// once, as Glance did up to Rocky, there are two for each of them.
func walkV2(r *read) error {
	switch {
	case r.lessons.bare:
		return r.walkLinks(r.queryV2("", false))
	case len(r.lessons.split) > 0:
		return walkSplit(r)
	}
	all := r.queryV2("all", false)
	w, err := beginTwice(r, all)
	if refused(err) {
		return walkSplit(r)
	}
	if err == nil {
		err = w.toEnd()
	}
	if err != nil {
		return err
	}
	if w.pages == 1 && !r.lessons.checked {
		misread, err := r.misread(r.queryV2("", false), all)
		if err != nil {
			return err
		}
		if misread {
			r.giveUp("the service takes our parameters for filters; they are given up")
			r.forget()
			return r.walkLinks(r.queryV2("", false))
		}
	}
	r.lessons.checked = w.first.listed > 0 // an empty list proves nothing
	w.commitFirst()
	return walkHidden(r, "all")
}

// beginTwice begins a walk, and once more where it is refused: a refusal that
// comes once means nothing.
func beginTwice(r *read, query url.Values) (*linkWalk, error) {
	w, err := beginLinkWalk(r, query)
	if refused(err) {
		w, err = beginLinkWalk(r, query)
	}
	return w, err
}

// visibilities are those that an image can have.
var visibilities = []string{visibilityPublic, "private", "shared", "community"}

// walkSplit reads the list once for each visibility that the service knows:
// community and shared are younger than v2.
func walkSplit(r *read) error {
	asked := r.lessons.split
	learning := len(asked) == 0
	if learning {
		asked = visibilities
	}
	var known []string
	for _, visibility := range asked {
		w, err := beginTwice(r, r.queryV2(visibility, false))
		if learning && refused(err) {
			continue
		}
		if err == nil {
			err = w.toEnd()
		}
		if err != nil {
			return err
		}
		w.commitFirst()
		known = append(known, visibility)
	}
	if len(known) == 0 { // it is something else that it refuses
		err := r.walkLinks(r.queryV2("", false))
		if err == nil {
			r.giveUp("the service refuses our parameters; they are given up")
		}
		return err
	}
	if learning {
		r.lessons.split = known
		r.client.config.Trace.Notice("the service does not list all visibilities at once; it is asked for each of them",
			"visibilities", strings.Join(known, ","))
	}
	for _, visibility := range known {
		if err := walkHidden(r, visibility); err != nil {
			return err
		}
	}
	return nil
}

// walkHidden reads the list of hidden images, of those that say they are: a
// service may not know the parameter, and ignore or refuse it.
func walkHidden(r *read, visibility string) error {
	if r.lessons.noHidden {
		return nil
	}
	r.hiddenOnly = true
	defer func() { r.hiddenOnly = false }()
	w, err := beginTwice(r, r.queryV2(visibility, true))
	if refused(err) || err == nil && w.first.listed > 0 && w.first.strange == w.first.listed {
		r.lessons.noHidden = true
		return nil
	}
	return finish(w, err)
}

// queryV2 gives the parameters of a walk's first request. Without a visibility
// it is what anybody would ask for.
func (r *read) queryV2(visibility string, hidden bool) url.Values {
	query := r.filters()
	query.Set("limit", strconv.Itoa(r.client.config.PageSize))
	if visibility != "" {
		maps.Copy(query, r.dialect.extras)
		query.Set("visibility", visibility)
	}
	if hidden {
		query.Set("os_hidden", "true")
	}
	return query
}

// walkLinks reads a whole list.
func (r *read) walkLinks(query url.Values) error {
	return finish(beginLinkWalk(r, query))
}

// A linkWalk goes through a list whose pages each name the next one. A page may
// be short or empty and still do so; the one that does not is the last.
type linkWalk struct {
	progress
	path     string // of the next page
	query    url.Values
	followed map[string]bool // links, against going round in circles

	// behind: a marker was lost and the walk has stepped back, as in [walk].
	behind    bool
	restarted bool
	met       int // images met again since
	idle      int // pages in a row that brought nothing new
}

func beginLinkWalk(r *read, query url.Values) (*linkWalk, error) {
	w := &linkWalk{progress: newProgress(r), followed: map[string]bool{}}
	p, err := r.list(query)
	if err != nil {
		return nil, err
	}
	w.begin(p)
	err = w.follow(p.next)
	return w, err
}

// toEnd reads the pages behind the first one, which stays held if there are no
// others.
func (w *linkWalk) toEnd() error {
	for w.query != nil {
		p, err := w.read.listAt(w.path, w.query)
		switch {
		case err != nil && w.markerLost(err):
			w.stepBack()
			continue
		case err != nil:
			return err
		case p.fresh > 0:
			w.take(p)
			w.behind, w.restarted, w.met, w.idle = false, false, 0, 0
		case p.listed > 0 && w.prints[p.print] && !w.behind:
			return w.read.pagingError("the service answers with a page that it gave before", w.query)
		default:
			w.idle++
			if w.behind {
				w.met += p.listed
			}
			if w.idle > maxIdle || w.met > w.read.counted.len {
				return w.read.pagingError("page after page brings nothing new", w.query)
			}
			w.trail.extend(&w.read.tail)
		}
		if err := w.follow(p.next); err != nil {
			return err
		}
	}
	return nil
}

// maxIdle is how many pages in a row may bring nothing new: those that a policy
// left empty, or those between a marker that was lost and an earlier one.
const maxIdle = 1000

// follow goes to a link. Of it only path and query count, behind the service's
// own base URL: Glance writes it without the prefix that a proxy has put before,
// and nobody may lead us, and our token, elsewhere.
func (w *linkWalk) follow(link string) error {
	w.path, w.query = "", nil
	if link == "" {
		return nil
	}
	if w.followed[link] && !w.behind {
		return w.read.pagingError("the service names a page as the next one that was read before", nil)
	}
	w.followed[link] = true
	target, err := url.Parse(link)
	if err == nil {
		w.query, err = url.ParseQuery(target.RawQuery)
	}
	if err != nil {
		return w.read.pagingError("the service names no usable URL as the next page", nil)
	}
	w.path = strings.TrimPrefix(target.Path, w.read.base.Path)
	if w.path == "" {
		w.path = w.read.dialect.path
	}
	return nil
}

// markerLost tells whether an error means that the marker's image was deleted
// (400) or is not visible any more (403), and there is an earlier one to go on
// from, or the beginning.
func (w *linkWalk) markerLost(err error) bool {
	failure := asError(err)
	gone := failure.is(OpList, http.StatusBadRequest, http.StatusForbidden) && w.query.Has("marker")
	return gone && w.trail.last() != "" && !w.restarted
}

func (w *linkWalk) stepBack() {
	w.trail.retreat()
	w.behind = true
	query := maps.Clone(w.query)
	if marker := w.trail.last(); marker != "" {
		query.Set("marker", marker)
	} else {
		query.Del("marker")
		w.restarted = true
	}
	w.query = query
}
