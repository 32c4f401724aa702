// Manifests reads manifests from standard input, demands that each is what the
// types of Kubernetes and of the Prometheus Operator say, without a field that they
// do not know, and writes them as one JSON array.
//
// It has a module of its own: the exporter knows nothing of Kubernetes.
package main

import (
	"bufio"
	"bytes"
	stdjson "encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	document "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// kinds has what the chart makes; another kind needs an entry.
var kinds = map[meta.TypeMeta]func() any{
	{APIVersion: "v1", Kind: "ConfigMap"}:                            func() any { return &core.ConfigMap{} },
	{APIVersion: "v1", Kind: "Pod"}:                                  func() any { return &core.Pod{} },
	{APIVersion: "v1", Kind: "Secret"}:                               func() any { return &core.Secret{} },
	{APIVersion: "v1", Kind: "Service"}:                              func() any { return &core.Service{} },
	{APIVersion: "apps/v1", Kind: "Deployment"}:                      func() any { return &apps.Deployment{} },
	{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"}:      func() any { return &networking.NetworkPolicy{} },
	{APIVersion: "monitoring.coreos.com/v1", Kind: "Probe"}:          func() any { return &monitoring.Probe{} },
	{APIVersion: "monitoring.coreos.com/v1", Kind: "PrometheusRule"}: func() any { return &monitoring.PrometheusRule{} },
	{APIVersion: "monitoring.coreos.com/v1", Kind: "ServiceMonitor"}: func() any { return &monitoring.ServiceMonitor{} },
}

func main() {
	plain := flag.Bool("plain", false, "take any YAML, and check nothing")
	flag.Parse()
	if err := run(os.Stdin, os.Stdout, *plain); err != nil {
		fmt.Fprintln(os.Stderr, "manifests:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer, plain bool) error {
	documents := document.NewYAMLReader(bufio.NewReader(in))
	manifests := []stdjson.RawMessage{}
	for {
		text, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return stdjson.NewEncoder(out).Encode(manifests)
		}
		if err != nil {
			return err
		}
		manifest, err := yaml.YAMLToJSONStrict(text)
		if err != nil {
			return fmt.Errorf("%w in\n%s", err, text)
		}
		if bytes.Equal(manifest, []byte("null")) { // only comments
			continue
		}
		if !plain {
			if err := check(manifest); err != nil {
				return err
			}
		}
		manifests = append(manifests, manifest)
	}
}

// check demands that a manifest is one of a known kind, and has a name. It reads JSON,
// as the API does: a reader of YAML makes text of a number where the type wants text.
func check(manifest []byte) error {
	var head meta.PartialObjectMetadata
	if err := json.UnmarshalCaseSensitivePreserveInts(manifest, &head); err != nil {
		return fmt.Errorf("%s %q: %w", head.Kind, head.Name, err)
	}
	kind, ok := kinds[head.TypeMeta]
	if !ok || head.Name == "" {
		return fmt.Errorf("%s %s %q is of no known kind, or has no name", head.APIVersion, head.Kind, head.Name)
	}
	unknown, err := json.UnmarshalStrict(manifest, kind())
	if err := errors.Join(append(unknown, err)...); err != nil {
		return fmt.Errorf("%s %q: %w", head.Kind, head.Name, err)
	}
	return nil
}
