package collector

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/glance-exporter/glance_exporter/client"
)

const (
	// firstRetry is how long after a failed read the next one begins. It
	// doubles with each failure, up to the interval.
	firstRetry = 15 * time.Second

	// keptIntervals is how many intervals old the last whole inventory may
	// become while newer reads fail.
	keptIntervals = 3
)

// errInterval is why a read in the background is cut short.
var errInterval = fmt.Errorf("the read took longer than the refresh interval: %w", context.DeadlineExceeded)

// errStale is what is told in place of an inventory that is too old to be shown
// though the last read was whole: the one under way does not end.
var errStale = errors.New("the last whole inventory is too old, and no newer read has ended")

// RefreshConfig says how often a [Refresher] reads.
type RefreshConfig struct {
	// Interval is the time from the beginning of one read to that of the next,
	// which is also the time that a read has. It must be above 0.
	Interval time.Duration
	// IdleStop makes the reads begin with the first scrape, and stop when none
	// has asked for that long. 0 means that they begin at once and never stop.
	IdleStop time.Duration
}

// Refresher is a [Source] that reads the inventory in the background and
// answers scrapes at once from the last read. Only while there is none yet do
// they wait for it, each until its own context ends: at its deadline it is given
// a snapshot that says "timeout", which is counted, and otherwise nil. The read
// goes on.
//
// After a read that failed the snapshot says why, and still has the last whole
// inventory until that is three intervals old.
//
// The goroutine that reads belongs to who calls [Refresher.Start] and ends with
// [Refresher.Close].
type Refresher struct {
	shared *Shared
	config RefreshConfig
	wake   chan struct{} // told once when idle ends
	again  chan struct{} // told when a read that failed is to be tried again
	ended  chan struct{} // closed when there will be no more reads

	mu       sync.Mutex
	cancel   context.CancelFunc // nil until started
	closed   bool
	waiting  int           // scrapes, for the first read
	reading  *read         // under way, or the last one
	snapshot *Snapshot     // what scrapes are shown; nil until a read has ended
	ready    chan struct{} // closed once there is a snapshot
	asked    time.Time     // by the last scrape; zero before the first
	idle     bool          // nobody asks, and the goroutine waits for a scrape
}

// NewRefresher makes a source that lets shared do the reads. It does none until
// it is started.
func NewRefresher(shared *Shared, config RefreshConfig) *Refresher {
	return &Refresher{
		shared: shared,
		config: config,
		wake:   make(chan struct{}, 1),
		again:  make(chan struct{}, 1),
		ended:  make(chan struct{}),
		ready:  make(chan struct{}),
	}
}

// Start starts the goroutine that reads, unless it was started or closed before.
func (r *Refresher) Start() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel != nil || r.closed {
		return
	}
	ctx, cancel := context.WithCancel(context.Background()) // it outlives whatever request it is started for
	r.cancel = cancel
	go r.run(ctx)
}

// Close ends the reads. One that is under way is cancelled, and counts nowhere, and
// Close returns when the goroutine has ended; but where scrapes wait for it, it
// goes on as long as they do, and Close does not wait. Scrapes that come later are
// still answered: from the last read, or by one of their own where there is none.
func (r *Refresher) Close() {
	r.mu.Lock()
	started, first := r.cancel != nil, !r.closed
	r.closed = true
	awaited := started && r.waiting > 0
	r.mu.Unlock()
	switch {
	case awaited:
		return
	case started:
		r.cancel()
	case first:
		close(r.ended)
	}
	<-r.ended
}

// TryAgain ends the wait after a read that failed, as when an operator says that
// what failed was mended.
func (r *Refresher) TryAgain() {
	r.mu.Lock()
	failed := r.snapshot != nil && r.snapshot.Err != nil
	r.mu.Unlock()
	if !failed {
		return
	}
	select {
	case r.again <- struct{}{}:
	default:
	}
}

// Read implements [Source].
func (r *Refresher) Read(ctx context.Context) *Snapshot {
	w := newWaiter(ctx)
	r.await(1)
	defer r.await(-1)
	for {
		snapshot, ready := r.ask(w.joined)
		if snapshot != nil {
			return snapshot
		}
		select {
		case <-ready:
		case <-ctx.Done():
			return r.leave(w, context.Cause(ctx))
		case <-r.ended:
			return r.shared.Read(ctx)
		}
	}
}

// await counts the scrapes that wait. When the last one has left, a read that was
// going on for them alone is cancelled.
func (r *Refresher) await(more int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting += more
	if r.waiting == 0 && r.closed && r.cancel != nil {
		r.cancel()
	}
}

// ask gives what a scrape is shown now, or what to wait for until there is
// anything to be shown.
func (r *Refresher) ask(now time.Time) (*Snapshot, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = now
	if r.idle {
		r.idle = false
		r.wake <- struct{}{}
	}
	return r.current(r.snapshot, now), r.ready
}

// leave gives up waiting for the first read, since the scrape's context ended
// for cause.
func (r *Refresher) leave(w *waiter, cause error) *Snapshot {
	r.mu.Lock()
	snapshot, reading := r.current(r.snapshot, time.Now()), r.reading
	r.mu.Unlock()
	switch {
	case snapshot != nil:
		return snapshot
	case !late(cause):
		return nil
	default:
		return r.shared.giveUp(reading, w, cause, r.config.Interval)
	}
}

// current gives the snapshot as it is to be shown now: without an inventory that
// is too old.
func (r *Refresher) current(snapshot *Snapshot, now time.Time) *Snapshot {
	if snapshot == nil || snapshot.Inventory == nil ||
		now.Sub(snapshot.Inventory.began) < keptIntervals*r.config.Interval {
		return snapshot
	}
	shown := *snapshot
	shown.Inventory = nil
	if shown.Err == nil {
		shown.Err = &client.Error{Reason: client.ReasonTimeout, Err: errStale}
	}
	return &shown
}

// run reads again and again until ctx ends.
func (r *Refresher) run(ctx context.Context) {
	defer close(r.ended)
	retry := firstRetry
	for r.wanted(ctx) {
		reading := r.shared.newBackgroundRead(r.config.Interval)
		r.mu.Lock()
		r.reading = reading
		r.mu.Unlock()

		snapshot := r.shared.runInBackground(ctx, reading)
		if snapshot == nil {
			return
		}
		r.publish(snapshot)

		wait := time.Until(reading.began.Add(r.config.Interval))
		if snapshot.Err == nil {
			retry = firstRetry
		} else {
			wait = min(retry, r.config.Interval)
			retry = 2 * wait
		}
		select {
		case <-time.After(wait):
		case <-r.again:
		case <-ctx.Done():
		}
	}
}

// wanted waits until somebody wants to know the inventory, and tells whether
// ctx is still there then.
func (r *Refresher) wanted(ctx context.Context) bool {
	r.mu.Lock()
	r.idle = r.config.IdleStop > 0 && time.Since(r.asked) >= r.config.IdleStop
	idle, closed := r.idle, r.closed
	if idle && r.snapshot != nil {
		r.snapshot, r.ready = nil, make(chan struct{})
	}
	r.mu.Unlock()
	if idle && !closed {
		select {
		case <-r.wake:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil && !closed
}

// publish shows what became of a read, with the last whole inventory where it
// has none.
func (r *Refresher) publish(snapshot *Snapshot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.snapshot == nil
	if snapshot.Inventory == nil && !first {
		shown := *snapshot
		shown.Inventory = r.snapshot.Inventory
		snapshot = &shown
	}
	r.snapshot = r.current(snapshot, time.Now())
	if first {
		close(r.ready)
	}
}
