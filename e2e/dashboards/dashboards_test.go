//go:build e2e

// Package dashboards proves the dashboards and rules against a Prometheus that
// scrapes exporters of every kind: each query must have an answer, or a reason
// for having none.
package dashboards

import (
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/glance-exporter/glance_exporter/e2e/harness"
	"github.com/glance-exporter/glance_exporter/internal/queries"
)

// A query may take so long to get its first answer, from the first scrape on; and
// so long those that are empty by right must stay so, at least.
const (
	patience = 90 * time.Second
	vigil    = 30 * time.Second
)

// A question is a query in one setting of its dashboard's variables.
type question struct {
	*queries.Query
	expr    string
	setting string
	alone   bool
	times   queries.Times
	answers bool
	failed  bool
}

// ask asks as Grafana would, and notes whether there is an answer: a number at least.
func (q *question) ask(t *testing.T, p *harness.Prometheus) error {
	t.Helper()
	var series []harness.Series
	var err error
	if q.Instant {
		series, err = p.Query(t.Context(), q.expr)
	} else {
		step := q.times.Interval
		if least, err := time.ParseDuration(q.Interval); err == nil {
			step = max(step, least)
		}
		series, err = p.QueryRange(t.Context(), q.expr, q.times.Range.Truncate(step), step)
	}
	for _, one := range series {
		// A table has NaN for what is not known, lest a line is missing.
		q.answers = q.answers || slices.ContainsFunc(one.Samples, func(s harness.Sample) bool { return !math.IsNaN(s.Value) })
	}
	return err
}

func TestEveryQueryHasAnAnswer(t *testing.T) {
	root := os.DirFS("../..")
	dashboards, err := queries.Dashboards(root, "dashboards")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := queries.Rules(root, "dashboards/rules")
	if err != nil {
		t.Fatal(err)
	}
	w := start(t)
	p := w.Prometheus
	began := time.Now()
	harness.Eventually(t, 30*time.Second, "every exporter is scraped", func() bool {
		n, err := p.Value(t.Context(), `count(glance_up) + count(glance_image_info) ^ 0`)
		return err == nil && n == 6
	})

	var questions []*question
	for _, d := range dashboards {
		for _, s := range settings(t, p, d) {
			for i := range d.Queries {
				q := &d.Queries[i]
				questions = append(questions, &question{
					Query: q, expr: d.Fill(q, s.choices, times(d)), setting: s.name, alone: s.alone, times: times(d),
				})
			}
		}
	}
	for i := range rules {
		questions = append(questions, &question{Query: &rules[i].Query, expr: rules[i].Expr})
		for k := range rules[i].Texts { // which are about an alert that is there
			text := &question{Query: &rules[i].Texts[k], expr: rules[i].Texts[k].Expr}
			if err := text.ask(t, p); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
	last := askAll(t, p, questions, began)
	t.Logf("%d questions, answered after %s, the last one that of %s", len(questions), time.Since(began).Round(time.Second), last)
	judge(t, questions)
	rulesWork(t, p, rules)
	native(t, w, dashboards)
}

// askAll asks each question until it is answered, or the time is over. It gives
// the one that took longest to be answered.
func askAll(t *testing.T, p *harness.Prometheus, questions []*question, began time.Time) (last *question) {
	t.Helper()
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	said := map[string]bool{}
	for {
		waiting := false
		for _, q := range questions {
			if q.answers || q.failed {
				continue
			}
			if err := q.ask(t, p); err != nil {
				q.failed = true
				if !said[q.String()] {
					t.Errorf("%s, with %s: %v", q, q.setting, err)
				}
				said[q.String()] = true
			}
			if q.answers {
				last = q
			}
			_, excused := empty[q.Key()]
			waiting = waiting || !q.answers && !q.failed && !excused && !q.alone
		}
		if since := time.Since(began); since > patience || !waiting && since > vigil {
			return last
		}
		<-tick.C
	}
}

// judge demands an answer to each query, but for those that are empty by right.
// It complains of a query once.
func judge(t *testing.T, questions []*question) {
	t.Helper()
	answered, alone, said := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, q := range questions {
		answered[q.Key()] = answered[q.Key()] || q.answers
		alone[q.String()] = alone[q.String()] || q.alone && q.answers
	}
	for _, q := range questions {
		_, excused := empty[q.Key()]
		switch {
		case q.answers, q.failed, excused, said[q.String()]:
			continue
		case !q.alone:
			t.Errorf("%s: there is no answer with %s: %s", q, q.setting, q.expr)
		case !alone[q.String()]:
			t.Errorf("%s: there is no answer for any single value", q)
		default:
			continue
		}
		said[q.String()] = true
	}
	for key, reason := range empty {
		if found, there := answered[key]; !there {
			t.Errorf("%q is listed as empty by right, and is no query", key)
		} else if found {
			t.Errorf("%q is listed as empty by right (%s), and has an answer", key, reason)
		}
	}
}

// native demands that a Prometheus which scrapes native histograms, and no buckets
// then, has an answer to what is asked of histograms.
func native(t *testing.T, w *world, dashboards []*queries.Dashboard) {
	t.Helper()
	p := harness.StartPrometheusIn(t, t.TempDir(), w.config, "--enable-feature=native-histograms")
	asked := 0
	for _, d := range dashboards {
		for i := range d.Queries {
			q := &d.Queries[i]
			if !strings.Contains(q.Expr, histogram+"{") {
				continue
			}
			asked++
			all := map[string]queries.Choice{}
			harness.Eventually(t, 30*time.Second, q.String()+" has an answer from native histograms", func() bool {
				for k := range d.Variables {
					v := &d.Variables[k]
					all[v.Name] = queries.Choice{Values: options(t, p, d, v, all), All: v.IncludeAll}
					if v.Name == "operation" {
						all[v.Name] = queries.Choice{Values: []string{"list"}}
					}
				}
				one := question{Query: q, expr: d.Fill(q, all, times(d)), times: times(d)}
				err := one.ask(t, p)
				return err == nil && one.answers
			})
		}
	}
	if asked == 0 {
		t.Error("nothing is asked of native histograms")
	}
}

const histogram = "glance_api_request_duration_seconds"

// rulesWork demands that Prometheus has evaluated every rule, never in vain.
func rulesWork(t *testing.T, p *harness.Prometheus, rules []queries.Rule) {
	t.Helper()
	evaluated, err := p.Rules(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range rules {
		if wrong, there := evaluated[rules[i].Title]; !there || wrong != "" {
			t.Errorf("%s: Prometheus has evaluated it: %t; %s", &rules[i].Query, there, wrong)
		}
	}
	for line := range strings.Lines(p.LogText(t)) {
		if strings.Contains(line, "level=warn") || strings.Contains(line, "level=error") {
			t.Errorf("Prometheus's log has: %s", line)
		}
	}
}
