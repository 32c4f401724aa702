package main

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"

	"github.com/glance-exporter/glance_exporter/client"
	"github.com/glance-exporter/glance_exporter/collector"
	"github.com/glance-exporter/glance_exporter/internal/queries"
)

// What Prometheus adds: the labels of the targets that the README configures, and
// metrics about scrapes and alerts.
var (
	targetLabels      = []string{"job", "instance", "cloud", "region"}
	prometheusMetrics = map[string][]string{
		"up":                                    nil,
		"scrape_duration_seconds":               nil,
		"scrape_samples_scraped":                nil,
		"scrape_samples_post_metric_relabeling": nil,
		"scrape_series_added":                   nil,
		"ALERTS":                                {"alertname", "alertstate", "severity", "reason", "status", "public"},
	}
	// promhttp's metrics are there once the handler was made.
	promhttpMetrics = map[string][]string{
		"promhttp_metric_handler_requests_in_flight": nil,
		"promhttp_metric_handler_requests_total":     {"code"},
		"promhttp_metric_handler_errors_total":       {"cause"},
	}
)

// knownMetrics gives every metric that a query may ask for, with its labels.
func knownMetrics(t *testing.T) map[string][]string {
	t.Helper()
	labels, err := collector.ParseLabels(append(collector.LabelNames(), "property:os_distro", "property:image_type"))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string][]string{}
	for _, metrics := range [][]collector.MetricDoc{collector.Metrics(labels), collector.ImageMetrics(), collector.TelemetryMetrics()} {
		for _, m := range metrics {
			known[m.Name] = m.Labels
			if m.Type == "histogram" {
				known[m.Name+"_count"], known[m.Name+"_sum"] = m.Labels, m.Labels
				known[m.Name+"_bucket"] = append(slices.Clone(m.Labels), "le")
			}
		}
	}
	registry := newRegistry(collector.NewTelemetry(log.NewNopLogger()), newReloadMetrics(time.Now()))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families { // of Go, the process, and the exporter itself
		for _, pair := range family.GetMetric()[0].GetLabel() {
			known[family.GetName()] = append(known[family.GetName()], pair.GetName())
		}
		if len(family.GetMetric()[0].GetLabel()) == 0 {
			known[family.GetName()] = nil
		}
	}
	for _, metrics := range []map[string][]string{prometheusMetrics, promhttpMetrics} {
		maps.Copy(known, metrics)
	}
	return known
}

// A judge holds expressions against the metrics that there are.
type judge struct {
	known map[string][]string // their labels
}

// wrong tells which metrics and labels of an expression do not exist. Further
// labels are those of a legend or a text. Of several metrics, a label may be any
// one's: which of them it comes from is the expression's to say.
func (j *judge) wrong(expr string, further []string) []string {
	names, err := queries.NamesOf(expr)
	if err != nil {
		return []string{err.Error()}
	}
	var wrong []string
	there := slices.Concat(targetLabels, names.Made)
	for _, s := range names.Selectors {
		labels := slices.Clone(targetLabels)
		for _, metric := range s.Metrics {
			own, ok := j.known[metric]
			if !ok {
				wrong = append(wrong, "there is no metric "+metric)
			}
			labels = append(labels, own...)
		}
		there = append(there, labels...)
		for _, m := range s.Matchers {
			if !slices.Contains(labels, m.Label) {
				wrong = append(wrong, fmt.Sprintf("%v have no label %s", s.Metrics, m.Label))
			}
			if !knownValue(m) {
				wrong = append(wrong, m.Label+" is never "+m.Value)
			}
		}
	}
	for _, label := range slices.Concat(names.Labels, further) {
		if !slices.Contains(there, label) {
			wrong = append(wrong, "nothing in it has the label "+label)
		}
	}
	return wrong
}

// mustKnow demands that an expression speaks of nothing that does not exist.
func (j *judge) mustKnow(t *testing.T, q *queries.Query, expr string, further []string) {
	t.Helper()
	for _, what := range j.wrong(expr, further) {
		t.Errorf("%s: %s", q, what)
	}
}

