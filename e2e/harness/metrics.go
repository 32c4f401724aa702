//go:build e2e

package harness

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Metrics are the gauges and counters of a scrape: name, labels, value. Labels
// are written by [Labels].
type Metrics map[string]map[string]float64

// Labels makes the key of a series from pairs of names and values.
func Labels(pairs ...string) string {
	var list []string
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, fmt.Sprintf("%s=%q", pairs[i], pairs[i+1]))
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}

// ReadMetrics parses an exposition.
func ReadMetrics(exposition io.Reader) (Metrics, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(exposition)
	if err != nil {
		return nil, err
	}
	all := Metrics{}
	for name, family := range families {
		all[name] = map[string]float64{}
		for _, metric := range family.GetMetric() {
			var pairs []string
			for _, pair := range metric.GetLabel() {
				pairs = append(pairs, pair.GetName(), pair.GetValue())
			}
			all[name][Labels(pairs...)] = metric.GetGauge().GetValue() + metric.GetCounter().GetValue()
		}
	}
	return all, nil
}

// Value gives the sum of those series that have all the labels given.
func (m Metrics) Value(name string, pairs ...string) float64 {
	var sum float64
	for labels, value := range m[name] {
		fits := true
		for i := 0; i < len(pairs); i += 2 {
			fits = fits && strings.Contains(","+labels+",", ","+Labels(pairs[i], pairs[i+1])+",")
		}
		if fits {
			sum += value
		}
	}
	return sum
}

// Up tells whether the whole inventory was read.
func (m Metrics) Up() bool { return m.Value("glance_up") == 1 }

// Reason gives the reasons for which the read failed; "" for none.
func (m Metrics) Reason() string {
	var reasons []string
	for labels, value := range m["glance_scrape_failed"] {
		if value != 0 {
			reasons = append(reasons, strings.Trim(strings.TrimPrefix(labels, "reason="), `"`))
		}
	}
	slices.Sort(reasons)
	return strings.Join(reasons, " and ")
}

// MustShow demands these metrics, all of their series and no other ones.
func (m Metrics) MustShow(t *testing.T, want Metrics) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		for labels, value := range want[name] {
			if got, found := m[name][labels]; !found || got != value {
				t.Errorf("%s{%s} is %v (there: %t), want %v", name, labels, got, found, value)
			}
		}
		for labels, value := range m[name] {
			if _, found := want[name][labels]; !found {
				t.Errorf("%s{%s} is %v, want no such series", name, labels, value)
			}
		}
	}
	if t.Failed() {
		t.Logf("glance_up %v, reason %q", m.Up(), m.Reason())
	}
}

// MustFail demands that there is no inventory, for this reason alone.
func (m Metrics) MustFail(t *testing.T, reason string) {
	t.Helper()
	if m.Up() || m.Reason() != reason {
		t.Errorf("glance_up is %t with reason %q, want false with %q", m.Up(), m.Reason(), reason)
	}
	for name := range m {
		if strings.HasPrefix(name, "glance_images") || strings.HasPrefix(name, "glance_inventory_images") {
			t.Errorf("%s is shown, of a read that failed", name)
		}
	}
}
