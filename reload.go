package main

import (
	"context"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// reloadOnHangup reloads whenever SIGHUP comes, until ctx ends.
func (s *set) reloadOnHangup(ctx context.Context) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		defer signal.Stop(signals)
		for {
			select {
			case <-signals:
				_ = s.reload() // which has logged and counted its error
			case <-ctx.Done():
				return
			}
		}
	}()
}

// settling is how long a file that has changed must stay as it is before it is
// taken over, since its writer may not have finished.
const settling = time.Second

// reloadOnChange reloads whenever clouds.yaml, or a file that it names, is not what
// it was, until ctx ends. It looks, and is not told by the system: that holds for
// every file system, and for a folder that is replaced as a whole, as Kubernetes
// does with secrets.
func (s *set) reloadOnChange(ctx context.Context) {
	if s.cfg.autoReloadInterval == 0 {
		return
	}
	go func() {
		for sleep(ctx, s.cfg.autoReloadInterval) {
			seen := s.look()
			for s.differs(seen) && sleep(ctx, settling) {
				before := seen
				if seen = s.look(); seen.equal(before) {
					_ = s.reload() // which has logged and counted its error
					break
				}
			}
		}
	}()
}

// sleep waits for a time, and tells whether ctx has not ended before.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// newReloadHandler answers POST /-/reload when clouds.yaml was read again, as
// Prometheus itself does: with 500 and the reason where it was a bad one.
func newReloadHandler(s *set) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !s.cfg.enableLifecycle {
			http.Error(w, "Reloading over HTTP is not enabled (--web.enable-lifecycle).", http.StatusForbidden)
			return
		}
		if err := s.reload(); err != nil {
			http.Error(w, "Reloading failed; everything stays as it was: "+oneLine(err.Error()), http.StatusInternalServerError)
		}
	})
}

// reloadMetrics tell whether clouds.yaml, when it was read last, was right.
type reloadMetrics struct{ successful, at prometheus.Gauge }

// newReloadMetrics makes the metrics of a start that went well: one that does
// not ends the program.
func newReloadMetrics(started time.Time) *reloadMetrics {
	m := &reloadMetrics{
		successful: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "glance_exporter_config_last_reload_successful",
			Help: "Whether clouds.yaml was right when it was read last.",
		}),
		at: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "glance_exporter_config_last_reload_success_timestamp_seconds",
			Help: "When clouds.yaml was last read and right.",
		}),
	}
	m.succeeded(started)
	return m
}

func (m *reloadMetrics) succeeded(at time.Time) {
	m.successful.Set(1)
	m.at.Set(float64(at.UnixNano()) / 1e9)
}

func (m *reloadMetrics) failed() { m.successful.Set(0) }

// Describe implements prometheus.Collector.
func (m *reloadMetrics) Describe(descs chan<- *prometheus.Desc) {
	m.successful.Describe(descs)
	m.at.Describe(descs)
}

// Collect implements prometheus.Collector.
func (m *reloadMetrics) Collect(samples chan<- prometheus.Metric) {
	m.successful.Collect(samples)
	m.at.Collect(samples)
}
