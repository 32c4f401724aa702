package dashboards

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// runbook is where docs/alerts.md is for who reads an alert.
const runbook = "https://github.com/glance-exporter/glance_exporter/blob/main/docs/alerts.md#"

// targetLabels tell the targets of a Prometheus apart. An expression that drops
// one of them mixes clouds, or exporters.
var targetLabels = []string{"job", "instance", "cloud", "region"}

type ruleFile struct {
	Groups []struct {
		Name  string
		Rules []rule
	}
}

type rule struct {
	Alert, Record, Expr string
	Labels, Annotations map[string]string
}

type testFile struct {
	Tests []struct {
		AlertRuleTest []struct {
			AlertName string           `yaml:"alertname"`
			ExpAlerts []map[string]any `yaml:"exp_alerts"`
		} `yaml:"alert_rule_test"`
	}
}

// load reads all files of a pattern, of which there must be some.
func load[T any](t *testing.T, pattern string) map[string]T {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(paths), err)
	}
	files := map[string]T{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var file T
		if err := yaml.Unmarshal(content, &file); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		files[path] = file
	}
	return files
}

// allRules gives the rules of all files. Of alerts there must be some.
func allRules(t *testing.T) []rule {
	t.Helper()
	var all []rule
	alerts := 0
	for _, file := range load[ruleFile](t, "rules/*.yml") {
		for _, group := range file.Groups {
			for _, r := range group.Rules {
				all = append(all, r)
				if r.Alert != "" {
					alerts++
				}
			}
		}
	}
	if alerts == 0 {
		t.Fatal("no alerts")
	}
	return all
}

// headings gives the headings of the runbook as GitHub's anchors.
func headings(t *testing.T) []string {
	t.Helper()
	content, err := os.ReadFile("../docs/alerts.md")
	if err != nil {
		t.Fatal(err)
	}
	dropped := regexp.MustCompile(`[^a-z0-9 _-]`)
	var anchors []string
	fenced := false
	for line := range strings.Lines(string(content)) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if title := strings.TrimLeft(line, "#"); !fenced && strings.HasPrefix(title, " ") && title != line {
			anchor := dropped.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
			anchors = append(anchors, strings.ReplaceAll(anchor, " ", "-"))
		}
	}
	return anchors
}

func TestAlertsSayWhatIsNeeded(t *testing.T) {
	anchors := headings(t)
	seen := map[string]bool{}
	for _, r := range allRules(t) {
		if r.Alert == "" {
			continue
		}
		if seen[r.Alert] {
			t.Errorf("%s: is there twice", r.Alert)
		}
		seen[r.Alert] = true
		if !regexp.MustCompile(`^Glance([A-Z][a-z]+)+$`).MatchString(r.Alert) {
			t.Errorf("%s: is no name for an alert of ours", r.Alert)
		}
		if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) {
			t.Errorf("%s: severity %q", r.Alert, r.Labels["severity"])
		}
		for _, name := range []string{"summary", "description"} {
			if strings.TrimSpace(r.Annotations[name]) == "" {
				t.Errorf("%s: no %s", r.Alert, name)
			}
		}
		anchor, found := strings.CutPrefix(r.Annotations["runbook_url"], runbook)
		if !found || !strings.EqualFold(anchor, r.Alert) {
			t.Errorf("%s: runbook_url %q", r.Alert, r.Annotations["runbook_url"])
		}
		if !slices.Contains(anchors, anchor) {
			t.Errorf("%s: docs/alerts.md has no heading #%s", r.Alert, anchor)
		}
	}
	for _, anchor := range anchors {
		known := slices.ContainsFunc(allRules(t), func(r rule) bool { return strings.EqualFold(r.Alert, anchor) })
		if strings.HasPrefix(anchor, "glance") && !known {
			t.Errorf("docs/alerts.md: #%s is no alert", anchor)
		}
	}
}

func TestEveryAlertIsTested(t *testing.T) {
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, file := range load[testFile](t, "rules/tests/*.yml") {
		for _, test := range file.Tests {
			for _, c := range test.AlertRuleTest {
				if len(c.ExpAlerts) > 0 {
					fires[c.AlertName] = true
				} else {
					quiet[c.AlertName] = true
				}
			}
		}
	}
	for _, r := range allRules(t) {
		if r.Alert == "" {
			continue
		}
		if !fires[r.Alert] {
			t.Errorf("%s: no test in rules/tests expects it to fire", r.Alert)
		}
		if !quiet[r.Alert] {
			t.Errorf("%s: no test in rules/tests expects it to be quiet", r.Alert)
		}
		delete(fires, r.Alert)
		delete(quiet, r.Alert)
	}
	for _, rest := range []map[string]bool{fires, quiet} {
		for name := range rest {
			t.Errorf("%s: is tested, and is no alert", name)
		}
	}
}

func TestExpressionsKeepTargetsApart(t *testing.T) {
	for _, r := range allRules(t) {
		for _, problem := range exprProblems(r.Expr) {
			t.Errorf("%s%s: %s", r.Alert, r.Record, problem)
		}
	}
}

