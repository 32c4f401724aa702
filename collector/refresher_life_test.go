package collector

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/glance-exporter/glance_exporter/client"
)

func TestClosingEndsTheRead(t *testing.T) {
	refreshing(t, func(w *refreshed) {
		w.at(5 * time.Second)
		last := w.now()
		w.cloud.change(func(c *slowCloud) { c.clings = time.Second })
		w.at(62 * time.Second)
		before := time.Now()
		w.refresher.Close()
		if waited := time.Since(before); waited != time.Second {
			t.Errorf("it waited %v for the read to end", waited)
		}
		if cause := context.Cause(*w.cloud.ctx.Load()); !errors.Is(cause, context.Canceled) {
			t.Errorf("the read was told %v", cause)
		}
		w.refresher.Close() // again
		w.refresher.Start()
		w.at(2 * time.Hour)
		w.reads(2)
		w.counted(1, 0, 1)
		if got := w.stored(); got != last {
			t.Error("a read that was cancelled shows")
		}
	})
}

// A read that scrapes wait for goes on when it is closed, and no other begins.
func TestAReadThatIsWaitedForOutlivesItsClosing(t *testing.T) {
	inBackgroundWorld(t, RefreshConfig{Interval: minutely}, func(w *refreshed) {
		w.refresher.Start()
		first := w.within(10 * time.Second)
		w.at(2 * time.Second)
		w.refresher.Close()
		second := w.within(10 * time.Second)
		w.at(5 * time.Second)
		snapshot := w.answered(first)
		w.whole(snapshot)
		if w.answered(second) != snapshot {
			t.Error("they did not share their read")
		}
		w.at(time.Hour)
		w.reads(1)
		w.counted(1, 0, 1)
	})
	t.Run("until the last one has gone", func(t *testing.T) {
		inBackgroundWorld(t, RefreshConfig{Interval: minutely}, func(w *refreshed) {
			w.refresher.Start()
			scrape, hangUp := w.client(10 * time.Second)
			w.at(2 * time.Second)
			w.refresher.Close()
			w.begun(1)
			hangUp()
			w.at(3 * time.Second)
			if w.answered(scrape) != nil {
				t.Error("a client that hung up is given something")
			}
			w.reads(1)
			w.counted(0, 0, 0)
		})
	})
}

func TestAScrapeOfAClosedOneReadsForItself(t *testing.T) {
	refreshing(t, func(w *refreshed) {
		w.at(2 * time.Second)
		w.refresher.Close()
		scrape := w.within(10 * time.Second)
		w.at(7 * time.Second)
		w.whole(w.answered(scrape))
		w.reads(2)
		w.counted(1, 0, 1)
	})
}

// What failed is tried again at once where an operator says so, and only that.
func TestWhatFailedIsTriedAgain(t *testing.T) {
	refreshing(t, func(w *refreshed) {
		w.at(5 * time.Second)
		w.refresher.TryAgain() // nothing has failed
		w.at(10 * time.Second)
		w.begun(1)
		w.cloud.change(func(c *slowCloud) { c.err = &client.Error{Reason: client.ReasonAuth, Err: errors.New("refused")} })
		w.at(minutely + 6*time.Second)
		w.begun(2)
		w.cloud.change(func(c *slowCloud) { c.err = nil })
		w.refresher.TryAgain()
		w.at(minutely + 12*time.Second)
		w.begun(3)
		w.whole(w.now())
	})
}

func TestItIsStartedOnce(t *testing.T) {
	inBackgroundWorld(t, RefreshConfig{Interval: minutely}, func(w *refreshed) {
		w.refresher.Start()
		w.refresher.Start()
		w.at(5 * time.Second)
		w.begun(1)
		w.refresher.Close()
		w.refresher.Start()
		w.at(time.Hour)
		w.reads(1)
	})
}

func TestNothingIsReadBeforeTheStart(t *testing.T) {
	inBackgroundWorld(t, RefreshConfig{Interval: minutely}, func(w *refreshed) {
		early := w.within(time.Second)
		patient := w.within(time.Minute)
		w.at(time.Second)
		w.timedOut(w.answered(early))
		w.begun(0)
		w.refresher.Start()
		w.at(6 * time.Second)
		w.whole(w.answered(patient))
	})
	t.Run("nor when it is closed first", func(t *testing.T) {
		inBackgroundWorld(t, RefreshConfig{Interval: minutely}, func(w *refreshed) {
			w.refresher.Close()
			w.refresher.Start()
			w.begun(0)
			scrape := w.within(time.Minute)
			w.at(5 * time.Second)
			w.whole(w.answered(scrape))
		})
	})
}

func TestReadsStopWhenNobodyAsks(t *testing.T) {
	const idle = 10 * minutely
	inBackgroundWorld(t, RefreshConfig{Interval: minutely, IdleStop: idle}, func(w *refreshed) {
		w.refresher.Start()
		w.at(time.Hour)
		w.begun(0)

		first := w.within(10 * time.Second)
		w.at(time.Hour + 5*time.Second)
		old := w.answered(first)
		w.whole(old)
		w.at(time.Hour + idle - minutely)
		w.begun(10)
		w.whole(w.now()) // the last to ask, after 9 minutes

		w.at(3 * time.Hour)
		const reads = 10 + 9
		w.begun(reads)
		w.counted(reads, 0, reads)
		if w.stored() != nil {
			t.Error("an inventory is kept that nobody asks for")
		}

		// The next one waits as the first one did, and within its own time.
		hasty, patient := w.within(2*time.Second), w.within(10*time.Second)
		w.at(3*time.Hour + 2*time.Second)
		w.timedOut(w.answered(hasty))
		w.pending(patient)
		w.at(3*time.Hour + 5*time.Second)
		fresh := w.answered(patient)
		w.whole(fresh)
		if !fresh.Began.Equal(w.start.Add(3 * time.Hour)) {
			t.Errorf("it was given the read of %v", fresh.Began)
		}
		w.at(3*time.Hour + minutely)
		w.begun(reads + 2)

		// And a third time, closed while it is idle.
		w.at(5 * time.Hour)
		w.begun(reads + 10)
		w.refresher.Close()
		w.reads(reads + 10)
	})
}

func TestReadsGoOnWhileSomebodyAsks(t *testing.T) {
	inBackgroundWorld(t, RefreshConfig{Interval: minutely, IdleStop: 10 * minutely}, func(w *refreshed) {
		w.refresher.Start()
		w.within(10 * time.Second)
		for after := 9 * minutely; after < 2*time.Hour; after += 9 * minutely {
			w.at(after)
			w.now()
		}
		w.at(2*time.Hour - time.Second)
		w.begun(120)
	})
}
