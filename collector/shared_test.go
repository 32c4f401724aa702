package collector

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/glance-exporter/glance_exporter/client"
)

func TestScrapesAtTheSameTimeShareOneRead(t *testing.T) {
	inWorld(t, func(w *world) {
		began := time.Now()
		first := w.within(10 * time.Second)
		time.Sleep(2 * time.Second)
		second := w.within(20 * time.Second)
		time.Sleep(3 * time.Second)

		a, b := w.answered(first), w.answered(second)
		w.whole(a)
		if a != b {
			t.Error("they got two snapshots")
		}
		if !a.Began.Equal(began) || a.Duration != 5*time.Second || a.Timeout != 22*time.Second || a.Info.Requests != 5 {
			t.Errorf("got %+v", a)
		}
		w.reads(1)
		w.counted(1, 0, 1)
	})
}

func TestAScrapeAfterTheReadStartsANewOne(t *testing.T) {
	inWorld(t, func(w *world) {
		first := w.within(10 * time.Second)
		time.Sleep(5 * time.Second)
		a := w.answered(first)
		second := w.within(10 * time.Second)
		time.Sleep(5 * time.Second)
		b := w.answered(second)
		w.whole(b)
		if a == b || b.Began.Sub(a.Began) != 5*time.Second {
			t.Errorf("the second scrape was given the read of %v", b.Began)
		}
		w.reads(2)
		w.counted(2, 0, 2)
	})
}

func TestAScrapeThatLeavesKnowsTheVersionFromBefore(t *testing.T) {
	inWorld(t, func(w *world) {
		first := w.within(time.Minute)
		time.Sleep(5 * time.Second)
		w.whole(w.answered(first))

		patient, hasty := w.within(time.Minute), w.within(1500*time.Millisecond)
		time.Sleep(1500 * time.Millisecond)
		want := client.Info{Version: "v1.1", Admin: client.True, Requests: 1, Pages: 1, Images: 1}
		if info := w.answered(hasty).Info; info != want {
			t.Errorf("got %+v, want %+v", info, want)
		}
		if !strings.Contains(w.lines.String(), "last_whole_read=5s") {
			t.Errorf("the log does not say how long a read takes:\n%s", w.lines)
		}
		time.Sleep(3500 * time.Millisecond)
		w.whole(w.answered(patient))
	})
}

func TestOneClientThatHangsUpHoldsUpNobody(t *testing.T) {
	inWorld(t, func(w *world) {
		first, hangUp := w.client(10 * time.Second)
		second := w.within(10 * time.Second)
		time.Sleep(time.Second)
		hangUp()
		if snapshot := w.answered(first); snapshot != nil {
			t.Errorf("got %+v", snapshot)
		}
		time.Sleep(4 * time.Second)
		w.whole(w.answered(second))
		w.reads(1)
		w.counted(1, 0, 1)
	})
}

func TestWhenAllClientsHangUpTheReadEndsAndCountsNowhere(t *testing.T) {
	inWorld(t, func(w *world) {
		first, hangUpFirst := w.client(10 * time.Second)
		second, hangUpSecond := w.client(10 * time.Second)
		time.Sleep(time.Second)
		hangUpFirst()
		hangUpSecond()
		if a, b := w.answered(first), w.answered(second); a != nil || b != nil {
			t.Errorf("got %+v, %+v", a, b)
		}
		if cause := context.Cause(*w.cloud.ctx.Load()); !errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
			t.Errorf("the read was told %v", cause)
		}
		w.reads(1)
		w.counted(0, 0, 0)
	})
}

func TestALateComerDoesNotJoinACancelledRead(t *testing.T) {
	inWorld(t, func(w *world) {
		w.cloud.clings = time.Second
		_, hangUp := w.client(10 * time.Second)
		time.Sleep(4 * time.Second)
		hangUp()
		synctest.Wait()
		second := w.within(10 * time.Second)
		time.Sleep(5 * time.Second)
		w.whole(w.answered(second))
		w.reads(2)
		w.counted(1, 0, 1)
	})
}

