package collector

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/glance-exporter/glance_exporter/client"
)

// Scope is the [Telemetry] of one cloud in one region. It is the only place
// that counts and logs how reads ended, each of them once, and what is logged
// of a failure is what a [client.Error] carries, which is never a secret. It is
// safe for concurrent use.
type Scope struct {
	logger log.Logger
	key    scopeKey

	scrapes   *prometheus.CounterVec
	errors    *prometheus.CounterVec
	requests  *prometheus.CounterVec
	retries   *prometheus.CounterVec
	durations prometheus.ObserverVec

	imageRequests atomic.Int64 // answered or broken off, to the image service

	mu        sync.Mutex
	last      LastRead
	lastWhole time.Duration // what the last whole read took; 0 before the first
}

// LastRead tells when a cloud was read last, and how that ended.
type LastRead struct {
	Ended  time.Time     // zero before the first read has ended
	Reason client.Reason // why it failed; "" where it was whole
}

var _ client.Trace = (*Scope)(nil)

// newScope makes a scope with all its series at 0: a counter that first shows at
// 1 hides its first increase from rate().
func newScope(logger log.Logger, key scopeKey) *Scope {
	s := &Scope{
		logger:    logger,
		key:       key,
		scrapes:   newCounters(scrapesTotal, key),
		errors:    newCounters(scrapeErrorsTotal, key),
		requests:  newCounters(requestsTotal, key),
		retries:   newCounters(retriesTotal, key),
		durations: newDurations(key),
	}
	s.scrapes.WithLabelValues()
	for _, reason := range client.Reasons {
		s.errors.WithLabelValues(string(reason.Name))
		if reason.Retry {
			s.retries.WithLabelValues(string(reason.Name))
		}
	}
	for _, op := range client.Operations {
		s.requests.WithLabelValues(string(op), valueNone)
		s.requests.WithLabelValues(string(op), strconv.Itoa(usualCodes[op]))
		s.durations.WithLabelValues(string(op))
	}
	return s
}

// Request implements [client.Trace].
func (s *Scope) Request(op client.Operation, code int, took time.Duration) {
	text := valueNone
	if code != 0 {
		text = strconv.Itoa(code)
	}
	s.requests.WithLabelValues(string(op), text).Inc()
	s.durations.WithLabelValues(string(op)).Observe(took.Seconds())
	if op != client.OpAuth {
		s.imageRequests.Add(1)
	}
}

// Retry implements [client.Trace].
func (s *Scope) Retry(_ client.Operation, reason client.Reason, _ time.Duration) {
	s.retries.WithLabelValues(string(reason)).Inc()
}

// Notice implements [client.Trace].
func (s *Scope) Notice(msg string, keyvals ...any) {
	s.log(level.Info(s.logger), msg, keyvals...)
}

// requestCount gives the number of requests to the image service that ended so
// far, of all reads.
func (s *Scope) requestCount() int64 { return s.imageRequests.Load() }

// readEnded counts and logs a read that has ended, whole or not.
func (s *Scope) readEnded(snapshot *Snapshot) {
	s.scrapes.WithLabelValues().Inc()
	ended := LastRead{Ended: snapshot.Began.Add(snapshot.Duration)}
	if snapshot.Err != nil {
		ended.Reason = snapshot.Err.Reason
	}
	failed := ended.Reason != ""

	s.mu.Lock()
	recovered := s.last.Reason != "" && !failed
	s.last = ended
	if !failed {
		s.lastWhole = snapshot.Duration
	}
	s.mu.Unlock()

	switch {
	case failed:
		s.fail("reading the inventory failed", snapshot)
	case recovered:
		s.log(level.Info(s.logger), "the inventory can be read again", progress(snapshot)...)
	default:
		s.log(level.Debug(s.logger), "read the inventory", progress(snapshot)...)
	}
}

// Last tells how the last read ended that was counted.
func (s *Scope) Last() LastRead {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// gaveUp counts and logs that a scrape ran out of time while the read goes on,
// for others or in the background. The read itself is counted when it ends.
func (s *Scope) gaveUp(snapshot *Snapshot) {
	msg := "a scrape ran out of time while others go on waiting for the inventory"
	if snapshot.RefreshInterval > 0 {
		msg = "a scrape ran out of time while the first inventory is being read in the background"
	}
	s.fail(msg, snapshot)
}

// refreshHint is told where the time of a scrape is too short for a read.
const refreshHint = "--inventory.refresh-interval reads in the background, without regard to the time that a scrape has"

// fail counts and logs a failure.
func (s *Scope) fail(msg string, snapshot *Snapshot) {
	err := snapshot.Err
	s.errors.WithLabelValues(string(err.Reason)).Inc()

	keyvals := []any{"reason", err.Reason}
	if err.Op != "" {
		keyvals = append(keyvals, "operation", err.Op)
	}
	if err.URL != "" {
		keyvals = append(keyvals, "url", err.URL)
	}
	if err.Status != 0 {
		keyvals = append(keyvals, "status", err.Status)
	}
	if err.RequestID != "" {
		keyvals = append(keyvals, "request_id", err.RequestID)
	}
	keyvals = append(keyvals, "err", err.Err)
	keyvals = append(keyvals, progress(snapshot)...)
	if err.Reason == client.ReasonTimeout {
		keyvals = append(keyvals, s.timing(snapshot)...)
	}
	s.log(level.Error(s.logger), msg, keyvals...)
}

// timing says what a read that ran out of time would have needed.
func (s *Scope) timing(snapshot *Snapshot) []any {
	keyvals := []any{"timeout", snapshot.Timeout}
	s.mu.Lock()
	lastWhole := s.lastWhole
	s.mu.Unlock()
	if lastWhole > 0 {
		keyvals = append(keyvals, "last_whole_read", lastWhole)
	} else {
		keyvals = append(keyvals, "last_whole_read", valueNone)
	}
	if snapshot.RefreshInterval == 0 {
		keyvals = append(keyvals, "hint", refreshHint)
	}
	return keyvals
}

// progress says how far a read got.
func progress(snapshot *Snapshot) []any {
	return []any{
		"duration", snapshot.Duration,
		"requests", snapshot.Info.Requests,
		"pages", snapshot.Info.Pages,
		"images", snapshot.Info.Images,
	}
}

// log writes a line that names the cloud. A logger that fails leaves nothing to
// be told and nobody to tell it.
func (s *Scope) log(logger log.Logger, msg string, keyvals ...any) {
	line := []any{"msg", msg, labelCloud, s.key.cloud, labelRegion, s.key.region}
	_ = logger.Log(append(line, keyvals...)...)
}

// collect collects the scope's metrics.
func (s *Scope) collect(samples chan<- prometheus.Metric) {
	for _, counters := range []*prometheus.CounterVec{s.scrapes, s.errors, s.requests, s.retries} {
		counters.Collect(samples)
	}
	s.durations.Collect(samples)
}
