package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/glance-exporter/glance_exporter/collector"
)

// knownLabels gives the labels of every metric that a dashboard may ask for.
func knownLabels(t *testing.T) map[string][]string {
	t.Helper()
	labels, err := collector.ParseLabels(strings.Split("status,disk_format,public,protected,container_format,visibility,hidden,owner", ","))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string][]string{
		"up": nil, "go_goroutines": nil, "go_memstats_heap_inuse_bytes": nil, "process_resident_memory_bytes": nil,
		"process_cpu_seconds_total": nil, "process_open_fds": nil, "process_max_fds": nil,
		"glance_exporter_build_info":                    {"version", "revision", "goversion"},
		"glance_exporter_config_last_reload_successful": nil,
	}
	for _, docs := range [][]collector.MetricDoc{collector.Metrics(labels), collector.ImageMetrics(), collector.TelemetryMetrics()} {
		for _, m := range docs {
			known[m.Name] = m.Labels
			if m.Type == "histogram" {
				known[m.Name+"_bucket"] = append(slices.Clone(m.Labels), "le")
			}
		}
	}
	return known
}

var (
	text     = regexp.MustCompile(`"(\\.|[^"\\])*"`)
	selector = regexp.MustCompile(`([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\}`)
	matching = regexp.MustCompile(`^\s*([a-z_]+)\s*(=~|!~|!=|=)\s*$`)
	metrics  = regexp.MustCompile(`\b(glance|go|process|promhttp)_[a-z0-9_]+`)
)

// Every metric that a query names exists, and has the labels that it is asked for.
func TestMetricsExist(t *testing.T) {
	known := knownLabels(t)
	for name, p := range eachPanel {
		t.Run(name, func(t *testing.T) {
			for _, q := range p.Targets {
				bare := text.ReplaceAllString(q.Expr, "")
				if strings.Count(bare, "(") != strings.Count(bare, ")") {
					t.Errorf("parentheses do not match: %s", q.Expr)
				}
				selected := map[string]bool{}
				for _, match := range selector.FindAllStringSubmatch(bare, -1) {
					labels, ok := known[match[1]]
					if !ok {
						t.Errorf("there is no metric %s: %s", match[1], q.Expr)
					}
					selected[match[1]] = true
					for condition := range strings.SplitSeq(match[2], ",") {
						parts := matching.FindStringSubmatch(condition)
						if parts == nil {
							t.Errorf("%s has a selector that is not understood: %q", match[1], condition)
							continue
						}
						if target := []string{"job", "instance", "cloud", "region"}; !slices.Contains(append(target, labels...), parts[1]) {
							t.Errorf("%s has no label %s: %s", match[1], parts[1], q.Expr)
						}
					}
				}
				for _, name := range metrics.FindAllString(bare, -1) {
					if !selected[name] {
						t.Errorf("%s is asked for of all targets: %s", name, q.Expr)
					}
				}
			}
		})
	}
}

// Nothing is summed over targets, but where a panel says so: the worst of all in
// large, and the heatmap, which can only show one histogram.
func TestSumsKeepTargetsApart(t *testing.T) {
	aggregation := regexp.MustCompile(`\b(sum|min|max|avg|count|topk)\s*(by|without)?\s*\(([^)]*)`)
	for name, p := range eachPanel {
		t.Run(name, func(t *testing.T) {
			if p.Type == "stat" || p.Type == "heatmap" {
				return
			}
			for _, q := range p.Targets {
				for _, match := range aggregation.FindAllStringSubmatch(text.ReplaceAllString(q.Expr, ""), -1) {
					labels := strings.Split(match[3], ", ")
					switch match[2] {
					case "by":
						if labels[0] != each && !strings.HasPrefix(match[3], inventory) {
							t.Errorf("%s sums over targets: %s", match[0], q.Expr)
						}
					case "without":
						for name := range strings.SplitSeq(inventory, ", ") {
							if slices.Contains(labels, name) {
								t.Errorf("%s sums over targets: %s", match[0], q.Expr)
							}
						}
					default:
						t.Errorf("%s sums over all: %s", match[0], q.Expr)
					}
				}
			}
		})
	}
}

// Every variable that is used exists and is used, and "All" is right where targets
// have no such label.
func TestVariables(t *testing.T) {
	use := regexp.MustCompile(`\$\{?([a-z_]+)`)
	for name, d := range files() {
		used := map[string]bool{}
		note := func(texts ...string) {
			for _, text := range texts {
				for _, match := range use.FindAllStringSubmatch(text, -1) {
					used[match[1]] = true
				}
			}
		}
		for _, p := range flat(d) {
			note(p.Title)
			for _, q := range p.Targets {
				note(q.Expr, q.Datasource.UID)
			}
		}
		for _, v := range d.Templating.List {
			if !used[v.Name] {
				t.Errorf("%s: no panel uses $%s", name, v.Name)
			}
			delete(used, v.Name)
			note(v.Definition)
			if v.Multi && (v.AllValue != ".*" || !v.IncludeAll) {
				t.Errorf("%s: $%s has no All that matches targets without the label", name, v.Name)
			}
		}
		for _, v := range d.Templating.List {
			delete(used, v.Name)
		}
		delete(used, "__rate_interval")
		for variable := range used {
			t.Errorf("%s: there is no variable $%s", name, variable)
		}
	}
}

// A table puts the lines of its queries together by all columns that these share. A
// metric's name would be one.
func TestTablesHaveNoNames(t *testing.T) {
	named := regexp.MustCompile(`(^| or )(label_replace\()?(glance_[a-z_]+\{[^}]*\}|last_over_time\([^)]*\))( or |$|, | == | unless )`)
	for name, p := range eachPanel {
		for _, q := range p.Targets {
			if bare := text.ReplaceAllString(q.Expr, ""); len(p.Targets) > 1 && p.Type == "table" && named.MatchString(bare) {
				t.Errorf("%s: %s keeps a metric's name", name, q.Expr)
			}
		}
	}
}
