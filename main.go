// Command glance_exporter serves the image inventory of OpenStack clouds to
// Prometheus.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/common/version"

	// The certificates of public authorities, for where the system has none: an
	// empty image, an empty root. Any roots of the system, or those of
	// SSL_CERT_FILE, take their place as a whole.
	_ "golang.org/x/crypto/x509roots/fallback"

	"github.com/glance-exporter/glance_exporter/client"
	"github.com/glance-exporter/glance_exporter/collector"
	"github.com/glance-exporter/glance_exporter/dashboards"
)

const program = "glance_exporter"

func main() {
	completeVersion()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // the first signal asks for an orderly end, a second one ends at once
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program: it parses, wires, serves until ctx ends, drains, and
// gives the exit status. What it makes, it closes:
//
//	config     the flags, checked
//	plan       the clouds that they ask for, checked
//	logger     everything that is logged, by libraries too
//	simulation the demo's cloud, in demo mode
//	telemetry  the exporter's own metrics about reads
//	serving    the clouds: their logins, clients and sources
//	own        the registry of the exporter's own metrics
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	env := client.TakeEnvironment()
	cfg, err := parseFlags(args, stdout)
	if errors.Is(err, errAnswered) {
		return 0
	}
	if err == nil {
		err = cfg.validate()
	}
	if err != nil {
		return fail(stderr, err)
	}
	logger, slogger := newLogger(cfg.logLevel, cfg.logFormat, stderr)

	if cfg.demo && !cfg.configCheck {
		simulation, err := startDemo(ctx, cfg)
		if err != nil {
			return fail(stderr, err)
		}
		defer simulation.Close()
		cfg.demoCloud = simulation.cloud
	}
	plan, err := cfg.plan(env, nil)
	if err != nil {
		return fail(stderr, err)
	}
	if cfg.configCheck {
		fmt.Fprintln(stdout, plan.summary(cfg.telemetryPath))
		return 0
	}
	if cfg.once {
		if err := once(ctx, cfg, plan, stdout); err != nil {
			return fail(stderr, err)
		}
		return 0
	}

	files, err := dashboards.Files()
	if err != nil {
		return fail(stderr, err)
	}
	telemetry := collector.NewTelemetry(logger)
	serving := newSet(cfg, env, plan, telemetry, logger)
	defer serving.Close()
	serving.reloadOnHangup(ctx)
	serving.reloadOnChange(ctx)
	own := newRegistry(telemetry, serving.metrics)
	_ = level.Info(logger).Log("msg", "starting", "version", version.Info(), "build", version.BuildContext(),
		"cloud", plan.metricsName(), "region", plan.region, "probe_clouds", plan.probeNames())
	if err := serve(ctx, cfg, newHandler(serving, own, files, slogger), slogger); err != nil {
		return fail(stderr, err)
	}
	_ = level.Info(logger).Log("msg", "ended")
	return 0
}

// fail tells on standard error why the program ends, in one line.
func fail(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "%s: %s\n", program, oneLine(err.Error()))
	return 1
}

// newRegistry makes the registry of the exporter's own metrics.
func newRegistry(telemetry *collector.Telemetry, reload *reloadMetrics) *prometheus.Registry {
	own := prometheus.NewRegistry()
	own.MustRegister(
		telemetry,
		reload,
		versioncollector.NewCollector(program),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return own
}
