//go:build e2e

package real

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"
)

const prometheusConfig = `
global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
  - job_name: glance
    static_configs: [{targets: ['%s']}]
`

// A prometheus is Debian's, running.
type prometheus struct {
	*process
	address string
}

var prometheusListens = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// startPrometheus has a Prometheus scrape a target each second, until the test
// ends.
func (l *lab) startPrometheus(t *testing.T, target string) *prometheus {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, dir+"/prometheus.yml", fmt.Sprintf(prometheusConfig, target))
	p := &prometheus{process: startProcess(t, dir+"/prometheus.log", l.env, "/usr/bin/prometheus",
		"--config.file="+dir+"/prometheus.yml", "--storage.tsdb.path="+dir+"/tsdb", "--web.listen-address=127.0.0.1:0")}
	t.Cleanup(p.stop)
	eventually(t, 30*time.Second, "Prometheus listens", func() bool {
		if found := prometheusListens.FindStringSubmatch(p.logText(t)); found != nil {
			p.address = found[1]
		}
		return p.address != "" || !p.alive()
	})
	if p.address == "" {
		t.Fatalf("Prometheus has ended:\n%s", logTail(p.log))
	}
	return p
}

// holds tells whether an expression that compares has any result.
func (p *prometheus) holds(t *testing.T, expression string) bool {
	t.Helper()
	var answer struct{ Data struct{ Result []any } }
	target := "http://" + p.address + "/api/v1/query?query=" + url.QueryEscape(expression)
	_, status, err := exchange(t.Context(), http.MethodGet, target, "", nil, &answer)
	if err != nil && status != http.StatusServiceUnavailable { // it is starting
		t.Fatalf("Prometheus is asked for %s: %v", expression, err)
	}
	return len(answer.Data.Result) > 0
}
