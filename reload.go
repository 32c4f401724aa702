package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

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
	m.successful.Set(1)
	m.at.Set(float64(started.UnixNano()) / 1e9)
	return m
}

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
