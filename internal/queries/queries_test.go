package queries

import (
	"reflect"
	"testing"
	"testing/fstest"
	"time"
)

const dashboard = `{
  "title": "Images", "time": {"from": "now-6h"},
  "annotations": {"list": [{"name": "restarts", "expr": "changes(up[1m])"}]},
  "templating": {"list": [
    {"name": "job", "type": "query", "query": {"query": "label_values(up, job)"}, "multi": true, "includeAll": true, "allValue": ".*"},
    {"name": "cloud", "type": "query", "query": "label_values(up, cloud)", "includeAll": true},
    {"name": "each", "type": "custom", "options": [{"value": "job, cloud"}]}
  ]},
  "panels": [
    {"title": "Row", "type": "row", "panels": [
      {"title": "Inner", "targets": [{"refId": "A", "expr": "up{job=~\"$job\", cloud=~\"${cloud}\"}", "instant": true}]}
    ]},
    {"title": "Outer", "targets": [
      {"refId": "A", "expr": "sum by ($each) (rate(x[$__rate_interval])) / $__range_s", "interval": "2m", "legendFormat": "{{job}}"}
    ]}
  ]
}`

func TestDashboard(t *testing.T) {
	all, err := Dashboards(fstest.MapFS{"d/a.json": {Data: []byte(dashboard)}}, "d")
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	d := all[0]
	queries := map[string]*Query{}
	for i := range d.Queries {
		queries[d.Queries[i].Key()] = &d.Queries[i]
	}
	if len(queries) != 3 || queries["restarts"] == nil || queries["Inner / A"] == nil || !queries["Inner / A"].Instant || queries["Outer / A"] == nil {
		t.Fatalf("queries are %+v", d.Queries)
	}
	if d.From != "now-6h" || len(d.Variables) != 3 || d.Variables[0].Query != "label_values(up, job)" || d.Variables[1].Query != "label_values(up, cloud)" {
		t.Errorf("the dashboard is %+v", d)
	}
	times := Times{Range: 6 * time.Hour, Scrape: 15 * time.Second, Interval: time.Minute}
	each := Choice{Values: []string{"job, cloud"}}
	for _, tc := range []struct {
		key        string
		job, cloud Choice
		want       string
	}{
		{"Outer / A", Choice{}, Choice{}, "sum by (job, cloud) (rate(x[480000ms])) / 21600"},
		{"Inner / A", Choice{Values: []string{"a.b"}}, Choice{Values: []string{""}}, `up{job=~"a\\.b", cloud=~""}`},
		{"Inner / A", Choice{Values: []string{"a", "b"}, All: true}, Choice{Values: []string{"c", "d+"}, All: true}, `up{job=~".*", cloud=~"(c|d\\+)"}`},
	} {
		if got := d.Fill(queries[tc.key], map[string]Choice{"job": tc.job, "cloud": tc.cloud, "each": each}, times); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.key, got, tc.want)
		}
	}
}

const rules = `
groups:
  - name: g
    rules:
      - record: a:b
        expr: sum(up)
      - alert: Down
        expr: up == 0
        for: 5m
        labels: {severity: warning}
        annotations:
          summary: '{{ $labels.job }} {{ with printf "x{job=%q}" $labels.job | query }}{{ . | first | value }}{{ end }} {{ with "time()" | query }}{{ end }}'
`

func TestRules(t *testing.T) {
	all, err := Rules(fstest.MapFS{"r/a.yml": {Data: []byte(rules)}}, "r")
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	if all[0].Record != "a:b" || all[0].Expr != "sum(up)" {
		t.Errorf("the recording rule is %+v", all[0])
	}
	alert := all[1]
	if alert.Title != "Down" || len(alert.Texts) != 2 || alert.Texts[0].Expr != `x{job="value"}` || alert.Texts[1].Expr != "time()" ||
		!reflect.DeepEqual(alert.Labels, []string{"job"}) {
		t.Errorf("the alert is %+v", alert)
	}
}

func TestNames(t *testing.T) {
	one := func(metric string, matchers ...Matcher) Selector { return Selector{[]string{metric}, matchers} }
	for expr, want := range map[string]Names{
		`up`: {Selectors: []Selector{one("up")}},
		`rate(x{a="1", b!~'2'}[5m:1m] offset 1h) > bool 1e3 # y`: {
			Selectors: []Selector{one("x", Matcher{"a", "=", "1"}, Matcher{"b", "!~", "2"})},
		},
		`{__name__=~"a|b", c=""}`: {Selectors: []Selector{{[]string{"a", "b"}, []Matcher{{"c", "=", ""}}}}},
		`sum by (l) (x) / on (m) group_left (n) sum without (o) (y) or NaN * z`: {
			Selectors: []Selector{one("x"), one("y"), one("z")}, Labels: []string{"l", "m", "n", "o"},
		},
		`sum(x) by (l) and on () time() - a:b`: {Selectors: []Selector{one("x"), one("a:b")}, Labels: []string{"l"}},
		`label_replace(topk by (l) (3, x), "new", "$1", "old", "(.*)")`: {
			Selectors: []Selector{one("x")}, Labels: []string{"l", "old"}, Made: []string{"new"},
		},
		`count_values by (l) ("new", x) + group_left y @ end()`: {
			Selectors: []Selector{one("x"), one("y")}, Labels: []string{"l"}, Made: []string{"new"},
		},
	} {
		got, err := NamesOf(expr)
		if err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("%s:\ngot  %+v, %v\nwant %+v", expr, got, err, want)
		}
	}
	for _, expr := range []string{`x{a}`, `x)`, `x{`, `sum by (`, `sum by (1) (x)`, `x{a="\q"}`, `x ? y`} {
		if got, err := NamesOf(expr); err == nil {
			t.Errorf("%s: got %+v, want an error", expr, got)
		}
	}
}
