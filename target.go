package main

import (
	"github.com/prometheus/common/version"

	"github.com/glance-exporter/glance_exporter/client"
	"github.com/glance-exporter/glance_exporter/collector"
)

// A target is a cloud in a region, as it is served: it owns the login and the
// source on top of it.
type target struct {
	cloud  *client.Cloud
	labels collector.Labels
	source collector.Source
	login  *client.Login
}

func newTarget(cfg *config, cloud *client.Cloud, telemetry *collector.Telemetry) *target {
	scope := telemetry.For(cloud.Name(), cloud.Region())
	login := client.NewLogin(cloud, client.LoginConfig{UserAgent: userAgent()})
	lister := client.New(login, client.Config{
		Version:  cfg.version(),
		Endpoint: cfg.endpoint,
		Region:   cloud.Region(),
		PageSize: cfg.pageSize,
		Filters:  cfg.filters,
		Trace:    scope,
	})
	labels := collector.DefaultLabels()
	return &target{
		cloud:  cloud,
		labels: labels,
		login:  login,
		source: collector.NewShared(lister, collector.Config{Labels: labels}, scope),
	}
}

// Close closes the idle connections of the target.
func (t *target) Close() { t.login.Close() }

func userAgent() string {
	if version.Version == "" {
		return program + "/dev"
	}
	return program + "/" + version.Version
}
