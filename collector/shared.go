package collector

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/glance-exporter/glance_exporter/client"
)

// Shared is a [Source] that reads the inventory whenever it is asked, and joins
// those who ask at the same time: they all wait for one read.
//
// The read runs under a context of its own, which lives while anyone waits.
// Each waiter leaves when its own context ends:
//
//   - at its deadline, while others go on waiting: it is given a snapshot of its
//     own that says "timeout", and one timeout is counted;
//   - at its deadline, as the last one: the read is cancelled for that, and the
//     waiter is given what becomes of it;
//   - for another reason, as a client that hung up: it is given nil, and nothing
//     is counted. If it was the last one the read is cancelled and counts
//     nowhere.
//
// A read that has ended or was cancelled is not joined any more, nor is one that
// a [Refresher] has it do in the background, nor one that is stuck: of which a
// waiter has seen no request end until its deadline. Two scrapers in turn would
// else keep a request that hangs alive for ever, and each other from a new read.
type Shared struct {
	lister Lister
	config Config
	scope  *Scope

	mu      sync.Mutex
	current *read       // the read that may be joined; nil where there is none
	info    client.Info // of the last read that ended
}

// NewShared makes the source of one cloud and region. The scope is told of
// every read.
func NewShared(lister Lister, config Config, scope *Scope) *Shared {
	return &Shared{lister: lister, config: config, scope: scope}
}

// read is one read under way. The mutex of its [Shared] guards what changes.
type read struct {
	ctx      context.Context
	cancel   context.CancelCauseFunc
	began    time.Time
	interval time.Duration // of reads in the background; 0 where scrapes wait for the read
	totals   *Totals
	requests int64         // the scope's count when the read began
	done     chan struct{} // closed after snapshot was set
	snapshot *Snapshot     // nil where everyone had gone

	waiting  map[*waiter]struct{}
	deadline time.Time // the latest of those waiting, or of the last one; zero for none
	ended    bool
}

// waiter is one call of Read.
type waiter struct {
	joined   time.Time
	deadline time.Time // zero for none
	requests int64     // the scope's count when it joined a read
}

// newWaiter makes a waiter that comes now and waits until ctx ends.
func newWaiter(ctx context.Context) *waiter {
	w := &waiter{joined: time.Now()}
	w.deadline, _ = ctx.Deadline()
	return w
}

// readContext is the context of a read. Its deadline moves as waiters come and
// go, and it does not end by itself at it: the last waiter ends it.
type readContext struct {
	context.Context
	deadline func() time.Time
}

// Deadline implements [context.Context].
func (c readContext) Deadline() (time.Time, bool) {
	deadline := c.deadline()
	return deadline, !deadline.IsZero()
}

// Read implements [Source].
func (s *Shared) Read(ctx context.Context) *Snapshot {
	r, w := s.join(ctx)
	select {
	case <-r.done:
		return r.snapshot
	case <-ctx.Done():
		return s.leave(r, w, context.Cause(ctx))
	}
}

// join makes the caller one of those who wait for the current read, which it
// starts where there is none.
func (s *Shared) join(ctx context.Context) (*read, *waiter) {
	w := newWaiter(ctx)
	w.requests = s.scope.requestCount()
	s.mu.Lock()
	defer s.mu.Unlock()
	started := s.current == nil
	if started {
		s.current = s.newRead(w.joined)
	}
	r := s.current
	r.waiting[w] = struct{}{}
	r.deadline = latest(r.waiting)
	if started {
		go s.run(r)
	}
	return r, w
}

