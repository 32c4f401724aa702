package collector

import (
	"bytes"
	"maps"
	"slices"

	"github.com/glance-exporter/glance_exporter/client"
)

// labelStore is the label that names a store.
const labelStore = "store"

const (
	// maxStores is how many values the label "store" keeps, by the rule of
	// maxStatuses. An operator configures a handful.
	maxStores = 100
	// maxStoresOfImage is how many stores of one image are looked at.
	maxStoresOfImage = 100
)

// stores sums up the images in each store, by its name.
type stores struct{ firstValues[group, *group] }

func newStores() stores { return stores{newFirstValues[group](maxStores)} }

// add folds an image into each of its stores; buf is for its use. Where the
// service does not say there are none.
func (s *stores) add(img *client.Image, buf []byte) []byte {
	if len(img.Stores) == 0 {
		return buf
	}
	var one group
	one.add(img)
	rest, more := img.Stores, true
	for n := 0; more && n < maxStoresOfImage; n++ {
		var name []byte
		before := img.Stores[:len(img.Stores)-len(rest)]
		name, rest, more = bytes.Cut(rest, []byte(","))
		name = bytes.TrimSpace(name)
		if len(name) == 0 || named(before, name) {
			continue
		}
		buf = appendText(buf[:0], name)
		s.at(buf).merge(&one)
	}
	return buf
}

// named tells whether a list of names separated by commas has the name.
func named(list, name []byte) bool {
	for other := range bytes.SplitSeq(list, []byte(",")) {
		if bytes.Equal(bytes.TrimSpace(other), name) {
			return true
		}
	}
	return false
}

// storeRow is a store and what is in it.
type storeRow struct {
	store string
	group
}

// rows gives the stores that hold any image.
func (s *stores) rows() []storeRow {
	var rows []storeRow
	sums := s.sums()
	for _, store := range slices.Sorted(maps.Keys(sums)) {
		if sum := sums[store]; sum.images > 0 {
			rows = append(rows, storeRow{store, sum})
		}
	}
	return rows
}
