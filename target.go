package main

import (
	"context"

	"github.com/prometheus/common/version"

	"github.com/glance-exporter/glance_exporter/client"
	"github.com/glance-exporter/glance_exporter/collector"
)

// A target is a cloud in a region, as it is served: it owns the login, the
// source on top of it and, where that reads in the background, its goroutine.
type target struct {
	cloud     *client.Cloud
	labels    collector.Labels
	login     *client.Login
	source    collector.Source
	refresher *collector.Refresher // nil where the inventory is read on every scrape
}

// newTarget makes a target that reads when it is asked. See [target.refresh].
func newTarget(cfg *config, cloud *client.Cloud, telemetry *collector.Telemetry) *target {
	scope := telemetry.For(cloud.Name(), cloud.Region())
	login := client.NewLogin(cloud, client.LoginConfig{UserAgent: userAgent()})
	lister := client.New(login, client.Config{
		Version:    cfg.version(),
		Endpoint:   cfg.endpoint,
		Region:     cloud.Region(),
		PageSize:   cfg.pageSize,
		Filters:    cfg.filters,
		Properties: cfg.labels.Properties(),
		Trace:      scope,
	})
	shared := collector.NewShared(lister, collector.Config{
		Labels: cfg.labels, MaxGroups: cfg.maxGroups, PerImage: cfg.perImage,
	}, scope)
	t := &target{cloud: cloud, labels: cfg.labels, login: login, source: shared}
	if cfg.refreshInterval > 0 {
		t.refresher = collector.NewRefresher(shared, collector.RefreshConfig{Interval: cfg.refreshInterval})
		t.source = t.refresher
	}
	return t
}

// refresh begins to read in the background, where that was asked for.
func (t *target) refresh(ctx context.Context) {
	if t.refresher != nil {
		t.refresher.Start(ctx)
	}
}

// Close ends the reads in the background and closes idle connections.
func (t *target) Close() {
	if t.refresher != nil {
		t.refresher.Close()
	}
	t.login.Close()
}

func userAgent() string {
	if version.Version == "" {
		return program + "/dev"
	}
	return program + "/" + version.Version
}
