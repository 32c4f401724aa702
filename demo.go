package main

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/glance-exporter/glance_exporter/client"
	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// A demo is a simulated cloud that lives inside the process. The exporter logs
// into it and reads it over a loopback port, as it would a real one.
type demo struct {
	cloud  *client.Cloud
	server *http.Server
}

// startDemo starts the cloud's life, which ends with ctx, and its server.
func startDemo(ctx context.Context, cfg *config) (*demo, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("--demo: %w", err)
	}
	simulated := simcloud.New(simcloud.Options{Seed: 1, Images: cfg.demoImages, Lived: true, Service: simcloud.Service{Stores: true}})
	d := &demo{server: simulated.Serve(listener)}
	d.cloud, err = client.Environment{
		"OS_AUTH_URL": "http://" + listener.Addr().String() + "/identity",
		"OS_USERNAME": "admin", "OS_PASSWORD": simcloud.AdminPassword, "OS_PROJECT_NAME": "admin",
		"OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default",
	}.Cloud()
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("--demo: %w", err)
	}
	d.cloud = d.cloud.Named(demoCloud)
	go simulated.Live(ctx, simcloud.Pace{Speed: cfg.demoSpeed, Failing: true})
	return d, nil
}

// demoCloud is the name of the demo's cloud in metrics.
const demoCloud = "demo"

// Close ends the cloud's server.
func (d *demo) Close() { _ = d.server.Close() }
