package collector

import (
	"maps"
	"math/bits"
	"slices"
	"time"

	"github.com/glance-exporter/glance_exporter/client"
)

// wide is a sum of bytes in 128 bits. It does not overflow though a forged image
// header makes a virtual size 2^63-1, and unlike a sum of floats it does not
// depend on the order of its parts.
type wide struct{ hi, lo uint64 }

// add adds n bytes; a negative number counts as 0.
func (w *wide) add(n int64) { w.merge(wide{lo: uint64(max(n, 0))}) }

// merge adds another sum.
func (w *wide) merge(other wide) {
	var carry uint64
	w.lo, carry = bits.Add64(w.lo, other.lo, 0)
	w.hi, _ = bits.Add64(w.hi, other.hi, carry)
}

// float gives the sum as a sample's value, rounded to its 53 bits.
func (w wide) float() float64 { return float64(w.hi)*(1<<64) + float64(w.lo) }

// group sums up the images that share the values of all group labels.
type group struct {
	images      uint64
	size        wide
	virtual     wide
	withVirtual uint64 // images that report a virtual size
}

// add folds an image into the group.
func (g *group) add(img *client.Image) {
	g.images++
	if img.SizeKnown {
		g.size.add(img.Size)
	}
	if img.VirtualSize >= 0 {
		g.virtual.add(img.VirtualSize)
		g.withVirtual++
	}
}

// merge folds another group into this one.
func (g *group) merge(other *group) {
	g.images += other.images
	g.size.merge(other.size)
	g.virtual.merge(other.virtual)
	g.withVirtual += other.withVirtual
}

// condition sums up what may be wrong with the images of one status that are
// public, or are not, or do not say.
type condition struct {
	images          uint64
	oldestUpdate    time.Time // zero where no image tells
	newestCreation  time.Time // zero where no image tells
	withoutChecksum uint64
	withoutSize     uint64
	unprotected     uint64
	failedImport    uint64
}

// add folds an image into the condition.
func (c *condition) add(img *client.Image) {
	one := condition{images: 1, oldestUpdate: img.Updated, newestCreation: img.Created}
	if len(img.Checksum) == 0 {
		one.withoutChecksum = 1
	}
	if !img.SizeKnown {
		one.withoutSize = 1
	}
	if img.Protected == client.False {
		one.unprotected = 1
	}
	if img.FailedImport {
		one.failedImport = 1
	}
	c.merge(&one)
}

// merge folds another condition into this one.
func (c *condition) merge(other *condition) {
	c.images += other.images
	if at := other.oldestUpdate; !at.IsZero() && (c.oldestUpdate.IsZero() || at.Before(c.oldestUpdate)) {
		c.oldestUpdate = at
	}
	if at := other.newestCreation; at.After(c.newestCreation) {
		c.newestCreation = at
	}
	c.withoutChecksum += other.withoutChecksum
	c.withoutSize += other.withoutSize
	c.unprotected += other.unprotected
	c.failedImport += other.failedImport
}

// conditions holds the condition of the images of one status by their flag
// public.
type conditions [client.True + 1]condition

// merge folds the conditions of another status into these.
func (c *conditions) merge(other *conditions) {
	for public := range c {
		c[public].merge(&other[public])
	}
}

// merger is a sum that another of its kind can be folded into.
type merger[T any] interface {
	*T
	merge(*T)
}

// firstValues holds a sum for each value of a text that the service is free to
// choose. Only the first values in byte order keep a sum of their own; the
// others share one. Which are first depends on the whole inventory, but a value
// that is behind limit others stays so whatever comes, and can be folded at any
// time.
type firstValues[T any, P merger[T]] struct {
	limit int
	kept  map[string]*T // up to twice the limit, until compact is called
	other T
}

// newFirstValues makes a firstValues that keeps limit values.
func newFirstValues[T any, P merger[T]](limit int) firstValues[T, P] {
	return firstValues[T, P]{limit: limit, kept: make(map[string]*T)}
}

// at gives the sum of a value, which need not have been seen before.
func (f *firstValues[T, P]) at(value []byte) *T {
	sum, ok := f.kept[string(value)]
	if !ok {
		sum = new(T)
		f.kept[string(value)] = sum
	}
	return sum
}

// full tells that it is time to compact. Letting the values grow to twice the
// limit makes the cost of a compaction that of the values that came since.
func (f *firstValues[T, P]) full() bool { return len(f.kept) > 2*f.limit }

// keeps tells whether the value has a sum of its own.
func (f *firstValues[T, P]) keeps(value string) bool { return f.kept[value] != nil }

// compact folds the values beyond the limit.
func (f *firstValues[T, P]) compact() {
	if len(f.kept) <= f.limit {
		return
	}
	for _, value := range slices.Sorted(maps.Keys(f.kept))[f.limit:] {
		P(&f.other).merge(f.kept[value])
		delete(f.kept, value)
	}
}

// merge adds the sums of another firstValues of the same limit.
func (f *firstValues[T, P]) merge(page *firstValues[T, P]) {
	for value, sum := range page.kept {
		P(f.at([]byte(value))).merge(sum)
	}
	P(&f.other).merge(&page.other)
}

// sums gives a copy of the sums by value, those of the folded values under
// "other", with those of a value of that name if there is one.
func (f *firstValues[T, P]) sums() map[string]T {
	sums := make(map[string]T, len(f.kept)+1)
	for value, sum := range f.kept {
		sums[value] = *sum
	}
	other := sums[valueOther]
	P(&other).merge(&f.other)
	sums[valueOther] = other
	return sums
}
