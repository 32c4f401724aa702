package collector

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/glance-exporter/glance_exporter/client"
)

// refreshed is a world whose inventory is read in the background.
type refreshed struct {
	*world
	refresher *Refresher
	start     time.Time
}

// inBackgroundWorld runs a test against a cloud whose reads take 5 seconds and
// that is to be read in the background, which the test has to start.
func inBackgroundWorld(t *testing.T, config RefreshConfig, test func(w *refreshed)) {
	t.Helper()
	inWorld(t, func(w *world) {
		shared, ok := w.source.(*Shared)
		if !ok {
			t.Fatalf("the source is a %T", w.source)
		}
		refresher := NewRefresher(shared, config)
		w.source = refresher
		test(&refreshed{w, refresher, time.Now()})
		refresher.Close()
		if running := w.cloud.begun.Load() - w.cloud.ended.Load(); running != 0 {
			t.Errorf("%d reads outlive the refresher", running)
		}
	})
}

const minutely = time.Minute

// refreshing runs a test against a cloud that is being read every minute.
func refreshing(t *testing.T, test func(w *refreshed)) {
	t.Helper()
	inBackgroundWorld(t, RefreshConfig{Interval: minutely}, func(w *refreshed) {
		w.refresher.Start()
		test(w)
	})
}

