package collector

import (
	"maps"
	"slices"
	"time"

	"github.com/glance-exporter/glance_exporter/client"
)

// Inventory is what a whole read found. It never changes, so that several
// scrapes may show it at once.
type Inventory struct {
	began    time.Time
	images   uint64
	size     wide
	groups   []groupRow
	statuses []statusRow
	overflow int          // combinations of label values that were folded
	stores   []storeRow   // nil where the service names none
	single   [][]imageRow // the images one by one; nil unless they are kept
}

// groupRow is a group and the values of the group labels that it stands for.
type groupRow struct {
	values []string
	group
}

// statusRow is a condition and the values of the labels status and public that
// it stands for.
type statusRow struct {
	values []string
	condition
}

// statusRows makes rows of those conditions that any image is in.
func statusRows(statuses map[string]conditions) []statusRow {
	var rows []statusRow
	for _, status := range slices.Sorted(maps.Keys(statuses)) {
		for public, found := range statuses[status] {
			if found.images > 0 {
				rows = append(rows, statusRow{
					values:    []string{status, client.Flag(public).String()},
					condition: found,
				})
			}
		}
	}
	return rows
}

// Began is when the read of the inventory began. Images that changed later may
// or may not be in it as they are now.
func (i *Inventory) Began() time.Time { return i.began }

// Images is how many images it holds.
func (i *Inventory) Images() int { return int(i.images) }
