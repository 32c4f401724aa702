package collector

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/glance-exporter/glance_exporter/client"
)

// labelDoc describes a label to those who use it.
type labelDoc struct{ Name, Help, Overflow string }

// describeLabels describes labels, which are chosen by the names given.
func describeLabels(list []label, chosenBy func(label) string) []labelDoc {
	docs := make([]labelDoc, len(list))
	for i, l := range list {
		docs[i] = labelDoc{chosenBy(l), l.help, "keeps its value"}
		if l.folds {
			docs[i].Overflow = "becomes `" + valueOther + "`"
		}
		if l.name == labelStatus {
			docs[i].Overflow = fmt.Sprintf("the first %d values are kept", maxStatuses)
		}
	}
	return docs
}

// groupLabelsCell stands for the labels that the user chose.
const groupLabelsCell = "group labels"

// metricTable writes a table of metrics.
func metricTable(docs []MetricDoc) string {
	var b strings.Builder
	fmt.Fprint(&b, "| metric | type | labels | meaning |\n| --- | --- | --- | --- |")
	for _, doc := range docs {
		var cells []string
		for _, name := range doc.Labels {
			if name != groupLabelsCell {
				name = "`" + name + "`"
			}
			cells = append(cells, name)
		}
		row := fmt.Sprintf("| %#q | %s | %s | %s |", doc.Name, doc.Type, strings.Join(cells, ", "), doc.Help)
		fmt.Fprint(&b, "\n"+strings.ReplaceAll(row, "|  |", "| |"))
	}
	return b.String()
}

// thousands writes a number with a comma before its last three digits.
func thousands(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

// countLabels counts the metrics of a table that have those labels.
func countLabels(docs []MetricDoc, labels ...string) int {
	count := 0
	for _, doc := range docs {
		if slices.Equal(doc.Labels, labels) {
			count++
		}
	}
	return count
}

// metricsPage writes the documentation of the metrics from their tables.
func metricsPage(t *testing.T) []byte {
	t.Helper()
	chosen := Labels{list: []label{{name: groupLabelsCell}}}
	inventory, read := describe(inventoryMetrics, chosen), describe(readMetrics, chosen)
	byName := func(l label) string { return l.name }
	labels := describeLabels(groupLabels, byName)
	property := func(label) string { return propertyPrefix + "KEY" }
	labels = append(labels, describeLabels([]label{propertyLabel("KEY", 0)}, property)...)
	telemetry, _ := newTestTelemetry()
	telemetry.For("cloud", "region")
	// A histogram is one to the registry; to Prometheus it is a series for each
	// bucket, that of all, the sum and the count.
	perHistogram := len(durationBuckets) + 3
	own := testutil.CollectAndCount(telemetry) + len(client.Operations)*(perHistogram-1)

	page, err := template.New("metrics.md.tmpl").Funcs(template.FuncMap{
		"table":     metricTable,
		"thousands": thousands,
		"join":      func(names []string) string { return strings.Join(names, ",") },
	}).ParseFiles(filepath.Join("testdata", "metrics.md.tmpl"))
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	err = page.Execute(&text, map[string]any{
		"Inventory":   inventory,
		"Images":      ImageMetrics(),
		"Read":        read,
		"Own":         TelemetryMetrics(),
		"Labels":      labels,
		"ImageLabels": describeLabels(imageLabels.list, byName),
		"Reasons":     client.Reasons,
		"Operations":  client.Operations,

		"Default":       DefaultLabels().Names(),
		"None":          valueNone,
		"Other":         valueOther,
		"MaxValueBytes": maxValueBytes,
		"MaxGroups":     DefaultMaxGroups,
		"MaxStatuses":   maxStatuses,
		"FirstRetry":    firstRetry,
		"KeptIntervals": keptIntervals,

		"GroupMetrics":  countLabels(inventory, groupLabelsCell),
		"StatusMetrics": countLabels(inventory, labelStatus, labelPublic),
		"OtherSeries":   countLabels(inventory) + testutil.CollectAndCount(New(t.Context(), fixed{&Snapshot{Info: client.Info{Version: "v2"}}}, Labels{})),
		"OwnSeries":     own,
	})
	if err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

func TestTheDocumentationIsThatOfTheTables(t *testing.T) {
	path := filepath.Join("..", "docs", "metrics.md")
	got := metricsPage(t)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the tables say (go test ./collector -update renews it):\n%s", path, differences(want, got))
	}
}

// Every metric that a scrape shows is on the page, whatever table it comes from.
func TestTheDocumentationKnowsEveryMetric(t *testing.T) {
	page := string(metricsPage(t))
	config := Config{Labels: DefaultLabels(), PerImage: true}
	telemetry, _ := newTestTelemetry()
	telemetry.For("cloud", "region")
	scrape := New(t.Context(), fixed{whole(config, anImage())}, config.Labels)
	text := expose(t, expfmt.NewFormat(expfmt.TypeTextPlain), scrape, telemetry)
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if words[0] == "#" && words[1] == "TYPE" && !strings.Contains(page, "| `"+words[2]+"` | "+words[3]+" |") {
			t.Errorf("the %s %s is not on the page", words[3], words[2])
		}
	}
	for _, l := range append(slices.Clone(groupLabels), imageLabels.list...) {
		if l.help == "" || !strings.Contains(page, "| `"+l.name+"` | "+l.help+" |") {
			t.Errorf("the label %s is not explained", l.name)
		}
	}
}
