//go:build e2e

package harness

import (
	"math/big"
	"net"
	"strings"
	"testing"

	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// ServeCloud serves a simulated cloud on loopback until the test ends.
func ServeCloud(t *testing.T, cloud *simcloud.Cloud) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := cloud.Serve(listener)
	t.Cleanup(func() { _ = server.Close() })
}

// CloudEntry writes the administrator of a simulated cloud as a cloud of
// clouds.yaml.
func CloudEntry(name string, cloud *simcloud.Cloud) string {
	_, entries, _ := strings.Cut(string(cloud.CloudsYAML()), "  admin:\n")
	entry, _, _ := strings.Cut(entries, "  member:\n")
	return "  " + name + ":\n" + entry
}

// TruthMetrics gives the metrics that a whole inventory of a simulated cloud
// shows, as far as the cloud counts them by itself.
func TruthMetrics(truth *simcloud.Truth) Metrics {
	m := Metrics{
		"glance_up":                   {"": 1},
		"glance_inventory_images":     {"": float64(truth.Images)},
		"glance_inventory_size_bytes": {"": float(truth.Size)},
		"glance_images":               {},
		"glance_images_size_bytes":    {},
	}
	for key, group := range truth.Groups {
		labels := Labels("status", key.Status, "disk_format", key.DiskFormat, "public", key.Public, "protected", key.Protected)
		m["glance_images"][labels] = float64(group.Images)
		m["glance_images_size_bytes"][labels] = float(group.Size)
	}
	return m
}

func float(n *big.Int) float64 {
	f, _ := new(big.Float).SetInt(n).Float64()
	return f
}

// Differs tells which of the metrics wanted, or of their series, is another one
// here; "" where none is.
func (m Metrics) Differs(want Metrics) string {
	for name := range want {
		if len(m[name]) != len(want[name]) {
			return name
		}
		for labels, value := range want[name] {
			if got, found := m[name][labels]; !found || got != value {
				return name + "{" + labels + "}"
			}
		}
	}
	return ""
}
