package main

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"github.com/glance-exporter/glance_exporter/collector"
	"github.com/glance-exporter/glance_exporter/dashboards"
)

// ownPaths are those that --web.telemetry-path cannot take.
var ownPaths = []string{"/", "/-/healthy", "/-/ready", probePath, reloadPath}

const (
	probePath  = "/probe"
	reloadPath = "/-/reload"
)

// writeTimeout is how long an answer may take to be written once it is there. A
// client that stops reading is cut off then; until that it holds up nobody but
// itself.
const writeTimeout = 30 * time.Second

// newHandler makes the handler of everything that the exporter serves.
func newHandler(serving *set, own *prometheus.Registry, files []dashboards.File, slogger *slog.Logger) http.Handler {
	s := &scrapes{
		cfg:   serving.cfg,
		set:   serving,
		own:   own,
		slots: make(chan struct{}, serving.cfg.maxRequests),
		options: promhttp.HandlerOpts{
			ErrorLog:          slog.NewLogLogger(slogger.Handler(), slog.LevelError),
			Registry:          own,
			EnableOpenMetrics: true,
		},
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+s.cfg.telemetryPath, s.limited(s.metrics))
	mux.Handle("GET "+probePath, s.limited(s.probe))
	mux.Handle("POST "+reloadPath, newReloadHandler(serving))
	ok := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("OK\n")) }
	mux.HandleFunc("GET /-/healthy", ok)
	mux.HandleFunc("GET /-/ready", ok)
	mux.Handle("GET "+downloadsPath+"{name}", newDownloads(files))
	mux.Handle("GET /{$}", newLanding(serving, files))
	return mux
}

// scrapes answers scrapes: each by a fresh registry with a collector of its own,
// bound to the request and its time.
type scrapes struct {
	cfg     *config
	set     *set
	own     *prometheus.Registry // the exporter's own metrics
	slots   chan struct{}        // one for each request that may be answered at once
	options promhttp.HandlerOpts
}

// limited answers so many requests at once, over all paths, and turns the others
// away. All are counted in the promhttp_* metrics.
func (s *scrapes) limited(answer http.HandlerFunc) http.Handler {
	return promhttp.InstrumentMetricHandler(s.own, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
			answer(w, r)
		default:
			http.Error(w, "Too many metrics requests at once (--web.max-requests).", http.StatusServiceUnavailable)
		}
	}))
}

// metrics answers with the exporter's own metrics and, where /metrics has a
// cloud, with its inventory.
func (s *scrapes) metrics(w http.ResponseWriter, r *http.Request) {
	t := s.set.current.Load().metrics
	if t == nil {
		s.answer(w, r, s.own)
		return
	}
	s.read(w, r, t, s.own)
}

// probe answers with the inventory of one cloud of clouds.yaml. Whatever else is
// asked for is refused, and leaves nothing behind.
func (s *scrapes) probe(w http.ResponseWriter, r *http.Request) {
	a, region, refusal := s.set.current.Load().find(r.URL.RawQuery)
	if refusal != "" {
		http.Error(w, refusal, http.StatusBadRequest)
		return
	}
	t, giveBack := a.borrow(region)
	defer giveBack()
	s.read(w, r, t)
}

// read reads a target's inventory within the scrape's time, and answers with it
// and with what else there is.
func (s *scrapes) read(w http.ResponseWriter, r *http.Request, t *target, more ...prometheus.Gatherer) {
	ctx, cancel := context.WithTimeoutCause(r.Context(), budget(r.Header, s.cfg.scrapeTimeout, s.cfg.timeoutOffset), errBudget)
	defer cancel()
	inventory := prometheus.NewRegistry()
	inventory.MustRegister(collector.New(ctx, t.source, s.cfg.labels))
	// The inventory comes first: gathering it is the read that the exporter's
	// own counters, gathered after it, are to show.
	s.answer(w, r, append(prometheus.Gatherers{inventory}, more...))
}

func (s *scrapes) answer(w http.ResponseWriter, r *http.Request, from prometheus.Gatherer) {
	gathered := prometheus.GathererFunc(func() (families []*dto.MetricFamily, err error) {
		families, err = from.Gather()
		// Not every writer knows deadlines; over HTTP/1 and 2 they all do.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
		return families, err
	})
	promhttp.HandlerFor(gathered, s.options).ServeHTTP(w, r)
}
