package collector

import (
	"hash/maphash"
	"maps"
	"math"
	"slices"
)

// groups holds the groups of an inventory by their keys (see [Labels]).
//
// Like [firstValues] it keeps the first groups in the order of their values and
// folds the rest at any time, since a group that is behind limit others stays
// so. Groups whose status keeps no value of its own are always folded. As the
// status leads the order these come after all others, so that the groups kept
// are still the first ones.
type groups struct {
	labels   Labels
	limit    int
	kept     map[string]*group // up to twice the limit, until compact is called
	folded   map[string]*group // few: only labels with few values are left in their keys
	overflow map[uint64]struct{}
	seed     maphash.Seed
}

// newGroups makes a groups that keeps limit groups. Where no label folds there
// are few groups, and the limit would change nothing: there is none then.
func newGroups(labels Labels, limit int, seed maphash.Seed) groups {
	if !labels.fold() {
		limit = math.MaxInt / 2
	}
	return groups{
		labels:   labels,
		limit:    limit,
		kept:     make(map[string]*group),
		folded:   make(map[string]*group),
		overflow: make(map[uint64]struct{}),
		seed:     seed,
	}
}

// at gives the group of a key, which need not have been seen before.
func (g *groups) at(key []byte) *group {
	found, ok := g.kept[string(key)]
	if !ok {
		found = new(group)
		g.kept[string(key)] = found
	}
	return found
}

// full tells that it is time to compact.
func (g *groups) full() bool { return len(g.kept) > 2*g.limit }

// compact folds the groups beyond the limit, and those whose status does not
// keep its value.
func (g *groups) compact(keepsStatus func(status string) bool) {
	keeps := func(key string) bool { return !g.labels.hasStatus() || keepsStatus(g.labels.status(key)) }
	kept := 0
	for _, key := range slices.SortedFunc(maps.Keys(g.kept), compareKeys) {
		status := keeps(key)
		if status && kept < g.limit {
			kept++
			continue
		}
		// A folded combination may come again and is counted only once,
		// which takes 8 bytes for each and not its text.
		g.overflow[maphash.String(g.seed, key)] = struct{}{}
		fold(g.folded, g.labels.foldKey(key, status), g.kept[key])
		delete(g.kept, key)
	}
	// A status may have lost its place after groups of it were folded.
	for key, sum := range g.folded {
		if to := g.labels.foldKey(key, keeps(key)); to != key {
			delete(g.folded, key)
			fold(g.folded, to, sum)
		}
	}
}

// merge adds the groups of a page.
func (g *groups) merge(page *groups) {
	for key, sum := range page.kept {
		fold(g.kept, key, sum)
	}
	for key, sum := range page.folded {
		fold(g.folded, key, sum)
	}
	maps.Copy(g.overflow, page.overflow)
}

// rows gives a copy of all groups, kept and folded. A group that was kept and
// has the very values of a folded one, say a disk format "other", is one with
// it.
func (g *groups) rows() []groupRow {
	all := make(map[string]*group, len(g.kept)+len(g.folded))
	for _, from := range []map[string]*group{g.kept, g.folded} {
		for key, sum := range from {
			copied := *sum
			fold(all, key, &copied)
		}
	}
	rows := make([]groupRow, 0, len(all))
	for _, key := range slices.SortedFunc(maps.Keys(all), compareKeys) {
		rows = append(rows, groupRow{values: g.labels.values(key), group: *all[key]})
	}
	return rows
}

// fold folds a sum into the group of a key. Where there is no such group yet
// the sum becomes it, so it must not be used any more.
func fold(into map[string]*group, key string, sum *group) {
	if present, ok := into[key]; ok {
		present.merge(sum)
	} else {
		into[key] = sum
	}
}
