package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

const (
	firstBackoff = 200 * time.Millisecond
	maxBackoff   = 30 * time.Second
	// leastAttempt is the time that a request must have left behind a wait: with
	// less, all that it could tell is that the time was over.
	leastAttempt = 50 * time.Millisecond
	// patience is how long a request may fail before it is given up, where the
	// time for the read is longer than a scrape's: whoever reads in the
	// background wants to tell what is wrong.
	patience = time.Minute
)

// backoff is the time to wait before the attempt after the given one, counted
// from 0: it doubles, up to a limit, and is spread over its upper half by
// jitter (from 0 up to 1) so that exporters do not knock in step. What the
// service itself asked for is kept to where it is longer.
func backoff(attempt int, jitter float64, asked time.Duration) time.Duration {
	wait := maxBackoff
	if attempt < 20 { // beyond that the shift would overflow
		wait = min(firstBackoff<<attempt, maxBackoff)
	}
	wait = wait/2 + time.Duration(jitter*float64(wait/2))
	return max(wait, asked)
}

// retry calls attempt until it succeeds, fails for good, or the time that ctx
// has left is too short for the next wait and an attempt behind it: waiting then
// could only turn the answer that we have into a timeout.
func retry(ctx context.Context, trace Trace, op Operation, attempt func() error) error {
	var failing time.Time // since when
	for n := 0; ; n++ {
		err := attempt()
		var failure *Error
		if !errors.As(err, &failure) || !failure.retryable() {
			return err
		}
		wait := backoff(n, rand.Float64(), failure.retryAfter)
		if n == 0 {
			failing = time.Now()
		}
		if failure.retryAfter == 0 && time.Since(failing)+wait > patience {
			return err
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait+leastAttempt {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			if outOfTime(ctx) {
				return err // nothing was under way
			}
			return interrupted(ctx, failure)
		}
		trace.Retry(op, failure.Reason, wait)
	}
}

// retryAfter reads the header Retry-After, which is in seconds or a date. A
// date is compared with the answer's own, so that a wrong clock here does no
// harm. 0 where there is none that makes sense.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		const longest = int64(1<<63-1) / int64(time.Second)
		return time.Duration(min(max(seconds, 0), longest)) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		now = date
	}
	return max(at.Sub(now), 0)
}
