package collector

import (
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/glance-exporter/glance_exporter/client"
)

const (
	// DefaultMaxGroups is how many groups an inventory keeps unless
	// configured otherwise.
	DefaultMaxGroups = 2000

	// maxStatuses is how many values the label "status" keeps. The API knows
	// a dozen; the limit is there for a service that makes them up.
	maxStatuses = 100
)

// Config says how an inventory is summed up.
type Config struct {
	// Labels are the labels that it is grouped by.
	Labels Labels
	// MaxGroups is how many groups are kept before the rest is folded; below
	// 1 it stands for [DefaultMaxGroups].
	MaxGroups int
	// PerImage keeps each image too, which takes memory for each.
	PerImage bool
}

// Totals sums up an inventory while it is read, in memory that does not grow
// with the number of images unless single images are kept. The sums depend on the images only: neither their
// order nor how they are cut into pages makes a difference.
//
// Overflow: the first MaxGroups combinations of label values are kept, in the
// byte order of their values with the status before the others. In the rest
// those labels that can take many values become "other" and the others keep
// their values, so that sums over these stay exact; such groups come on top of
// the limit. Of the statuses the first 100 in byte order are kept, and the rest
// become "other". For each combination folded 8 bytes are kept, to count it
// once.
//
// Totals are filled by one goroutine; only [Totals.Progress] may be called by
// others.
type Totals struct {
	config   Config
	seed     maphash.Seed
	size     wide
	statuses firstValues[conditions, *conditions]
	groups   groups
	stores   stores
	single   imageRows
	buf      []byte // reused for the key of each image

	pages, images atomic.Int64
}

// NewTotals makes the totals of an inventory of which nothing was read yet.
func NewTotals(config Config) *Totals { return newTotals(config, maphash.MakeSeed()) }

// newTotals makes totals that count folded combinations by the seed, which an
// inventory and its pages must share.
func newTotals(config Config, seed maphash.Seed) *Totals {
	if config.MaxGroups < 1 {
		config.MaxGroups = DefaultMaxGroups
	}
	return &Totals{
		config:   config,
		seed:     seed,
		statuses: newFirstValues[conditions](maxStatuses),
		groups:   newGroups(config.Labels, config.MaxGroups, seed),
		stores:   newStores(),
	}
}

// NewPage makes a page of the inventory. Its images count once it is committed;
// a page that is dropped leaves no trace.
func (t *Totals) NewPage() client.Page {
	return &page{totals: newTotals(t.config, t.seed), inventory: t}
}

// Progress tells how many pages, and images on them, were committed so far. It
// may be called while the totals are being filled.
func (t *Totals) Progress() (pages, images int) {
	return int(t.pages.Load()), int(t.images.Load())
}

// Inventory gives the inventory of all pages committed so far, to be called
// once the last one was; began is when its read began.
func (t *Totals) Inventory(began time.Time) *Inventory {
	t.compact()
	return &Inventory{
		began:    began,
		images:   uint64(t.images.Load()),
		size:     t.size,
		groups:   t.groups.rows(),
		statuses: statusRows(t.statuses.sums()),
		overflow: len(t.groups.overflow),
		stores:   t.stores.rows(),
		single:   t.single.rows(),
	}
}

// add folds one image in. It allocates nothing when an image of the same group
// was seen before, but where single images are kept.
func (t *Totals) add(img *client.Image) {
	t.images.Add(1)
	if img.SizeKnown {
		t.size.add(img.Size)
	}
	t.buf = appendText(t.buf[:0], img.Status)
	t.statuses.at(t.buf)[img.Public].add(img)
	t.buf = t.config.Labels.appendKey(t.buf[:0], img)
	t.groups.at(t.buf).add(img)
	t.buf = t.stores.add(img, t.buf)
	if t.config.PerImage {
		t.buf = t.single.add(img, t.buf)
	}
	t.bound()
}

// merge folds the totals of a page in.
func (t *Totals) merge(page *Totals) {
	t.pages.Add(1)
	t.images.Add(page.images.Load())
	t.size.merge(page.size)
	t.statuses.merge(&page.statuses)
	t.groups.merge(&page.groups)
	t.stores.merge(&page.stores.firstValues)
	t.single.merge(&page.single)
	t.bound()
}

// bound keeps the memory bounded while the totals are filled.
func (t *Totals) bound() {
	if t.statuses.full() || t.groups.full() || t.stores.full() {
		t.compact()
	}
}

// compact folds what is beyond the limits: statuses first, since the groups
// follow them.
func (t *Totals) compact() {
	t.statuses.compact()
	t.groups.compact(t.statuses.keeps)
	t.stores.compact()
}

// page is the totals of one page, and the inventory that they are for.
type page struct{ totals, inventory *Totals }

// Add implements [client.Page].
func (p *page) Add(img *client.Image) { p.totals.add(img) }

// Commit implements [client.Page].
func (p *page) Commit() { p.inventory.merge(p.totals) }
