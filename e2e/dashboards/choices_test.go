//go:build e2e

package dashboards

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/glance-exporter/glance_exporter/e2e/harness"
	"github.com/glance-exporter/glance_exporter/internal/queries"
)

// A setting is what somebody has chosen for each variable of a dashboard.
type setting struct {
	name    string
	choices map[string]queries.Choice
	// alone: a query must have an answer in one of the settings of this kind. In
	// each of the others it must have one.
	alone bool
}

// settings gives what may be chosen: All, several values, and single values, each
// of those that there are. Variables of which only one value can be chosen take
// one after the other, in all combinations, while all others are at All.
func settings(t *testing.T, p *harness.Prometheus, d *queries.Dashboard) []setting {
	t.Helper()
	base, several := map[string]queries.Choice{}, map[string]queries.Choice{}
	more := map[string][]string{}
	for i := range d.Variables {
		v := &d.Variables[i]
		values := options(t, p, d, v, base)
		if len(values) == 0 {
			t.Errorf("%s: $%s has no values", d.File, v.Name)
			continue
		}
		choice := queries.Choice{Values: values[:1]}
		if v.IncludeAll {
			choice = queries.Choice{Values: values, All: true}
		}
		base[v.Name], several[v.Name] = choice, choice
		if v.Multi {
			several[v.Name] = queries.Choice{Values: values}
			if len(values) < 2 {
				t.Errorf("%s: $%s has one value only, %v", d.File, v.Name, values)
			}
		} else if !v.IncludeAll {
			more[v.Name] = values[1:]
		}
	}
	all := []setting{{name: "All", choices: base}, {name: "several values", choices: several}}
	for name, values := range more {
		all = append(all, varied(all, name, values)...)
	}
	for _, choices := range single(t, p, d, 0, base) {
		all = append(all, setting{name: fmt.Sprintf("single values: %v", choices), choices: choices, alone: true})
	}
	return all
}

// varied gives settings once more, with other values of a variable.
func varied(all []setting, name string, values []string) []setting {
	var more []setting
	for _, s := range all {
		for _, value := range values {
			choices := maps.Clone(s.choices)
			choices[name] = queries.Choice{Values: []string{value}}
			more = append(more, setting{name: s.name + ", $" + name + " = " + value, choices: choices})
		}
	}
	return more
}

// single gives a setting for each way through the values of the variables that
// offer several, of which the later ones depend on those before.
func single(t *testing.T, p *harness.Prometheus, d *queries.Dashboard, i int, chosen map[string]queries.Choice) []map[string]queries.Choice {
	t.Helper()
	if i == len(d.Variables) {
		return []map[string]queries.Choice{chosen}
	}
	v := &d.Variables[i]
	if !v.Multi {
		return single(t, p, d, i+1, chosen)
	}
	values := options(t, p, d, v, chosen)
	if len(values) == 0 {
		values = []string{""} // which Grafana shows as None
	}
	var all []map[string]queries.Choice
	for _, value := range values {
		next := maps.Clone(chosen)
		next[v.Name] = queries.Choice{Values: []string{value}}
		all = append(all, single(t, p, d, i+1, next)...)
	}
	return all
}

// options gives the values that a variable offers.
func options(t *testing.T, p *harness.Prometheus, d *queries.Dashboard, v *queries.Variable, chosen map[string]queries.Choice) []string {
	t.Helper()
	if v.Type == "datasource" {
		return []string{"Prometheus"}
	}
	ask, err := v.Ask(d.File)
	if err != nil {
		t.Fatal(err)
	}
	if ask == nil {
		return v.Options
	}
	var values []string
	if ask.Label == "" {
		values, err = p.Labels(t.Context())
	} else {
		values, err = p.LabelValues(t.Context(), ask.Label, d.Fill(&ask.Query, chosen, times(d)), times(d).Range)
	}
	if err == nil {
		values, err = v.Takes(values)
	}
	if err != nil {
		t.Errorf("%s: %v", &ask.Query, err)
	}
	return values
}

// times are those of a dashboard as it opens, on a screen of a thousand points,
// with a data source as Grafana sets it up.
func times(d *queries.Dashboard) queries.Times {
	span, err := time.ParseDuration(d.From[len("now-"):])
	if err != nil {
		span = 7 * 24 * time.Hour
	}
	return queries.Times{Range: span, Scrape: 15 * time.Second, Interval: span / 1000}
}
