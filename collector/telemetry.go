package collector

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/glance-exporter/glance_exporter/client"
)

// The labels of the exporter's own metrics; reason is glance_scrape_failed's
// too.
const (
	labelCloud     = "cloud"
	labelRegion    = "region"
	labelReason    = "reason"
	labelOperation = "operation"
	labelCode      = "code"
)

// Where each of the exporter's own metrics stands in [ownMetrics].
const (
	scrapesTotal = iota
	scrapeErrorsTotal
	requestsTotal
	retriesTotal
	requestDuration
)

// ownMetrics lists what the exporter tells about itself, for each cloud and
// region.
var ownMetrics = [...]MetricDoc{
	scrapesTotal: {
		"glance_scrapes_total", "counter",
		"Number of reads of the inventory that ended.",
		[]string{labelCloud, labelRegion},
	},
	scrapeErrorsTotal: {
		"glance_scrape_errors_total", "counter",
		"Number of reads that failed, and of scrapes that ran out of time while the read went on, by reason.",
		[]string{labelCloud, labelRegion, labelReason},
	},
	requestsTotal: {
		"glance_api_requests_total", "counter",
		"Number of requests made to Keystone and the image service, by the status code of the answer (none where no answer came).",
		[]string{labelCloud, labelRegion, labelOperation, labelCode},
	},
	retriesTotal: {
		"glance_api_retries_total", "counter",
		"Number of requests that were made again, by the reason why the one before had failed.",
		[]string{labelCloud, labelRegion, labelReason},
	},
	requestDuration: {
		"glance_api_request_duration_seconds", "histogram",
		"Time that requests took until the last byte of the answer was read.",
		[]string{labelCloud, labelRegion, labelOperation},
	},
}

// usualCodes gives the status code of an operation that went well, whose
// counter is there from the start.
var usualCodes = map[client.Operation]int{
	client.OpAuth:      201,
	client.OpDiscovery: 300,
	client.OpList:      200,
}

// durationBuckets reach from a login to the minute that a Glance needs for a
// page of many images.
var durationBuckets = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

// TelemetryMetrics describes the metrics of [Telemetry].
func TelemetryMetrics() []MetricDoc { return slices.Clone(ownMetrics[:]) }

// Telemetry is what the exporter tells about itself: its own metrics, as a
// [prometheus.Collector], and its log lines about reads. It is safe for
// concurrent use.
type Telemetry struct {
	logger log.Logger

	mu     sync.Mutex
	scopes map[scopeKey]*Scope
}

// scopeKey names a scope.
type scopeKey struct{ cloud, region string }

// NewTelemetry makes the telemetry of an exporter that serves no cloud yet.
func NewTelemetry(logger log.Logger) *Telemetry {
	return &Telemetry{logger: logger, scopes: make(map[scopeKey]*Scope)}
}

// For gives the scope of a cloud's region, "" where it has none. There is one
// scope for both until it is removed, so that counters live on when a cloud's
// settings change. All its series are there at once, at 0.
func (t *Telemetry) For(cloud, region string) *Scope {
	scope := t.Tentative(cloud, region)
	return t.Keep(scope)
}

// Tentative gives the scope of a cloud's region as [Telemetry.For] does, but
// where there is none yet its series do not show, and nothing is kept of it,
// until it is given to [Telemetry.Keep]. It is for regions that may not exist.
func (t *Telemetry) Tentative(cloud, region string) *Scope {
	key := newScopeKey(cloud, region)
	t.mu.Lock()
	defer t.mu.Unlock()
	if scope, ok := t.scopes[key]; ok {
		return scope
	}
	return newScope(t.logger, key)
}

// Keep shows the series of a tentative scope, with what was counted so far. It
// gives the scope that is shown, which is another one where that was kept first.
func (t *Telemetry) Keep(scope *Scope) *Scope {
	t.mu.Lock()
	defer t.mu.Unlock()
	if kept, ok := t.scopes[scope.key]; ok {
		return kept
	}
	t.scopes[scope.key] = scope
	return scope
}

// Remove drops the series of a cloud's region. What is still told to its scope
// is logged, but counts nowhere.
func (t *Telemetry) Remove(cloud, region string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.scopes, newScopeKey(cloud, region))
}

// newScopeKey makes label values of names that may come from a request.
func newScopeKey(cloud, region string) scopeKey {
	return scopeKey{strings.ToValidUTF8(cloud, "\uFFFD"), strings.ToValidUTF8(region, "\uFFFD")}
}

// Describe implements [prometheus.Collector].
func (t *Telemetry) Describe(descs chan<- *prometheus.Desc) {
	for _, m := range ownMetrics {
		descs <- prometheus.NewDesc(m.Name, m.Help, m.Labels, nil)
	}
}

// Collect implements [prometheus.Collector].
func (t *Telemetry) Collect(samples chan<- prometheus.Metric) {
	t.mu.Lock()
	scopes := make([]*Scope, 0, len(t.scopes))
	for _, scope := range t.scopes {
		scopes = append(scopes, scope)
	}
	t.mu.Unlock()
	for _, scope := range scopes {
		scope.collect(samples)
	}
}

// newCounters makes the counters of one line of [ownMetrics] for one scope.
func newCounters(metric int, key scopeKey) *prometheus.CounterVec {
	m := ownMetrics[metric]
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.Name, Help: m.Help}, m.Labels).
		MustCurryWith(prometheus.Labels{labelCloud: key.cloud, labelRegion: key.region})
}

// newDurations makes the histograms of one scope, which are classic and native.
func newDurations(key scopeKey) prometheus.ObserverVec {
	m := ownMetrics[requestDuration]
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:                            m.Name,
		Help:                            m.Help,
		Buckets:                         durationBuckets,
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  100,
		NativeHistogramMinResetDuration: time.Hour,
	}, m.Labels).MustCurryWith(prometheus.Labels{labelCloud: key.cloud, labelRegion: key.region})
}
