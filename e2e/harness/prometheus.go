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
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Fatalf("this test needs Debian's package prometheus: %v", err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &Prometheus{Process: Start(t, filepath.Join(dir, "prometheus.log"), CleanEnv(), program,
		"--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "tsdb"), "--web.listen-address=127.0.0.1:0")}
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
	target := "http://" + p.Address + "/api/v1/query?" + url.Values{"query": {query}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := direct.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct {
			Result []struct {
				Metric map[string]string
				Value  sample
				Values []sample
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("%s: %s", query, answer.Error)
	}
	all := make([]Series, 0, len(answer.Data.Result))
	for _, result := range answer.Data.Result {
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