// newRead makes a read that nobody waits for yet. Nothing of any waiter's
// context is in its own, least of all its values.
func (s *Shared) newRead(began time.Time) *read {
	r := &read{
		began:    began,
		totals:   NewTotals(s.config),
		requests: s.scope.requestCount(),
		done:     make(chan struct{}),
		waiting:  make(map[*waiter]struct{}),
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	r.cancel = cancel
	r.ctx = readContext{ctx, func() time.Time {
		s.mu.Lock()
		defer s.mu.Unlock()
		return r.deadline
	}}
	return r
}

// run does the read and tells everyone.
func (s *Shared) run(r *read) {
	defer r.cancel(nil)
	info, err := s.lister.List(r.ctx, r.totals.NewPage)

	s.mu.Lock()
	r.ended = true
	if s.current == r {
		s.current = nil
	}
	// Nobody leaves an ended read, so this is final.
	cause := context.Cause(r.ctx)
	abandoned := cause != nil && !late(cause)
	if !abandoned {
		s.info = info
	}
	s.mu.Unlock()

	// Counted before anyone is told, so that a scrape shows its own read in
	// the exporter's counters.
	if !abandoned {
		r.snapshot = r.outcome(info, err)
		s.scope.readEnded(r.snapshot)
	}
	close(r.done)
}

// outcome makes the snapshot of an ended read.
func (r *read) outcome(info client.Info, err error) *Snapshot {
	snapshot := &Snapshot{
		Began:           r.began,
		Duration:        time.Since(r.began),
		Timeout:         span(r.began, r.deadline),
		RefreshInterval: r.interval,
		Info:            info,
	}
	if err == nil {
		snapshot.Inventory = r.totals.Inventory(r.began)
		return snapshot
	}
	failure, ok := errors.AsType[*client.Error](err)
	if !ok {
		// A lister that breaks its contract: say so rather than hide it.
		failure = &client.Error{Reason: client.ReasonDecode, Err: err}
	}
	snapshot.Err = failure
	return snapshot
}

// leave takes a waiter, whose context ended for cause, off the read.
func (s *Shared) leave(r *read, w *waiter, cause error) *Snapshot {
	s.mu.Lock()
	if r.ended {
		s.mu.Unlock()
		<-r.done
		return r.snapshot
	}
	delete(r.waiting, w)
	last := len(r.waiting) == 0
	switch {
	case !last:
		r.deadline = latest(r.waiting)
		if stuck := late(cause) && s.scope.requestCount() == w.requests; stuck && s.current == r {
			s.current = nil
		}
	case late(cause):
		s.stop(r, cause)
	default:
		s.stop(r, context.Canceled)
	}
	s.mu.Unlock()

	switch {
	case !late(cause):
		return nil
	case last:
		<-r.done
		return r.snapshot
	default:
		return s.giveUp(r, w, cause, 0)
	}
}

// stop cancels a read that nobody waits for, so that nobody joins it. The
// caller holds the mutex.
func (s *Shared) stop(r *read, cause error) {
	if s.current == r {
		s.current = nil
	}
	r.cancel(cause)
}

// giveUp counts that a waiter could not wait for the read's end, and makes its
// snapshot. Version and role are those that the last read learned. The read is
// nil where it has not begun, and the interval 0 unless it is one in the
// background.
func (s *Shared) giveUp(r *read, w *waiter, cause error, interval time.Duration) *Snapshot {
	s.mu.Lock()
	info := client.Info{Version: s.info.Version, Admin: s.info.Admin}
	s.mu.Unlock()
	if r != nil {
		info.Requests = int(s.scope.requestCount() - r.requests)
		info.Pages, info.Images = r.totals.Progress()
	}
	snapshot := &Snapshot{
		Err:             &client.Error{Reason: client.ReasonTimeout, Err: cause},
		Began:           w.joined,
		Duration:        time.Since(w.joined),
		Timeout:         span(w.joined, w.deadline),
		RefreshInterval: interval,
		Info:            info,
	}
	s.scope.gaveUp(snapshot)
	return snapshot
}

// newBackgroundRead makes a read that begins now, that nobody joins, and that
// has the time of an interval.
func (s *Shared) newBackgroundRead(interval time.Duration) *read {
	r := s.newRead(time.Now())
	r.interval, r.deadline = interval, r.began.Add(interval)
	return r
}

// runInBackground does that read. It gives nil when ctx ended before.
func (s *Shared) runInBackground(ctx context.Context, r *read) *Snapshot {
	ctx, cancel := context.WithDeadlineCause(ctx, r.deadline, errInterval)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { r.cancel(context.Cause(ctx)) })
	defer stop()
	s.run(r)
	return r.snapshot
}

// late tells whether a context ended because its deadline had passed.
func late(cause error) bool { return errors.Is(cause, context.DeadlineExceeded) }

// latest gives the latest deadline of those waiting, and the zero time where one
// of them has none.
func latest(waiting map[*waiter]struct{}) time.Time {
	var deadline time.Time
	for w := range waiting {
		if w.deadline.IsZero() {
			return time.Time{}
		}
		if w.deadline.After(deadline) {
			deadline = w.deadline
		}
	}
	return deadline
}

// span gives the time from one point to a deadline; 0 where there is none.
func span(from, deadline time.Time) time.Duration {
	if deadline.IsZero() {
		return 0
	}
	return deadline.Sub(from)
}
