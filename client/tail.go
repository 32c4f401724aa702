package client

import "slices"

// A tail keeps the last ids of a page, and forgets those before.
type tail struct {
	ids [][]byte // a ring
	n   int      // ids pushed so far
}

// tailLength is how far a walk can step back within a page.
const tailLength = 512

// newTail makes room for ids of the length of a UUID in one piece; longer ones
// get their own.
func newTail() tail {
	const uuid = 36
	t := tail{ids: make([][]byte, tailLength)}
	room := make([]byte, tailLength*uuid)
	for i := range t.ids {
		t.ids[i] = room[i*uuid : i*uuid : (i+1)*uuid]
	}
	return t
}

func (t *tail) reset() { t.n = 0 }

func (t *tail) push(id []byte) {
	slot := &t.ids[t.n%len(t.ids)]
	*slot = append((*slot)[:0], id...)
	t.n++
}

// back gives the id that many places before the last one, "" where that is
// beyond what is kept.
func (t *tail) back(places int) string {
	if places >= min(t.n, len(t.ids)) {
		return ""
	}
	return string(t.ids[(t.n-1-places)%len(t.ids)])
}

// A trail is a way back: ids of images already listed, in the order of the
// list. It is dense near its end and ever thinner before, for the images that
// are deleted while a walk goes on are as likely a whole project's as one.
type trail struct{ ids []string }

const trailLength = 64

// extend adds a page's last ids: the last one, and those 1, 2, 4, ... before.
func (t *trail) extend(page *tail) {
	var ids []string
	for places := 0; ; places = max(1, 2*places) {
		id := page.back(places)
		if id == "" {
			break
		}
		ids = append(ids, id)
	}
	for _, id := range slices.Backward(ids) {
		t.ids = append(t.ids, id)
	}
	if over := len(t.ids) - trailLength; over > 0 {
		t.ids = append(t.ids[:0], t.ids[over:]...)
	}
}

// last is the marker that a walk goes on from; "" before its first image.
func (t *trail) last() string {
	if len(t.ids) == 0 {
		return ""
	}
	return t.ids[len(t.ids)-1]
}

// retreat drops the last id, which the service does not know any more.
func (t *trail) retreat() { t.ids = t.ids[:len(t.ids)-1] }
