package main

import (
	"context"
	"fmt"
	"io"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/glance-exporter/glance_exporter/client"
	"github.com/glance-exporter/glance_exporter/collector"
)

// once reads the inventory and prints its metrics in the text format. An error
// says why it could not be read; nothing is printed then.
func once(ctx context.Context, cfg *config, p *plan, stdout io.Writer) error {
	cfg.refreshInterval = 0 // one read is all there is
	cloud := newAccount(cfg, p.metrics, collector.NewTelemetry(log.NewNopLogger()))
	defer cloud.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, cfg.scrapeTimeout, errBudget)
	defer cancel()
	read := &onlyRead{source: cloud.always(p.region).source}
	registry := prometheus.NewRegistry()
	if err := registry.Register(collector.New(ctx, read, cfg.labels)); err != nil {
		return err
	}
	families, err := registry.Gather()
	if err != nil {
		return err
	}
	switch {
	case read.snapshot == nil:
		return context.Cause(ctx)
	case read.snapshot.Err != nil:
		return failureLine(read.snapshot.Err)
	}
	encoder := expfmt.NewEncoder(stdout, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, family := range families {
		if err := encoder.Encode(family); err != nil {
			return err
		}
	}
	return nil
}

// failureLine gives an error with what helps to look further.
func failureLine(failure *client.Error) error {
	if failure.RequestID == "" {
		return failure
	}
	return fmt.Errorf("%w (request %s)", failure, failure.RequestID)
}

// onlyRead keeps what the one read gave.
type onlyRead struct {
	source   collector.Source
	snapshot *collector.Snapshot
}

// Read implements collector.Source.
func (r *onlyRead) Read(ctx context.Context) *collector.Snapshot {
	r.snapshot = r.source.Read(ctx)
	return r.snapshot
}