func TestALateComerDoesNotJoinAReadThatRanOutOfTime(t *testing.T) {
	inWorld(t, func(w *world) {
		w.cloud.clings = time.Second
		first := w.within(2 * time.Second)
		time.Sleep(2 * time.Second)
		w.pending(first) // it waits for what becomes of its read
		second := w.within(10 * time.Second)
		time.Sleep(time.Second)
		w.timedOut(w.answered(first))
		w.pending(second)
		third := w.within(10 * time.Second) // the old read's end does not hide the new one
		time.Sleep(4 * time.Second)
		if w.answered(second) != w.answered(third) {
			t.Error("the third scrape did not join the second")
		}
		w.reads(2)
		w.counted(2, 1, 2)
	})
}

func TestAReadIsCountedBeforeItIsAnswered(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lines.delay = time.Second
		scrape := w.within(10 * time.Second)
		time.Sleep(5 * time.Second)
		w.pending(scrape)
		time.Sleep(time.Second)
		w.whole(w.answered(scrape))
		w.counted(1, 0, 1)
	})
}

func TestAReadThatEndedIsNotJoined(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lines.delay = time.Second
		first := w.within(10 * time.Second)
		time.Sleep(5500 * time.Millisecond)
		second := w.within(10 * time.Second)
		time.Sleep(500 * time.Millisecond)
		w.whole(w.answered(first))
		w.pending(second)
		time.Sleep(5500 * time.Millisecond)
		w.whole(w.answered(second))
		w.reads(2)
		w.counted(2, 0, 2)
	})
}

func TestAClientThatStallsWhileItIsAnsweredHoldsUpNobody(t *testing.T) {
	inWorld(t, func(w *world) {
		// The first scrape was given its snapshot and never comes back for
		// more; the next is read afresh and does not wait for it.
		stalled, cancel := context.WithCancel(w.Context())
		defer cancel()
		first := w.scrape(stalled)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		second := w.within(10 * time.Second)
		time.Sleep(5 * time.Second)
		b := w.answered(second)
		w.whole(b)
		if a := w.answered(first); a == b {
			t.Error("the second scrape was given the numbers of the first")
		}
		w.reads(2)
	})
}

func TestTheReadSeesNothingOfItsCallers(t *testing.T) {
	type key struct{}
	inWorld(t, func(w *world) {
		w.source.Read(context.WithValue(w.Context(), key{}, "secret"))
		synctest.Wait()
		if value := (*w.cloud.ctx.Load()).Value(key{}); value != nil {
			t.Errorf("it sees %v", value)
		}
		if (*w.cloud.ctx.Load()).Err() == nil {
			t.Error("its context has not ended with it")
		}
	})
}

func TestAFailedReadHasNoInventory(t *testing.T) {
	refused := &client.Error{Reason: client.ReasonForbidden, Status: 403, Err: errors.New("403 Forbidden")}
	cases := []struct {
		name string
		err  error
		want client.Reason
	}{
		{"the client's error", refused, client.ReasonForbidden},
		{"wrapped", fmt.Errorf("page 7: %w", refused), client.ReasonForbidden},
		{"an error that breaks the contract", errors.New("oops"), client.ReasonDecode},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.cloud.err = c.err
				snapshot := w.source.Read(w.Context())
				if snapshot.Inventory != nil || snapshot.Err == nil || snapshot.Err.Reason != c.want {
					t.Fatalf("got %+v", snapshot)
				}
				if snapshot.Info.Pages != 5 || snapshot.Info.Version != "v1.1" {
					t.Errorf("what the read did is lost: %+v", snapshot.Info)
				}
				if got := testutil.ToFloat64(w.scope.errors.WithLabelValues(string(c.want))); got != 1 {
					t.Errorf("counted %v times", got)
				}
			})
		})
	}
}

func TestAScrapeWhoseClientHasGoneAlreadyIsGivenNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		ctx, cancel := context.WithCancel(w.Context())
		cancel()
		if snapshot := w.source.Read(ctx); snapshot != nil {
			t.Errorf("got %+v", snapshot)
		}
		w.reads(1)
		w.counted(0, 0, 0)
	})
}
