package collector

import (
	"time"

	"github.com/glance-exporter/glance_exporter/client"
)

// Snapshot is the outcome of one read, as a scrape shows it. It never changes
// once it is made: scrapes that waited for the same read share it.
type Snapshot struct {
	// Inventory is nil unless the whole inventory was read. Where inventories
	// are read in the background it may be of an earlier read, when this one
	// failed.
	Inventory *Inventory
	// Err is why the read failed; nil when it did not.
	Err *client.Error
	// Began is when the read began.
	Began time.Time
	// Duration is how long it took.
	Duration time.Duration
	// Timeout is the time that it had; 0 where there was no limit.
	Timeout time.Duration
	// RefreshInterval is the time between two reads in the background; 0
	// where each scrape reads anew.
	RefreshInterval time.Duration
	// Info tells what the read did and learned, whether it failed or not.
	Info client.Info
}
