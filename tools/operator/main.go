// Operator reads ServiceMonitors and Probes from standard input, as a JSON array with
// the Secrets and ConfigMaps that they name, and writes the scrape configs that the
// Prometheus Operator makes of them, by its own code. "make golden-helm" calls it; it takes minutes to build, so that CI works with
// the file that it has written.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus-operator/prometheus-operator/pkg/assets"
	"github.com/prometheus-operator/prometheus-operator/pkg/prometheus"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// version is the oldest Prometheus that the project is tested with.
const version = "v2.42.0"

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "operator:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	var manifests []json.RawMessage
	if err := json.NewDecoder(in).Decode(&manifests); err != nil {
		return err
	}
	server := &monitoring.Prometheus{
		ObjectMeta: meta.ObjectMeta{Name: "example", Namespace: "monitoring"},
		Spec: monitoring.PrometheusSpec{
			CommonPrometheusFields: monitoring.CommonPrometheusFields{Version: version, ScrapeInterval: "30s"},
			EvaluationInterval:     "30s",
		},
	}
	validator, err := prometheus.NewLabelConfigValidator(server)
	if err != nil {
		return err
	}
	monitors, probes := map[string]*monitoring.ServiceMonitor{}, map[string]*monitoring.Probe{}
	var named []any
	for _, manifest := range manifests {
		var head meta.PartialObjectMetadata
		if err := json.Unmarshal(manifest, &head); err != nil {
			return err
		}
		name := head.Namespace + "/" + head.Name
		var object any
		var relabelings func() []monitoring.RelabelConfig
		switch head.Kind {
		case monitoring.ServiceMonitorsKind:
			monitor := &monitoring.ServiceMonitor{}
			object, monitors[name] = monitor, monitor
			relabelings = func() []monitoring.RelabelConfig { return monitor.Spec.Endpoints[0].RelabelConfigs }
		case monitoring.ProbesKind:
			probe := &monitoring.Probe{}
			object, probes[name] = probe, probe
			relabelings = func() []monitoring.RelabelConfig { return probe.Spec.Targets.StaticConfig.RelabelConfigs }
		case "Secret":
			object = &core.Secret{}
			named = append(named, object)
		case "ConfigMap":
			object = &core.ConfigMap{}
			named = append(named, object)
		default:
			return fmt.Errorf("%s %s is nothing for the operator", head.Kind, name)
		}
		if err := json.Unmarshal(manifest, object); err != nil {
			return err
		}
		if relabelings == nil {
			continue
		}
		if err := validator.Validate(relabelings()); err != nil {
			return fmt.Errorf("%s %s: %w", head.Kind, name, err)
		}
	}
	generator, err := prometheus.NewConfigGenerator(nil, server, prometheus.WithEndpointSliceSupport())
	if err != nil {
		return err
	}
	config, err := generator.GenerateServerConfiguration(server, monitors, nil, probes, nil, assets.NewTestStoreBuilder(named...), nil, nil, nil, nil)
	if err != nil {
		return err
	}
	_, err = out.Write(config)
	return err
}
