package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/glance-exporter/glance_exporter/client"
)

// A plan says which clouds are to be served, as flags, OS_* and clouds.yaml have
// it. All in it was checked, without any network.
type plan struct {
	metrics *client.Cloud // that /metrics reports on; nil: on the exporter alone
	region  string        // of that cloud; "" means the first of its catalogue

	probes  []*client.Cloud // that /probe may be asked for, by their names
	leftOut []error         // why others may not, which nobody asked for by name
}

// equal tells whether two plans are the same in everything, the contents of
// certificate files included.
func (p *plan) equal(other *plan) bool {
	same := func(a, b *client.Cloud) bool { return a == b || a != nil && b != nil && a.Equal(b) }
	return same(p.metrics, other.metrics) && p.region == other.region && slices.EqualFunc(p.probes, other.probes, same) &&
		slices.EqualFunc(p.leftOut, other.leftOut, func(a, b error) bool { return a.Error() == b.Error() })
}

// metricsName is the name of the cloud of /metrics, and probeNames those of the
// clouds of /probe, as they are told.
func (p *plan) metricsName() string {
	if p.metrics == nil {
		return "none"
	}
	return p.metrics.Name()
}

func (p *plan) probeNames() string {
	names := make([]string, len(p.probes))
	for i, cloud := range p.probes {
		names[i] = cloud.Name()
	}
	return cmp.Or(strings.Join(names, ","), "none")
}

// summary says what is served, for who checks it.
func (p *plan) summary(telemetryPath string) string {
	lines := []string{"flags and clouds are right"}
	if p.metrics != nil {
		lines = append(lines, fmt.Sprintf("%s reports on the cloud %q", telemetryPath, p.metrics.Name()))
	}
	for _, cloud := range p.probes {
		lines = append(lines, fmt.Sprintf("/probe serves the cloud %q", cloud.Name()))
	}
	for _, err := range p.leftOut {
		lines = append(lines, "/probe leaves out "+oneLine(err.Error()))
	}
	return strings.Join(lines, "\n")
}

// plan makes the plan. The clouds served, by name, are those that are served at
// the moment: they must be right as if they were named by a flag, so that a slip
// in clouds.yaml ends no inventory. The error names the flag or the file.
func (cfg *config) plan(env client.Environment, served []string) (*plan, error) {
	switch {
	case cfg.demoCloud != nil:
		return &plan{metrics: cfg.demoCloud}, nil
	case cfg.demo: // only the flags are checked
		return &plan{metrics: client.Standalone().Named(demoCloud)}, nil
	case cfg.noAuth:
		return &plan{metrics: client.Standalone(), region: cfg.region}, nil
	}
	p := &plan{}
	fromEnvironment := cfg.cloud == "" && env.Set()
	file, err := cfg.readClouds()
	if err != nil && fromEnvironment && cfg.cloudsFile == "" && len(cfg.probeClouds)+len(served) == 0 {
		// It was only found lying about, and may be meant for others.
		p.leftOut = append(p.leftOut, err)
		file, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := cfg.planMetrics(p, env, file); err != nil {
		return nil, err
	}
	if err := cfg.planProbes(p, file, served); err != nil {
		return nil, err
	}
	if p.metrics == nil && len(p.probes) == 0 {
		return nil, errNothingConfigured
	}
	return p, cfg.planFits(p, file)
}

var errNoCloudsFile = errors.New("there is no clouds.yaml in the working directory, ~/.config/openstack or /etc/openstack; name the file by --clouds-file")

var errNothingConfigured = errors.New("no cloud is configured: name one of clouds.yaml by --cloud, set the OS_* variables of the openstack client, or try --demo")

// planMetrics chooses the cloud of /metrics, if any.
func (cfg *config) planMetrics(p *plan, env client.Environment, file *client.CloudsFile) (err error) {
	switch {
	case cfg.cloud != "" && file == nil:
		return fmt.Errorf("--cloud: %w", errNoCloudsFile)
	case cfg.cloud != "":
		if p.metrics, err = file.Cloud(cfg.cloud); err != nil {
			return fmt.Errorf("--cloud: %w", err)
		}
	case env.Set():
		if p.metrics, err = env.Cloud(); err != nil {
			return err
		}
	default:
		return nil
	}
	p.region = cmp.Or(cfg.region, p.metrics.Region())
	if regions := p.metrics.Regions(); !regionAmong(regions, p.region) {
		return fmt.Errorf("--region: %q is not among the regions of the cloud %q: %s", p.region, p.metrics.Name(), strings.Join(regions, ", "))
	}
	return nil
}

// regionAmong tells whether a region is among those that clouds.yaml names, if
// it names any.
func regionAmong(regions []string, region string) bool {
	return len(regions) == 0 || slices.Contains(regions, region)
}

// planProbes chooses the clouds of /probe: those named by --probe.cloud, else
// all of clouds.yaml. Of those that nobody named, ones that cannot be used are
// left out where /metrics has a cloud: the file belongs to other tools too.
func (cfg *config) planProbes(p *plan, file *client.CloudsFile, served []string) error {
	if file == nil {
		if len(cfg.probeClouds)+len(served) > 0 {
			return fmt.Errorf("--probe.cloud: %w", errNoCloudsFile)
		}
		return nil
	}
	names := slices.Compact(slices.Sorted(slices.Values(cfg.probeClouds)))
	named := len(names) > 0
	if !named {
		names = file.Names()
	}
	for _, name := range names {
		cloud, err := file.Cloud(name)
		if err == nil && p.metrics != nil && name == p.metrics.Name() && !cloud.Equal(p.metrics) {
			err = fmt.Errorf("%s: cloud %q: is named as the OS_* variables are in metrics; give it another name", file.Path(), name)
		}
		switch {
		case err == nil:
			p.probes = append(p.probes, cloud)
		case named:
			return fmt.Errorf("--probe.cloud: %w", err)
		case p.metrics == nil || slices.Contains(served, name):
			return fmt.Errorf("%w; name the clouds to be served by --probe.cloud to leave it out", err)
		default:
			p.leftOut = append(p.leftOut, err)
		}
	}
	return nil
}

// planFits checks the flags that need a cloud of /metrics.
func (cfg *config) planFits(p *plan, file *client.CloudsFile) error {
	if p.metrics != nil {
		return nil
	}
	for _, use := range []struct {
		flag string
		used bool
	}{
		{"--once", cfg.once}, {"--image.endpoint", cfg.endpoint != nil}, {"--region", cfg.given["region"]},
	} {
		if use.used {
			return fmt.Errorf("%s: is about the cloud of /metrics; name that by --cloud, one of %s: %s", use.flag, file.Path(), strings.Join(file.Names(), ", "))
		}
	}
	return nil
}

// readClouds reads clouds.yaml, nil where there is none.
func (cfg *config) readClouds() (*client.CloudsFile, error) {
	name := cmp.Or(cfg.cloudsFile, client.FindCloudsFile())
	if name == "" {
		return nil, nil
	}
	file, err := client.ReadCloudsFile(name)
	if err != nil {
		return nil, fmt.Errorf("--clouds-file: %w", err)
	}
	return file, nil
}
