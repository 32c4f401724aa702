//go:build e2e

package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// A Prometheus is a real one, running.
type Prometheus struct {
	*Process
	Address string
}

// StartPrometheus runs Debian's Prometheus with a configuration, until the test
// ends. What it stores is gone then.
func StartPrometheus(t *testing.T, config string) *Prometheus {
	t.Helper()
	return StartPrometheusIn(t, t.TempDir(), config)
}

// StartPrometheusIn does so in a folder of the test, which may hold already what
// the configuration names, and in tsdb the blocks of times gone by. Flags are
// further ones of Prometheus.
func StartPrometheusIn(t *testing.T, dir, config string, flags ...string) *Prometheus {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Fatalf("this test needs Debian's package prometheus: %v", err)
	}
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &Prometheus{Process: Start(t, filepath.Join(dir, "prometheus.log"), CleanEnv(), program, append([]string{
		"--config.file=" + file, "--web.listen-address=127.0.0.1:0",
		"--storage.tsdb.path=" + filepath.Join(dir, "tsdb"), "--storage.tsdb.retention.time=30d",
	}, flags...)...)}
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("the end of Prometheus's log:\n%s", p.LogTail())
		}
	})
	Eventually(t, 30*time.Second, "Prometheus listens", func() bool {
		found := listening.FindStringSubmatch(p.LogText(t))
		if found != nil {
			p.Address = found[1]
		}
		return found != nil
	})
	Eventually(t, 30*time.Second, "Prometheus answers", func() bool {
		_, err := p.Query(t.Context(), "vector(1)")
		return err == nil
	})
	return p
}

// A Series is what Prometheus has stored of one series.
type Series struct {
	Labels  map[string]string
	Samples []Sample
}

// A Sample is one value, and when it was scraped.
type Sample struct {
	At    time.Time
	Value float64
}

// Query asks for a range or an instant vector, such as glance_up[1m] or
// sum(glance_images).
func (p *Prometheus) Query(ctx context.Context, query string) ([]Series, error) {
	return p.series(ctx, "query", url.Values{"query": {query}})
}

// QueryRange asks for the values that an expression had within a span of time
// that ends now.
func (p *Prometheus) QueryRange(ctx context.Context, query string, span, step time.Duration) ([]Series, error) {
	now := time.Now()
	seconds := func(at time.Time) string { return fmt.Sprintf("%.3f", float64(at.UnixMilli())/1000) }
	return p.series(ctx, "query_range", url.Values{
		"query": {query}, "start": {seconds(now.Add(-span))}, "end": {seconds(now)}, "step": {fmt.Sprint(step.Seconds())},
	})
}

// Labels gives the names of all labels.
func (p *Prometheus) Labels(ctx context.Context) ([]string, error) {
	var names []string
	err := p.ask(ctx, "labels", nil, &names)
	return names, err
}

// LabelValues gives the values that a label has within a span of time that ends
// now, of the series of a selector.
func (p *Prometheus) LabelValues(ctx context.Context, label, selector string, span time.Duration) ([]string, error) {
	var values []string
	from := strconv.FormatInt(time.Now().Add(-span).Unix(), 10)
	err := p.ask(ctx, "label/"+label+"/values", url.Values{"match[]": {selector}, "start": {from}}, &values)
	return values, err
}

// Rules gives the names of all rules that were evaluated, each with what went
// wrong the last time, "" for nothing.
func (p *Prometheus) Rules(ctx context.Context) (map[string]string, error) {
	var data struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError string }
		}
	}
	if err := p.ask(ctx, "rules", nil, &data); err != nil {
		return nil, err
	}
	rules := map[string]string{}
	for _, group := range data.Groups {
		for _, rule := range group.Rules {
			if rule.Health != "unknown" {
				rules[rule.Name] = rule.LastError
			}
		}
	}
	return rules, nil
}

// ask asks Prometheus's API, and gives its error where that answers with one.
func (p *Prometheus) ask(ctx context.Context, what string, values url.Values, data any) error {
	target := "http://" + p.Address + "/api/v1/" + what + "?" + values.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := direct.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s, in answer to %s %s", answer.Error, what, values["query"])
	}
	return nil
}

func (p *Prometheus) series(ctx context.Context, what string, values url.Values) ([]Series, error) {
	var data struct {
		ResultType string
		Result     json.RawMessage
	}
	if err := p.ask(ctx, what, values, &data); err != nil {
		return nil, err
	}
	if data.ResultType == "scalar" {
		var one sample
		err := json.Unmarshal(data.Result, &one)
		return []Series{{Samples: []Sample{Sample(one)}}}, err
	}
	var results []struct {
		Metric map[string]string
		Value  sample
		Values []sample
	}
	if err := json.Unmarshal(data.Result, &results); err != nil {
		return nil, err
	}
	all := make([]Series, 0, len(results))
	for _, result := range results {
		one := Series{Labels: result.Metric}
		for _, value := range result.Values {
			one.Samples = append(one.Samples, Sample(value))
		}
		if len(result.Values) == 0 {
			one.Samples = []Sample{Sample(result.Value)}
		}
		all = append(all, one)
	}
	return all, nil
}

// Value asks for the one value that a query has.
func (p *Prometheus) Value(ctx context.Context, query string) (float64, error) {
	all, err := p.Query(ctx, query)
	if err != nil {
		return 0, err
	}
	if len(all) != 1 {
		return 0, fmt.Errorf("%s: %d results, want one", query, len(all))
	}
	return all[0].Samples[0].Value, nil
}

// sample reads [1732500000.123, "1"].
type sample Sample

// UnmarshalJSON implements json.Unmarshaler.
func (s *sample) UnmarshalJSON(text []byte) error {
	var seconds float64
	var value string
	err := json.Unmarshal(text, &[]any{&seconds, &value})
	if err == nil {
		s.At = time.UnixMilli(int64(seconds*1000 + 0.5))
		s.Value, err = strconv.ParseFloat(value, 64)
	}
	return err
}
