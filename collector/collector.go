package collector

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
)

// scrape is the collector of one scrape. It keeps the scrape's context, since
// [prometheus.Collector] has no other way for it.
type scrape struct {
	ctx    context.Context
	source Source
	labels Labels
}

// New makes the collector of one scrape, which reads the source within ctx when
// it is collected. Where the reader of the scrape has gone it collects nothing.
// The labels are those that the source groups its inventories by.
func New(ctx context.Context, source Source, labels Labels) prometheus.Collector {
	return &scrape{ctx: ctx, source: source, labels: labels}
}

// Describe implements [prometheus.Collector]. It tells of all metrics that there
// may be, those of single images too.
func (s *scrape) Describe(descs chan<- *prometheus.Desc) {
	eachMetric(func(m *metric) { descs <- m.desc(s.labels) })
}

// Collect implements [prometheus.Collector].
func (s *scrape) Collect(samples chan<- prometheus.Metric) {
	snapshot := s.source.Read(s.ctx)
	if snapshot == nil {
		return
	}
	eachMetric(func(m *metric) {
		desc := m.desc(s.labels)
		m.samples(snapshot, func(value float64, labels ...string) {
			sample, err := prometheus.NewConstMetric(desc, prometheus.GaugeValue, value, labels...)
			if err != nil {
				sample = prometheus.NewInvalidMetric(desc, err)
			}
			samples <- sample
		})
	})
}
