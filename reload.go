package main

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/glance-exporter/glance_exporter/client"
	"github.com/glance-exporter/glance_exporter/collector"
)

// served is the target that is served at the moment. A reload puts another one
// in its place; what was begun on the old one ends on it.
type served struct {
	cfg       *config
	env       client.Environment
	telemetry *collector.Telemetry
	logger    log.Logger
	metrics   *reloadMetrics
	target    atomic.Pointer[target]
}

// start begins to serve a cloud.
func (s *served) start(ctx context.Context, cloud *client.Cloud) {
	fresh := newTarget(s.cfg, cloud, s.telemetry)
	fresh.refresh(context.WithoutCancel(ctx)) // until Close: scrapes under way when ctx ends are answered
	s.target.Store(fresh)
}

// Close ends what the target does by itself.
func (s *served) Close() { s.target.Load().Close() }

// reloadOnHangup reloads whenever SIGHUP comes, until ctx ends.
func (s *served) reloadOnHangup(ctx context.Context) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		defer signal.Stop(signals)
		for {
			select {
			case <-signals:
				s.reload(ctx)
			case <-ctx.Done():
				return
			}
		}
	}()
}

// reload reads clouds.yaml again. A bad one changes nothing. A cloud whose
// settings are as they were keeps its token and what was learned of its service;
// only the wait after a refused login ends.
func (s *served) reload(ctx context.Context) {
	cloud, err := s.cfg.metricsCloud(s.env)
	if err != nil {
		s.metrics.failed()
		_ = level.Error(s.logger).Log("msg", "reloading failed; everything stays as it was", "err", oneLine(err.Error()))
		return
	}
	old := s.target.Load()
	changed := !cloud.Equal(old.cloud)
	if changed {
		s.start(ctx, cloud)
		if cloud.Region() != old.cloud.Region() {
			s.telemetry.Remove(old.cloud.Name(), old.cloud.Region())
		}
		old.Close()
	} else {
		old.login.Forget()
	}
	s.metrics.succeeded(time.Now())
	_ = level.Info(s.logger).Log("msg", "reloaded", "cloud", cloud.Name(), "changed", changed)
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
