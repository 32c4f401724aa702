package main

import (
	"cmp"
	"net/url"
	"time"

	"github.com/prometheus/common/version"

	"github.com/glance-exporter/glance_exporter/client"
	"github.com/glance-exporter/glance_exporter/collector"
)

// A target is a region of a cloud as it is served.
type target struct {
	region    string
	scope     *collector.Scope
	client    *client.Client
	source    collector.Source
	refresher *collector.Refresher // nil where the inventory is read on every scrape

	// Guarded by the account's mutex.
	kept  bool // that the region exists is known; if not, it goes with its last user
	users int  // probes under way
}

// newTarget makes a target that reads when it is asked. See [target.start].
func (a *account) newTarget(region string, kept bool, endpoint *url.URL, idleStop time.Duration) *target {
	scope := a.telemetry.Tentative
	if kept {
		scope = a.telemetry.For
	}
	t := &target{region: region, kept: kept, scope: scope(a.cloud.Name(), region)}
	t.client = client.New(a.login, client.Config{
		Version:    a.cfg.version(),
		Endpoint:   endpoint,
		Region:     region,
		PageSize:   a.cfg.pageSize,
		Filters:    a.cfg.filters,
		Properties: a.cfg.labels.Properties(),
		Trace:      t.scope,
	})
	shared := collector.NewShared(t.client, collector.Config{
		Labels: a.cfg.labels, MaxGroups: a.cfg.maxGroups, PerImage: a.cfg.perImage,
	}, t.scope)
	t.source = shared
	if a.cfg.refreshInterval > 0 {
		t.refresher = collector.NewRefresher(shared, collector.RefreshConfig{Interval: a.cfg.refreshInterval, IdleStop: idleStop})
		t.source = t.refresher
	}
	return t
}

// start begins to read in the background, where that was asked for, until the
// target is closed.
func (t *target) start() {
	if t.refresher != nil {
		t.refresher.Start()
	}
}

// close ends the reads in the background. Scrapes are still answered.
func (t *target) close() {
	if t.refresher != nil {
		t.refresher.Close()
	}
}

// tryAgain has what failed in the background tried again at once.
func (t *target) tryAgain() {
	if t.refresher != nil {
		t.refresher.TryAgain()
	}
}

// idleStop is how long nobody must have probed a cloud for the reads of it in
// the background to stop.
func (cfg *config) idleStop() time.Duration {
	return max(3*cfg.refreshInterval, 10*time.Minute)
}

func userAgent() string {
	return program + "/" + cmp.Or(version.Version, "dev")
}
