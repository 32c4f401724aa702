package collector

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestAScrapeLeavesAtItsDeadlineWhileOthersWait(t *testing.T) {
	inWorld(t, func(w *world) {
		patient := w.within(10 * time.Second)
		time.Sleep(time.Second)
		began := time.Now()
		hasty := w.within(2500 * time.Millisecond)
		time.Sleep(2500 * time.Millisecond)

		own := w.answered(hasty)
		w.timedOut(own)
		w.pending(patient)
		if !own.Began.Equal(began) || own.Duration != 2500*time.Millisecond || own.Timeout != 2500*time.Millisecond {
			t.Errorf("its time is told wrong: %+v", own)
		}
		if own.Info.Requests != 3 || own.Info.Pages != 3 || own.Info.Images != 3 {
			t.Errorf("how far the read got is told wrong: %+v", own.Info)
		}
		w.counted(0, 1, 1)

		time.Sleep(1500 * time.Millisecond)
		w.whole(w.answered(patient))
		w.reads(1)
		w.counted(1, 1, 2)
	})
}

func TestTheLastScrapeAtItsDeadlineEndsTheRead(t *testing.T) {
	inWorld(t, func(w *world) {
		first, last := w.within(2*time.Second), w.within(3*time.Second)
		time.Sleep(2 * time.Second)
		w.timedOut(w.answered(first))
		w.counted(0, 1, 1)

		time.Sleep(time.Second)
		snapshot := w.answered(last)
		w.timedOut(snapshot)
		if snapshot.Err.URL == "" || snapshot.Duration != 3*time.Second || snapshot.Timeout != 3*time.Second {
			t.Errorf("want what became of the read itself, got %+v", snapshot)
		}
		w.reads(1)
		w.counted(1, 2, 2)
	})
}

// Two scrapers in turn, each of which waits until the other one has come again.
func TestAReadThatIsStuckIsNotJoinedForEver(t *testing.T) {
	inWorld(t, func(w *world) {
		w.cloud.hangs.Store(true)
		first := w.within(10 * time.Second)
		time.Sleep(5 * time.Second)
		second := w.within(10 * time.Second) // joins
		time.Sleep(5 * time.Second)
		w.timedOut(w.answered(first))
		w.cloud.hangs.Store(false) // the service is well again, that one request is not
		again := w.within(10 * time.Second)
		time.Sleep(5 * time.Second)
		w.whole(w.answered(again))
		w.timedOut(w.answered(second))
		w.reads(2)
		w.counted(2, 2, 3)
	})
}

// One that goes on is joined, though others could not wait for it.
func TestAReadThatIsSlowIsJoined(t *testing.T) {
	inWorld(t, func(w *world) {
		hasty, patient := w.within(2*time.Second), w.within(10*time.Second)
		time.Sleep(2500 * time.Millisecond)
		w.timedOut(w.answered(hasty))
		late := w.within(10 * time.Second)
		time.Sleep(2500 * time.Millisecond)
		w.whole(w.answered(patient))
		w.whole(w.answered(late))
		w.reads(1)
		w.counted(1, 1, 2)
	})
}

func TestALateComerExtendsTheDeadline(t *testing.T) {
	inWorld(t, func(w *world) {
		hasty := w.within(3 * time.Second)
		time.Sleep(time.Second)
		patient := w.within(9 * time.Second)
		time.Sleep(2 * time.Second)
		w.timedOut(w.answered(hasty))
		time.Sleep(2 * time.Second)
		w.whole(w.answered(patient))
		w.reads(1)
		w.counted(1, 1, 2)
	})
}

func TestTheDeadlineIsTheLatestOfThoseWaiting(t *testing.T) {
	inWorld(t, func(w *world) {
		w.cloud.takes = time.Hour
		deadlineIs := func(when string, want time.Time) {
			t.Helper()
			got, ok := (*w.cloud.ctx.Load()).Deadline()
			if ok != !want.IsZero() || !got.Equal(want) {
				t.Errorf("%s: got %v, %v, want %v", when, got, ok, want)
			}
		}
		start := time.Now()
		w.within(10 * time.Second)
		deadlineIs("one", start.Add(10*time.Second))
		w.within(5 * time.Second)
		deadlineIs("a shorter one joins", start.Add(10*time.Second))
		_, hangUp := w.client(20 * time.Second)
		deadlineIs("a longer one joins", start.Add(20*time.Second))
		forever, stop := context.WithCancel(w.Context())
		w.scrape(forever)
		deadlineIs("one without a deadline joins", time.Time{})
		stop()
		synctest.Wait()
		deadlineIs("it leaves", start.Add(20*time.Second))
		hangUp()
		synctest.Wait()
		deadlineIs("the longer one leaves", start.Add(10*time.Second))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		deadlineIs("all have left", start.Add(10*time.Second))
		w.reads(1)
	})
}

func TestADeadlineThatPassesAfterTheReadEndedDoesNotSpoilIt(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lines.delay = time.Second
		first, second := w.within(5400*time.Millisecond), w.within(5600*time.Millisecond)
		time.Sleep(6 * time.Second)
		w.whole(w.answered(first))
		w.whole(w.answered(second))
		w.reads(1)
		w.counted(1, 0, 1)
	})
}

func TestAReadWithoutADeadlineHadNoTimeout(t *testing.T) {
	inWorld(t, func(w *world) {
		snapshot := w.source.Read(w.Context())
		w.whole(snapshot)
		if snapshot.Timeout != 0 {
			t.Errorf("got %v", snapshot.Timeout)
		}
	})
}

func TestTheCauseDecidesWhyAScrapeLeft(t *testing.T) {
	errBudget := fmt.Errorf("budget of the scrape spent: %w", context.DeadlineExceeded)
	cases := []struct {
		name  string
		end   func(context.Context) (context.Context, context.CancelFunc)
		spent bool
	}{
		{"a deadline with a cause of its own", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeoutCause(ctx, time.Second, errBudget)
		}, true},
		{"cancelled for a deadline", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			timer := time.AfterFunc(time.Second, func() { cancel(errBudget) })
			return ctx, func() { timer.Stop(); cancel(nil) }
		}, true},
		{"a deadline whose cause is none", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeoutCause(ctx, time.Second, errors.New("shutting down"))
		}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				ctx, cancel := c.end(w.Context())
				defer cancel()
				snapshot := w.source.Read(ctx)
				if !c.spent {
					if snapshot != nil {
						t.Errorf("got %+v", snapshot)
					}
					w.counted(0, 0, 0)
					return
				}
				w.timedOut(snapshot)
				if !errors.Is(snapshot.Err, errBudget) {
					t.Errorf("the cause is lost: %v", snapshot.Err)
				}
				w.counted(1, 1, 1)
			})
		})
	}
}
