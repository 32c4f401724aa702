package collector

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/glance-exporter/glance_exporter/client"
)

// slowCloud is a lister whose reads take a time, one page and a request each
// second, unless their context ends first.
type slowCloud struct {
	mu     sync.Mutex
	takes  time.Duration
	hangs  atomic.Bool   // no request ends any more
	err    error         // of reads that are given the time
	clings time.Duration // how long a cancelled read takes to end
	trace  client.Trace

	begun, ended atomic.Int64
	ctx          atomic.Pointer[context.Context] // of the last read begun
}

func (c *slowCloud) List(ctx context.Context, newPage func() client.Page) (client.Info, error) {
	c.begun.Add(1)
	defer c.ended.Add(1)
	c.ctx.Store(&ctx)
	info := client.Info{Version: "v1.1", Admin: client.True}
	takes, clings, _ := c.plan()
	for end := time.Now().Add(takes); ; {
		var next <-chan time.Time // never, where it hangs
		if !c.hangs.Load() {
			next = time.After(min(time.Second, time.Until(end)))
		}
		select {
		case <-ctx.Done():
			time.Sleep(clings)
			reason := client.ReasonConnection
			if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
				reason = client.ReasonTimeout
			}
			return info, &client.Error{Reason: reason, Op: client.OpList, URL: "http://cloud/v1.1/images/detail", Err: context.Cause(ctx)}
		case <-next:
		}
		page, img := newPage(), anImage()
		page.Add(&img)
		page.Commit()
		c.trace.Request(client.OpList, 200, time.Second)
		info.Requests, info.Pages, info.Images = info.Requests+1, info.Pages+1, info.Images+1
		if !time.Now().Before(end) {
			_, _, err := c.plan()
			return info, err
		}
	}
}

// plan gives how reads are to go now.
func (c *slowCloud) plan() (takes, clings time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.takes, c.clings, c.err
}

// change changes how reads go while they are made in the background.
func (c *slowCloud) change(change func(c *slowCloud)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

// lockedBuffer is a buffer that can be read while others write.
type lockedBuffer struct {
	delay time.Duration // of each write
	mu    sync.Mutex
	text  bytes.Buffer
}

// Write implements [io.Writer].
func (b *lockedBuffer) Write(text []byte) (int, error) {
	time.Sleep(b.delay)
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(text)
}

// String gives what was written so far.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// world is a cloud, the source that reads it, and what was counted and logged.
type world struct {
	*testing.T
	cloud  *slowCloud
	source Source
	scope  *Scope
	lines  *lockedBuffer
}

// inWorld runs a test against a cloud whose reads take 5 seconds. When the test
// is over no goroutine may be left; the bubble sees to that.
func inWorld(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		lines := new(lockedBuffer)
		scope := NewTelemetry(log.NewLogfmtLogger(lines)).For("cloud", "region")
		cloud := &slowCloud{takes: 5 * time.Second, trace: scope}
		test(&world{t, cloud, NewShared(cloud, Config{Labels: DefaultLabels()}, scope), scope, lines})
	})
}

// scrape reads in the background; the channel gives what the read gave.
func (w *world) scrape(ctx context.Context) <-chan *Snapshot {
	result := make(chan *Snapshot, 1)
	go func() { result <- w.source.Read(ctx) }()
	synctest.Wait()
	return result
}

// within is a scrape with a deadline.
func (w *world) within(budget time.Duration) <-chan *Snapshot {
	ctx, cancel := context.WithTimeout(w.Context(), budget)
	w.Cleanup(cancel)
	return w.scrape(ctx)
}

// client is a scrape with a deadline whose client can hang up.
func (w *world) client(budget time.Duration) (result <-chan *Snapshot, hangUp context.CancelFunc) {
	ctx, cancel := context.WithTimeout(w.Context(), budget)
	w.Cleanup(cancel)
	return w.scrape(ctx), cancel
}

// pending fails the test if a scrape was answered.
func (w *world) pending(result <-chan *Snapshot) {
	w.Helper()
	synctest.Wait()
	select {
	case snapshot := <-result:
		w.Fatalf("answered already: %+v", snapshot)
	default:
	}
}

// answered gives the answer of a scrape, which must be there without waiting.
func (w *world) answered(result <-chan *Snapshot) *Snapshot {
	w.Helper()
	synctest.Wait()
	select {
	case snapshot := <-result:
		return snapshot
	default:
		w.Fatal("not answered")
		return nil
	}
}

// timedOut checks that a snapshot is one of a timeout.
func (w *world) timedOut(snapshot *Snapshot) {
	w.Helper()
	if snapshot == nil || snapshot.Err == nil || snapshot.Err.Reason != client.ReasonTimeout || snapshot.Inventory != nil {
		w.Fatalf("want a timeout, got %+v", snapshot)
	}
}

// whole checks that a snapshot is one of a whole inventory.
func (w *world) whole(snapshot *Snapshot) {
	w.Helper()
	if snapshot == nil || snapshot.Err != nil || snapshot.Inventory == nil || snapshot.Inventory.Images() != 5 {
		w.Fatalf("want an inventory, got %+v", snapshot)
	}
}

// counted checks how many reads, timeouts and lines there were.
func (w *world) counted(reads, timeouts, lines int) {
	w.Helper()
	synctest.Wait()
	if got := testutil.ToFloat64(w.scope.scrapes); got != float64(reads) {
		w.Errorf("%v reads are counted, want %d", got, reads)
	}
	total := 0.0
	for _, reason := range client.Reasons {
		total += testutil.ToFloat64(w.scope.errors.WithLabelValues(string(reason.Name)))
	}
	got := testutil.ToFloat64(w.scope.errors.WithLabelValues("timeout"))
	if got != float64(timeouts) || total != got {
		w.Errorf("%v timeouts of %v errors are counted, want %d", got, total, timeouts)
	}
	if got := strings.Count(w.lines.String(), "\n"); got != lines {
		w.Errorf("%d lines, want %d:\n%s", got, lines, w.lines)
	}
}

// reads checks how many reads were begun, and that none is left under way.
func (w *world) reads(begun int64) {
	w.Helper()
	synctest.Wait()
	if got := w.cloud.begun.Load(); got != begun {
		w.Errorf("%d reads, want %d", got, begun)
	}
	if running := w.cloud.begun.Load() - w.cloud.ended.Load(); running != 0 {
		w.Errorf("%d reads are still under way", running)
	}
}