func TestExprProblems(t *testing.T) {
	for expr, want := range map[string]string{
		`up{job="sum by (x)"} == 0`:                                "",
		`max_over_time(glance_up[10m]) < 1`:                        "",
		`sum without (status, public) (glance_images_unprotected)`: "",
		`sum by (job, instance, cloud, region) (glance_up)`:        "",
		`a unless on (job) up`:                                     "",
		`a * on (job, cloud) group_left (env) b`:                   "",
		`a - ignoring (status) group_right () b`:                   "",
		`a - ignoring (status) b`:                                  "",
		`sum(glance_up)`:                                           "sum keeps no label",
		`1 + max ((glance_up))`:                                    "max keeps no label",
		`min by (job, instance, cloud) (glance_up)`:                "min by drops region",
		`avg(glance_up) by (job, instance, region)`:                "avg by drops cloud",
		`count without (instance) (glance_up)`:                     "count without drops instance",
		`topk(3, glance_up) without(job)`:                          "topk without drops job",
		`a / on (job) b`:                                           "/ on keeps no label but job",
		`a > bool on (job, instance) b`:                            "bool on keeps no label but job, instance",
		`a > ignoring (instance, status) b`:                        "> ignoring drops instance",
		`glance_images{status="saving"} > 0`:                       "glance_images depends on --inventory.labels",
		`glance_images_virtual_size_bytes > 0`:                     "glance_images_virtual_size_bytes depends on --inventory.labels",
		`glance_image_size_bytes > 0`:                              "glance_image_size_bytes depends on --inventory.per-image",
		`rate(glance_scrapes_total[5m]) > 0`:                       "[5m holds fewer than 4 scrapes at 2m",
		`last_over_time((glance_up)[7m30s:1m]) > 0`:                "[7m30s holds fewer than 4 scrapes at 2m",
	} {
		if got := strings.Join(exprProblems(expr), "; "); got != want {
			t.Errorf("%s: %q, want %q", expr, got, want)
		}
	}
}

var (
	quoted     = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'`)
	grouped    = regexp.MustCompile(`\bglance_images(_size_bytes|_virtual_size_bytes)?\b`)
	perImage   = regexp.MustCompile(`\bglance_image_\w+`)
	aggregator = regexp.MustCompile(`\b(sum|avg|min|max|count|group|stddev|stdvar|topk|bottomk|quantile|count_values|limitk|limit_ratio)\s*(by\b|without\b|\()`)
	clause     = regexp.MustCompile(`^\s*(by|without)\s*\(([^)]*)\)`)
	matching   = regexp.MustCompile(`(\w+|[-+*/%^=!<>]+)\s*\b(on|ignoring)\s*\(([^)]*)\)\s*(group_left|group_right)?`)
	ranges     = regexp.MustCompile(`\[\s*(\w+)`)
)

// exprProblems tells what makes an expression wrong for a Prometheus with several
// clouds, exporters or labels of its user's. It knows no PromQL but the shape of
// aggregations, matching and ranges.
func exprProblems(expr string) []string {
	expr = quoted.ReplaceAllString(expr, `""`)
	var problems []string
	for _, name := range grouped.FindAllString(expr, -1) {
		problems = append(problems, name+" depends on --inventory.labels")
	}
	for _, name := range perImage.FindAllString(expr, -1) {
		problems = append(problems, name+" depends on --inventory.per-image")
	}
	for _, at := range aggregator.FindAllStringSubmatchIndex(expr, -1) {
		operator, rest := expr[at[2]:at[3]], expr[at[3]:]
		found := clause.FindStringSubmatch(rest)
		if found == nil {
			found = clause.FindStringSubmatch(rest[argumentsEnd(rest):])
		}
		if found == nil {
			problems = append(problems, operator+" keeps no label")
			continue
		}
		for _, label := range dropped(found[1] == "by", found[2]) {
			problems = append(problems, operator+" "+found[1]+" drops "+label)
		}
	}
	for _, found := range matching.FindAllStringSubmatch(expr, -1) {
		operator, how, labels, group := found[1], found[2], found[3], found[4]
		switch {
		case group != "" || slices.Contains([]string{"and", "or", "unless"}, operator): // which keep all labels of one side
		case how == "on":
			problems = append(problems, operator+" on keeps no label but "+labels)
		default:
			for _, label := range dropped(false, labels) {
				problems = append(problems, operator+" ignoring drops "+label)
			}
		}
	}
	for _, found := range ranges.FindAllStringSubmatch(expr, -1) {
		if length, err := time.ParseDuration(found[1]); err == nil && length < 4*2*time.Minute {
			problems = append(problems, found[0]+" holds fewer than 4 scrapes at 2m")
		}
	}
	return problems
}

// argumentsEnd gives where the parenthesis that text begins with is closed.
func argumentsEnd(text string) int {
	depth := 0
	for i, r := range text {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

// dropped gives the labels of targets that are not among those kept, or are
// among those that are not.
func dropped(keeps bool, labels string) []string {
	var drops []string
	named := strings.FieldsFunc(labels, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })
	for _, label := range targetLabels {
		if slices.Contains(named, label) != keeps {
			drops = append(drops, label)
		}
	}
	return drops
}
