package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/glance-exporter/glance_exporter/client"
	"github.com/glance-exporter/glance_exporter/collector"
)

// The pages that have the reference.
const (
	flagsPage   = "docs/flags.md"
	metricsPage = "docs/metrics.md"
	troublePage = "docs/troubleshooting.md"
)

var code = regexp.MustCompile("`([^`]+)`")

// tables gives the rows of a page's tables by the heading of their first
// column, each row as its cells.
func tables(t *testing.T, page string) map[string][][]string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string][][]string{}
	heading := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			heading = ""
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case heading == "":
			heading = cells[0]
		case !strings.HasPrefix(cells[0], "---"):
			tables[heading] = append(tables[heading], cells)
		}
	}
	return tables
}

// words gives what is written as code in a cell.
func words(cell string) []string {
	var list []string
	for _, match := range code.FindAllStringSubmatch(cell, -1) {
		list = append(list, match[1])
	}
	return list
}

func word(cell string) string { return strings.Join(words(cell), " ") }

func TestFlagsPageListsEveryFlag(t *testing.T) {
	documented := map[string][]string{}
	for _, row := range tables(t, flagsPage)["flag"] {
		documented[strings.TrimPrefix(word(row[0]), "--")] = row
	}
	for _, flag := range newApp(&config{given: map[string]bool{}}).Model().Flags {
		row := documented[flag.Name]
		delete(documented, flag.Name)
		if flag.Hidden {
			continue
		}
		if row == nil {
			t.Errorf("--%s is not in %s", flag.Name, flagsPage)
			continue
		}
		if def := strings.Join(flag.Default, " "); word(row[1]) != def {
			t.Errorf("--%s: %s has the default %q, it is %q", flag.Name, flagsPage, word(row[1]), def)
		}
		if word(row[2]) != flag.Envar {
			t.Errorf("--%s: %s has the variable %q, it is %q", flag.Name, flagsPage, word(row[2]), flag.Envar)
		}
	}
	for name := range documented {
		t.Errorf("%s has --%s, which is no flag", flagsPage, name)
	}
	var filters []string
	for _, row := range tables(t, flagsPage)["key"] {
		filters = append(filters, words(row[0])...)
	}
	keys := client.FilterKeys()
	slices.Sort(filters)
	slices.Sort(keys)
	if !slices.Equal(filters, keys) {
		t.Errorf("%s has the filters %s; there are %s", flagsPage, filters, keys)
	}
}

// ownMetrics describes what main registers beside the collector's metrics.
func ownMetrics() []collector.MetricDoc {
	docs := collector.TelemetryMetrics()
	descs := make(chan *prometheus.Desc, 10)
	newReloadMetrics(time.Now()).Describe(descs)
	close(descs)
	name := regexp.MustCompile(`fqName: "([^"]+)"`)
	for desc := range descs {
		docs = append(docs, collector.MetricDoc{Name: name.FindStringSubmatch(desc.String())[1], Type: "gauge"})
	}
	return append(docs, collector.MetricDoc{Name: "glance_exporter_build_info", Type: "gauge"})
}

// allMetrics describes every metric of the exporter's own making.
func allMetrics() []collector.MetricDoc {
	return slices.Concat(collector.Metrics(collector.DefaultLabels()), collector.ImageMetrics(), ownMetrics())
}

// README's table and the page of the metrics say what the code does; the page
// has all of it.
func TestMetricsPageListsEveryMetric(t *testing.T) {
	for _, page := range []string{"README.md", metricsPage} {
		documented := map[string][]string{}
		for _, row := range tables(t, page)["metric"] {
			documented[word(row[0])] = row
		}
		for _, metric := range allMetrics() {
			row := documented[metric.Name]
			delete(documented, metric.Name)
			switch {
			case row == nil && page == metricsPage:
				t.Errorf("%s is not in %s", metric.Name, page)
			case row == nil:
			case row[2] == "group labels" && slices.Equal(metric.Labels, collector.DefaultLabels().Names()):
			case row[1] != metric.Type || !slices.Equal(words(row[2]), metric.Labels):
				t.Errorf("%s: %s says %s with %s; it is a %s with %s", metric.Name, page, row[1], row[2], metric.Type, metric.Labels)
			}
		}
		for name := range documented {
			t.Errorf("%s has %s, which is no metric", page, name)
		}
	}
}

func TestTroubleshootingListsEveryReason(t *testing.T) {
	var documented, reasons []string
	for _, row := range tables(t, troublePage)["reason"] {
		documented = append(documented, word(row[0]))
		if len(row) != 4 || slices.Contains(row, "") {
			t.Errorf("%s: it is not said what it means, where to look and what to do", row[0])
		}
	}
	for _, info := range client.Reasons {
		reasons = append(reasons, string(info.Name))
	}
	if !slices.Equal(documented, reasons) {
		t.Errorf("%s has the reasons %s; there are %s", troublePage, documented, reasons)
	}
}

// What a scrape of the demo shows is what the page describes, and nothing else
// but what the libraries add.
func TestDemoShowsEveryMetricOfThePage(t *testing.T) {
	metrics := tables(t, metricsPage)["metric"]
	clearEnvironment(t)
	p := start(t, "--demo", "--demo.images=500", "--inventory.per-image")
	families := p.scrape()
	for _, row := range metrics {
		name := word(row[0])
		family := families[name]
		if family == nil {
			t.Errorf("the demo does not show %s", name)
			continue
		}
		delete(families, name)
		if got := strings.ToLower(family.GetType().String()); got != row[1] {
			t.Errorf("%s is a %s, %s says %s", name, got, metricsPage, row[1])
		}
	}
	library := regexp.MustCompile(`^(go|process|promhttp)_`)
	for name := range families {
		if !library.MatchString(name) {
			t.Errorf("the demo shows %s, which is not in %s", name, metricsPage)
		}
	}
}

// The sample at the top of the README is of metrics that exist.
func TestReadmeSample(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```\n# HELP")
	sample, _, _ := strings.Cut(rest, "```")
	known := map[string]collector.MetricDoc{}
	for _, metric := range collector.Metrics(collector.DefaultLabels()) {
		known[metric.Name] = metric
	}
	for name, family := range parse(t, "# HELP"+sample) {
		metric, ok := known[name]
		if !ok {
			t.Errorf("there is no %s", name)
		}
		for _, pair := range family.GetMetric()[0].GetLabel() {
			if !slices.Contains(metric.Labels, pair.GetName()) {
				t.Errorf("%s has no label %s", name, pair.GetName())
			}
		}
	}
}