// at waits until so long after the start.
func (w *refreshed) at(after time.Duration) {
	w.Helper()
	time.Sleep(time.Until(w.start.Add(after)))
	synctest.Wait()
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// now is a scrape that must be answered at once.
func (w *refreshed) now() *Snapshot {
	w.Helper()
	before := time.Now()
	snapshot := w.answered(w.within(time.Second))
	if waited := time.Since(before); waited != 0 {
		w.Fatalf("the scrape waited %v", waited)
	}
	return snapshot
}

// stored gives what the refresher keeps.
func (w *refreshed) stored() *Snapshot {
	w.refresher.mu.Lock()
	defer w.refresher.mu.Unlock()
	return w.refresher.snapshot
}

// begun checks how many reads have begun.
func (w *refreshed) begun(want int64) {
	w.Helper()
	synctest.Wait()
	if got := w.cloud.begun.Load(); got != want {
		w.Errorf("after %v there were %d reads, want %d", time.Since(w.start), got, want)
	}
}

// failed checks that a read failed for a reason, and that what is shown beside
// it is the inventory whose read began so long after the start; below 0 for none.
func (w *refreshed) failed(snapshot *Snapshot, reason client.Reason, inventory time.Duration) {
	w.Helper()
	if snapshot == nil || snapshot.Err == nil || snapshot.Err.Reason != reason {
		w.Fatalf("want a failure for %s, got %+v", reason, snapshot)
	}
	switch {
	case inventory < 0 && snapshot.Inventory != nil:
		w.Errorf("after %v there is still the inventory of %v", time.Since(w.start), snapshot.Inventory.Began())
	case inventory >= 0 && snapshot.Inventory == nil:
		w.Errorf("after %v there is no inventory", time.Since(w.start))
	case inventory >= 0 && !snapshot.Inventory.Began().Equal(w.start.Add(inventory)):
		w.Errorf("after %v there is the inventory of %v", time.Since(w.start), snapshot.Inventory.Began())
	}
}

var errRefused = &client.Error{Reason: client.ReasonForbidden, Status: 403, Err: errors.New("403 Forbidden")}

func TestScrapesAreAnsweredAtOnceFromTheLastRead(t *testing.T) {
	refreshing(t, func(w *refreshed) {
		w.at(5 * time.Second)
		first := w.now()
		w.whole(first)
		if !first.Began.Equal(w.start) || first.Timeout != minutely || first.RefreshInterval != minutely || first.Duration != 5*time.Second {
			t.Errorf("got %+v", first)
		}
		w.at(59 * time.Second)
		if w.now() != first {
			t.Error("there is another before the interval is over")
		}
		w.at(62 * time.Second)
		w.begun(2)
		if w.now() != first {
			t.Error("a scrape while a read is under way is not answered from the one before")
		}
		w.at(65 * time.Second)
		second := w.now()
		w.whole(second)
		if !second.Began.Equal(w.start.Add(minutely)) {
			t.Errorf("the second read began at %v", second.Began)
		}
		w.at(299 * time.Second)
		w.begun(5)
		w.counted(5, 0, 5)
	})
}

func TestTheFirstScrapeWaitsForTheFirstRead(t *testing.T) {
	refreshing(t, func(w *refreshed) {
		var results []<-chan *Snapshot
		for range 50 {
			results = append(results, w.within(10*time.Second))
		}
		w.at(4 * time.Second)
		w.pending(results[0])
		w.at(5 * time.Second)
		for _, result := range results {
			snapshot := w.answered(result)
			w.whole(snapshot)
			if snapshot != w.now() {
				t.Fatal("they got different snapshots")
			}
		}
		w.begun(1)
		w.counted(1, 0, 1)
	})
}

func TestTheFirstScrapeWaitsUntilItsDeadlineOnly(t *testing.T) {
	refreshing(t, func(w *refreshed) {
		w.at(time.Second)
		hasty := w.within(2500 * time.Millisecond)
		gone, hangUp := w.client(2 * time.Second)
		hangUp()
		if snapshot := w.answered(gone); snapshot != nil {
			t.Errorf("a client that had gone was given %+v", snapshot)
		}
		w.at(3500 * time.Millisecond)
		own := w.answered(hasty)
		w.timedOut(own)
		if !own.Began.Equal(w.start.Add(time.Second)) || own.Duration != 2500*time.Millisecond || own.Timeout != own.Duration || own.RefreshInterval != minutely {
			t.Errorf("its time is told wrong: %+v", own)
		}
		if own.Info.Requests != 3 || own.Info.Pages != 3 || own.Info.Images != 3 {
			t.Errorf("how far the read got is told wrong: %+v", own.Info)
		}
		w.counted(0, 1, 1)
		if strings.Contains(w.lines.String(), "hint=") {
			t.Errorf("what is in use already is hinted at:\n%s", w.lines)
		}
		w.at(5 * time.Second)
		w.whole(w.now())
		w.begun(1)
		w.counted(1, 1, 2)
	})
}

func TestAFailureShowsAtOnceAndIsTriedAgain(t *testing.T) {
	refreshing(t, func(w *refreshed) {
		w.at(10 * time.Second)
		w.cloud.change(func(c *slowCloud) { c.err = errRefused })
		w.at(64 * time.Second)
		w.whole(w.now())
		w.at(65 * time.Second)
		w.failed(w.now(), client.ReasonForbidden, 0)
		if began := w.now().Began; !began.Equal(w.start.Add(minutely)) {
			t.Errorf("the read that failed began at %v", began)
		}
		// 15 s after the read that began at 60 s has ended, then 30 s, then
		// an interval, and so on.
		for i, begins := range []int{80, 115, 180, 245, 310} {
			w.at(seconds(begins) - time.Millisecond)
			w.begun(int64(i) + 2)
			w.at(seconds(begins))
			w.begun(int64(i) + 3)
		}
		w.at(312 * time.Second)
		w.cloud.change(func(c *slowCloud) { c.err = nil })
		w.at(315 * time.Second)
		recovered := w.now()
		w.whole(recovered)
		if !recovered.Inventory.Began().Equal(w.start.Add(310 * time.Second)) {
			t.Errorf("the inventory is that of %v", recovered.Inventory.Began())
		}
		// Each interval again, counted from the read that was whole; and the
		// next failure is met with 15 s again.
		w.at(330 * time.Second)
		w.cloud.change(func(c *slowCloud) { c.err = errRefused })
		for i, begins := range []int{370, 390, 425} {
			w.at(seconds(begins) - time.Millisecond)
			w.begun(int64(i) + 7)
			w.at(seconds(begins))
			w.begun(int64(i) + 8)
		}
	})
}

func TestTheLastWholeInventoryStaysForThreeIntervals(t *testing.T) {
	refreshing(t, func(w *refreshed) {
		w.at(66 * time.Second) // the second read began at 60 s
		w.cloud.change(func(c *slowCloud) { c.err = errRefused })
		w.at(125 * time.Second)
		w.failed(w.now(), client.ReasonForbidden, minutely)
		w.at(4*minutely - time.Millisecond)
		w.failed(w.now(), client.ReasonForbidden, minutely)
		w.at(4 * minutely)
		w.failed(w.now(), client.ReasonForbidden, -1)
		w.at(10 * minutely)
		w.failed(w.now(), client.ReasonForbidden, -1)
		if stored := w.stored().Inventory; stored != nil {
			t.Error("it is kept though nobody will be shown it")
		}
	})
}

func TestAFirstReadThatFailsHasNoInventory(t *testing.T) {
	inBackgroundWorld(t, RefreshConfig{Interval: minutely}, func(w *refreshed) {
		w.cloud.change(func(c *slowCloud) { c.err = errRefused })
		w.refresher.Start()
		first := w.within(10 * time.Second)
		w.at(5 * time.Second)
		w.failed(w.answered(first), client.ReasonForbidden, -1)
		w.failed(w.now(), client.ReasonForbidden, -1)
		if got := testutil.ToFloat64(w.scope.errors.WithLabelValues("forbidden")); got != 1 {
			t.Errorf("counted %v times", got)
		}
		w.at(15 * time.Second)
		w.cloud.change(func(c *slowCloud) { c.err = nil })
		w.at(25 * time.Second)
		w.whole(w.now())
	})
}

func TestAReadHasTheTimeOfTheInterval(t *testing.T) {
	refreshing(t, func(w *refreshed) {
		w.at(30 * time.Second)
		w.cloud.change(func(c *slowCloud) { c.takes = time.Hour })
		w.at(119 * time.Second)
		w.whole(w.now())
		w.at(120 * time.Second)
		snapshot := w.now()
		w.failed(snapshot, client.ReasonTimeout, 0)
		if snapshot.Duration != minutely || snapshot.Timeout != minutely || !errors.Is(snapshot.Err, errInterval) {
			t.Errorf("got %+v", snapshot)
		}
		w.counted(2, 1, 2)
		if lines := w.lines.String(); strings.Contains(lines, "hint=") || !strings.Contains(lines, "timeout=1m0s last_whole_read=5s") {
			t.Errorf("got:\n%s", lines)
		}
		w.at(134 * time.Second)
		w.begun(2)
		w.at(135 * time.Second)
		w.begun(3)
	})
}

func TestAReadMayTakeAlmostTheInterval(t *testing.T) {
	const interval = 4 * time.Second
	inBackgroundWorld(t, RefreshConfig{Interval: interval}, func(w *refreshed) {
		w.cloud.takes = 3 * time.Second
		w.refresher.Start()
		for after := 3 * time.Second; after < time.Minute; after += 100 * time.Millisecond {
			w.at(after)
			snapshot := w.now()
			if snapshot.Err != nil || time.Since(snapshot.Inventory.Began()) >= 2*interval {
				t.Fatalf("after %v: %+v", after, snapshot)
			}
		}
		w.begun(15)
		// After a failure the interval is the longest to wait for.
		w.cloud.change(func(c *slowCloud) { c.err = errRefused })
		w.at(63 * time.Second)
		w.failed(w.now(), client.ReasonForbidden, 56*time.Second)
		w.at(67 * time.Second)
		w.begun(17)
	})
}

func TestAReadThatDoesNotEndHidesTheInventoryInTheEnd(t *testing.T) {
	refreshing(t, func(w *refreshed) {
		w.at(30 * time.Second)
		w.cloud.change(func(c *slowCloud) { c.takes, c.clings = time.Hour, 10*minutely })
		w.at(3*minutely - time.Millisecond)
		w.whole(w.now())
		w.at(3 * minutely)
		w.failed(w.now(), client.ReasonTimeout, -1)
		w.counted(1, 0, 1) // it has not ended
		w.at(12 * minutely)
		w.failed(w.now(), client.ReasonTimeout, -1)
		w.counted(2, 1, 2)
	})
}
