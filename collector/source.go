package collector

import (
	"context"

	"github.com/glance-exporter/glance_exporter/client"
)

// Source gives the state of one cloud's inventory in one region.
type Source interface {
	// Read gives the outcome of a read that ended within ctx. When ctx ends
	// first because its deadline has passed, it gives a snapshot that says
	// so. It gives nil when ctx was cancelled for another reason: nobody is
	// there to be told then. The cause of ctx decides which it was.
	Read(ctx context.Context) *Snapshot
}

// Lister lists all images of one cloud in one region: a client.Client.
type Lister interface {
	// List reads the inventory page by page. It asks newPage for a page, fills
	// it and commits it, or drops it. The error is a [*client.Error], and
	// without one everything was committed. The deadline of ctx may move while
	// it runs. Where the cause of ctx is a passed deadline the error's reason
	// is timeout.
	List(ctx context.Context, newPage func() client.Page) (client.Info, error)
}
