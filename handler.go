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
)

// ownPaths are those that --web.telemetry-path cannot take.
var ownPaths = []string{"/", "/-/healthy", "/-/ready", "/probe", "/-/reload"}

// writeTimeout is how long an answer may take to be written once it is there. A
// client that stops reading is cut off then; until that it holds up nobody but
// itself.
const writeTimeout = 30 * time.Second

// newHandler makes the handler of everything that the exporter serves.
func newHandler(serving *served, own *prometheus.Registry, slogger *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+serving.cfg.telemetryPath, promhttp.InstrumentMetricHandler(own, &metricsHandler{
		serving: serving,
		own:     own,
		slots:   make(chan struct{}, serving.cfg.maxRequests),
		options: handlerOptions(own, slogger),
	}))
	ok := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("OK\n")) }
	mux.HandleFunc("GET /-/healthy", ok)
	mux.HandleFunc("GET /-/ready", ok)
	mux.Handle("GET /{$}", newLanding(serving))
	return mux
}

func handlerOptions(own *prometheus.Registry, slogger *slog.Logger) promhttp.HandlerOpts {
	return promhttp.HandlerOpts{
		ErrorLog:          slog.NewLogLogger(slogger.Handler(), slog.LevelError),
		Registry:          own,
		EnableOpenMetrics: true,
	}
}

// metricsHandler answers a scrape: a fresh registry with a collector of its own,
// bound to the request and its time, beside the exporter's own metrics.
type metricsHandler struct {
	serving *served
	own     *prometheus.Registry
	slots   chan struct{} // one for each request that may be answered at once
	options promhttp.HandlerOpts
}

// ServeHTTP implements http.Handler.
func (h *metricsHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		http.Error(w, "Too many metrics requests at once (--web.max-requests).", http.StatusServiceUnavailable)
		return
	}
	cfg, target := h.serving.cfg, h.serving.target.Load()
	ctx, cancel := context.WithTimeoutCause(r.Context(), budget(r.Header, cfg.scrapeTimeout, cfg.timeoutOffset), errBudget)
	defer cancel()

	inventory := prometheus.NewRegistry()
	inventory.MustRegister(collector.New(ctx, target.source, target.labels))
	// The inventory comes first: gathering it is the read that the exporter's
	// own counters, gathered after it, are to show.
	both := prometheus.Gatherers{inventory, h.own}
	gathered := prometheus.GathererFunc(func() (families []*dto.MetricFamily, err error) {
		families, err = both.Gather()
		// Not every writer knows deadlines; over HTTP/1 and 2 they all do.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
		return families, err
	})
	promhttp.HandlerFor(gathered, h.options).ServeHTTP(w, r)
}