// knownValue tells whether a label may have the value, where that is one of a
// table.
func knownValue(m queries.Matcher) bool {
	switch {
	case m.Operator != "=" && m.Operator != "!=":
		return true
	case m.Label == "reason":
		return slices.ContainsFunc(client.Reasons, func(r client.ReasonInfo) bool { return string(r.Name) == m.Value })
	case m.Label == "operation":
		return slices.Contains(client.Operations, client.Operation(m.Value))
	}
	return true
}

var inLegend = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)

// No query asks for a metric or a label that the exporter does not have.
func TestQueriesKnowTheMetrics(t *testing.T) {
	root := os.DirFS(".")
	rules, err := queries.Rules(root, "dashboards/rules")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := queries.RulesOf(root, "examples/limits.yml")
	if err != nil {
		t.Fatal(err)
	}
	rules = append(rules, examples...)
	dashboards, err := queries.Dashboards(root, "dashboards")
	if err != nil {
		t.Fatal(err)
	}
	if len(rules) < 10 || len(dashboards) < 2 {
		t.Fatalf("there are %d rules and %d dashboards", len(rules), len(dashboards))
	}
	j := judge{known: knownMetrics(t)}
	for i := range rules {
		if r := &rules[i]; r.Record != "" {
			j.known[r.Record] = nil // recorded ones have the labels of their targets
		}
	}
	for i := range rules {
		r := &rules[i]
		j.mustKnow(t, &r.Query, r.Expr, r.Labels)
		for k := range r.Texts {
			j.mustKnow(t, &r.Texts[k], r.Texts[k].Expr, nil)
		}
	}
	for _, d := range dashboards {
		j.dashboard(t, d)
	}
}

func (j *judge) dashboard(t *testing.T, d *queries.Dashboard) {
	t.Helper()
	chosen := map[string]queries.Choice{}
	for i := range d.Variables {
		v := &d.Variables[i]
		switch {
		case len(v.Options) > 0:
			chosen[v.Name] = queries.Choice{Values: v.Options[:1]}
		case strings.Contains(v.Regex, "property_"):
			chosen[v.Name] = queries.Choice{Values: []string{"property_os_distro"}}
		case v.Name == "operation":
			chosen[v.Name] = queries.Choice{Values: []string{string(client.OpList)}}
		default:
			chosen[v.Name] = queries.Choice{Values: []string{"value"}}
		}
	}
	times := queries.Times{Range: time.Hour, Scrape: time.Minute, Interval: time.Minute}
	for i := range d.Variables {
		v := &d.Variables[i]
		ask, err := v.Ask(d.File)
		switch {
		case err != nil:
			t.Error(err)
		case ask == nil || ask.Expr == "":
		default:
			j.mustKnow(t, &ask.Query, d.Fill(&ask.Query, chosen, times), []string{ask.Label})
		}
	}
	for i := range d.Queries {
		q := &d.Queries[i]
		var legend []string
		for _, match := range inLegend.FindAllStringSubmatch(q.Legend, -1) {
			legend = append(legend, match[1])
		}
		j.mustKnow(t, q, d.Fill(q, chosen, times), legend)
	}
}

// The judge finds what is wrong, or it proves nothing.
func TestQueriesThatKnowTooMuch(t *testing.T) {
	j := judge{known: knownMetrics(t)}
	for _, expr := range []string{
		"glance_image", `glance_up{reason="auth"}`, "sum by (status) (glance_inventory_images)", `glance_scrape_failed{reason="tired"}`,
		`label_replace(glance_up, "a", "$1", "status", "(.*)")`, "glance_api_request_duration_seconds_total", "glance_up{",
	} {
		if len(j.wrong(expr, nil)) != 1 {
			t.Errorf("%s: wrong is %q", expr, j.wrong(expr, nil))
		}
	}
	if len(j.wrong("glance_up", []string{"status"})) != 1 {
		t.Error("a legend may name any label")
	}
}
