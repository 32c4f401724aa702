package collector

import (
	"slices"
	"strings"
	"time"

	"github.com/glance-exporter/glance_exporter/client"
)

// labelID is the label that names an image in all of its series.
const labelID = "id"

// imageLabels are the labels of a single image: its id, its name, and all that
// an inventory can be grouped by but properties.
var imageLabels = Labels{list: append([]label{
	{
		labelID, "the image's id",
		false, ofText(func(img *client.Image) []byte { return img.ID }),
	},
	{
		"name", "its name, which other images may have too",
		false, ofText(func(img *client.Image) []byte { return img.Name }),
	},
}, groupLabels...)}

// imageRow is what is shown of a single image.
type imageRow struct {
	key              string // the values of imageLabels, the id first
	size, virtual    int64  // bytes; -1 where not known
	minDisk          int64  // GiB
	minRAM           int64  // MiB
	created, updated time.Time
}

// id gives the image's id as a label shows it.
func (r *imageRow) id() string {
	id, _, _ := strings.Cut(r.key, keyEnd)
	return id
}

// imageRows holds the images of an inventory one by one, page by page.
type imageRows struct {
	pages [][]imageRow
	ids   map[string]struct{} // of all pages
}

// add adds an image to the last page; buf is for its use.
func (i *imageRows) add(img *client.Image, buf []byte) []byte {
	if len(i.pages) == 0 {
		i.pages = make([][]imageRow, 1)
	}
	buf = imageLabels.appendKey(buf[:0], img)
	row := imageRow{
		key:     string(buf),
		size:    -1,
		virtual: img.VirtualSize,
		minDisk: max(img.MinDisk, 0),
		minRAM:  max(img.MinRAM, 0),
		created: img.Created,
		updated: img.Updated,
	}
	if img.SizeKnown {
		row.size = max(img.Size, 0) // as a sum of sizes takes it
	}
	last := &i.pages[len(i.pages)-1]
	*last = append(*last, row)
	return buf
}

// merge adds the pages of others, which must not be used any more. An id that is
// there already is left out: a series that comes twice would make the whole
// scrape fail, and ids that differ may have become the same text.
func (i *imageRows) merge(other *imageRows) {
	if i.ids == nil {
		i.ids = make(map[string]struct{})
	}
	for _, page := range other.pages {
		i.pages = append(i.pages, slices.DeleteFunc(page, func(row imageRow) bool {
			_, twice := i.ids[row.id()]
			i.ids[row.id()] = struct{}{}
			return twice
		}))
	}
}

// rows gives the images of all pages. Pages that were merged do not change.
func (i *imageRows) rows() [][]imageRow { return slices.Clone(i.pages) }

// perImage emits a sample, labelled with its id, for each image that value has
// one for.
func perImage(value func(*imageRow) (float64, bool)) func(*Snapshot, emit) {
	return eachImage(func(row *imageRow, emit emit) {
		if v, ok := value(row); ok {
			emit(v, row.id())
		}
	})
}

// eachImage lets show emit the samples of each single image.
func eachImage(show func(*imageRow, emit)) func(*Snapshot, emit) {
	return func(s *Snapshot, emit emit) {
		if s.Inventory == nil {
			return
		}
		for _, page := range s.Inventory.single {
			for i := range page {
				show(&page[i], emit)
			}
		}
	}
}
