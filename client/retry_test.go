package client

import (
	"context"
	"errors"
	"math"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// silent is a Trace that keeps what it is told.
type silent struct {
	mu                sync.Mutex
	requests, retries int
	waited            time.Duration
	notices           []string
}

func (s *silent) Request(Operation, int, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
}

func (s *silent) Retry(_ Operation, _ Reason, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retries++
	s.waited += wait
}
func (s *silent) Notice(msg string, _ ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notices = append(s.notices, msg)
}

func TestBackoff(t *testing.T) {
	for _, tc := range []struct {
		name    string
		attempt int
		jitter  float64
		asked   time.Duration
		want    time.Duration
	}{
		{"the first is short", 0, 0, 0, 100 * time.Millisecond},
		{"jitter spreads it over its upper half", 0, 1, 0, 200 * time.Millisecond},
		{"it doubles", 3, 1, 0, 1600 * time.Millisecond},
		{"up to a limit", 8, 1, 0, 30 * time.Second},
		{"that holds for ever", math.MaxInt, 1, 0, 30 * time.Second},
		{"what the service asks for is kept to", 0, 0.5, time.Hour, time.Hour},
		{"where it is longer", 3, 1, time.Second, 1600 * time.Millisecond},
	} {
		if got := backoff(tc.attempt, tc.jitter, tc.asked); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name        string
		after, date string
		want        time.Duration
	}{
		{"none", "", "", 0},
		{"seconds", "7", "", 7 * time.Second},
		{"negative seconds", "-7", "", 0},
		{"more seconds than fit", "9223372036854775807", "", 9223372036 * time.Second},
		{"a date", now.Add(time.Minute).Format(http.TimeFormat), "", time.Minute},
		{"a date by a clock that is an hour ahead", now.Add(61 * time.Minute).Format(http.TimeFormat), now.Add(time.Hour).Format(http.TimeFormat), time.Minute},
		{"a date gone by", now.Add(-time.Minute).Format(http.TimeFormat), "", 0},
		{"nonsense", "soon", "", 0},
	} {
		header := http.Header{}
		header.Set("Retry-After", tc.after)
		if tc.date != "" {
			header.Set("Date", tc.date)
		}
		if got := retryAfter(header, now); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestRetry(t *testing.T) {
	passing := &Error{Reason: ReasonServerError, Err: errors.New("503")}
	for _, tc := range []struct {
		name     string
		failures []error // before it succeeds
		budget   time.Duration
		want     error
		attempts int
	}{
		{"a success is not repeated", nil, time.Minute, nil, 1},
		{"what may pass is asked for again", []error{passing, passing, passing}, time.Minute, nil, 4},
		{"what is final is not", []error{&Error{Reason: ReasonServerError, Final: true, Err: errors.New("501")}}, time.Minute, errors.New("501"), 1},
		{"nor what asking does not mend", []error{&Error{Reason: ReasonForbidden, Err: errors.New("403")}}, time.Minute, errors.New("403"), 1},
		{"nor what has no reason", []error{errCancelled}, time.Minute, errCancelled, 1},
		{"a wait that does not fit into the time is not begun", []error{
			&Error{Reason: ReasonRateLimited, Err: errors.New("429"), retryAfter: time.Minute},
		}, time.Minute, errors.New("429"), 1},
		{"the last answer's reason stays", []error{passing, passing, passing, passing, passing, passing, passing, passing}, 500 * time.Millisecond, passing, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tc.budget)
				defer cancel()
				began, trace, n := time.Now(), &silent{}, 0
				err := retry(ctx, trace, OpList, func() error {
					n++
					if n <= len(tc.failures) {
						return tc.failures[n-1]
					}
					return nil
				})
				if (err == nil) != (tc.want == nil) || n > tc.attempts || tc.want == nil && n != tc.attempts {
					t.Errorf("got %v after %d attempts, want %v after %d", err, n, tc.want, tc.attempts)
				}
				if errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("the answer was turned into a timeout: %v", err)
				}
				if trace.retries != n-1 || trace.waited != time.Since(began) {
					t.Errorf("told of %d retries after %s; there were %d after %s", trace.retries, trace.waited, n-1, time.Since(began))
				}
			})
		})
	}
	t.Run("what stays is told after a while, however much time there is", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			began := time.Now()
			err := retry(ctx, &silent{}, OpList, func() error { return passing })
			if took := time.Since(began); !errors.Is(err, passing) || took > patience || took < patience/3 {
				t.Errorf("got %v after %s", err, took)
			}
		})
	})
	t.Run("a service that asks for a longer wait is waited for", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			n := 0
			err := retry(ctx, &silent{}, OpList, func() error {
				n++
				if n == 1 {
					return &Error{Reason: ReasonRateLimited, Err: errors.New("429"), retryAfter: 5 * time.Minute}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("nobody waits any more", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Millisecond, cancel)
			err := retry(ctx, &silent{}, OpList, func() error { return passing })
			if !errors.Is(err, context.Canceled) || asError(err) != nil {
				t.Errorf("got %v", err)
			}
		})
	})
}
