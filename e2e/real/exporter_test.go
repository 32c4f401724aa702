//go:build e2e

package real

import (
	"fmt"
	"maps"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// metrics are the series of a scrape: name, labels, value. Labels are in the
// order of their names.
type metrics map[string]map[string]float64

// labelsKey makes the key of a series from pairs of names and values.
func labelsKey(pairs ...string) string {
	var list []string
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, fmt.Sprintf("%s=%q", pairs[i], pairs[i+1]))
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}

// value gives the sum of those series that have all the labels given.
func (m metrics) value(name string, pairs ...string) float64 {
	var sum float64
	for labels, value := range m[name] {
		fits := true
		for i := 0; i < len(pairs); i += 2 {
			fits = fits && strings.Contains(","+labels+",", ","+labelsKey(pairs[i], pairs[i+1])+",")
		}
		if fits {
			sum += value
		}
	}
	return sum
}

// reason gives the reasons for which the read failed; "" for none.
func (m metrics) reason() string {
	var reasons []string
	for labels, value := range m["glance_scrape_failed"] {
		if value != 0 {
			reasons = append(reasons, strings.Trim(strings.TrimPrefix(labels, "reason="), `"`))
		}
	}
	slices.Sort(reasons)
	return strings.Join(reasons, " and ")
}

// logins counts the requests to Keystone with an answer of this status; all for "".
func (m metrics) logins(code string) float64 {
	if code == "" {
		return m.value("glance_api_requests_total", "operation", "auth")
	}
	return m.value("glance_api_requests_total", "operation", "auth", "code", code)
}

// An exporter is the program that is tested, running.
type exporter struct {
	*process
	address    string
	cloudsFile string
}

// build builds the exporter, once for all tests.
func (l *lab) build(t *testing.T) {
	t.Helper()
	l.binary = filepath.Join(l.Dir, "glance_exporter")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", l.binary, "github.com/glance-exporter/glance_exporter")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}

// cloudsYAML is the user's clouds.yaml.
func (l *lab) cloudsYAML(u *user) string {
	return fmt.Sprintf(`clouds:
  real:
    auth:
      auth_url: %s
      username: %s
      password: %s
      project_name: %s
      user_domain_name: Default
      project_domain_name: Default
`, l.KeystoneURL(), u.name, u.password, u.project)
}

var listening = regexp.MustCompile(`msg="Listening on".* address=(\S+)`)

// startExporter runs the exporter for a user until the test ends. Without a
// --region of its own it reads from Glance's own server.
func (l *lab) startExporter(t *testing.T, u *user, args ...string) *exporter {
	t.Helper()
	dir := t.TempDir()
	e := &exporter{cloudsFile: dir + "/clouds.yaml"}
	writeFile(t, e.cloudsFile, l.cloudsYAML(u))
	if !slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--region=") }) {
		args = append(args, "--region="+regionOwn)
	}
	e.process = startProcess(t, dir+"/exporter.log", l.env, l.binary, append([]string{
		"--web.listen-address=127.0.0.1:0", "--cloud=real", "--clouds-file=" + e.cloudsFile,
	}, args...)...)
	t.Cleanup(func() {
		e.stop()
		if t.Failed() {
			t.Logf("the end of the exporter's log:\n%s", logTail(e.log))
		}
	})
	eventually(t, 20*time.Second, "the exporter listens", func() bool {
		found := listening.FindStringSubmatch(e.logText(t))
		if found != nil {
			e.address = found[1]
		}
		return found != nil || !e.alive()
	})
	if e.address == "" {
		t.Fatal("the exporter has ended")
	}
	return e
}

// reload writes clouds.yaml anew and sends SIGHUP.
func (e *exporter) reload(t *testing.T, cloudsYAML string) {
	t.Helper()
	reloads := func() int { return strings.Count(e.logText(t), "msg=reloaded") }
	before := reloads()
	writeFile(t, e.cloudsFile, cloudsYAML)
	if err := e.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "the exporter has read clouds.yaml again", func() bool { return reloads() > before })
}

// scrape asks for the metrics as a Prometheus does that waits this long, and
// demands that the answer comes before it is gone.
func (e *exporter) scrape(t *testing.T, timeout time.Duration) metrics {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+e.address+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", fmt.Sprint(timeout.Seconds()))
	client := http.Client{Transport: httpClient.Transport, Timeout: timeout}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("a scrape is answered with %s", resp.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	all := metrics{}
	for name, family := range families {
		all[name] = map[string]float64{}
		for _, metric := range family.GetMetric() {
			var pairs []string
			for _, pair := range metric.GetLabel() {
				pairs = append(pairs, pair.GetName(), pair.GetValue())
			}
			all[name][labelsKey(pairs...)] = metric.GetGauge().GetValue() + metric.GetCounter().GetValue()
		}
	}
	return all
}

// mustShow demands these metrics, all of their series and no other ones.
func (m metrics) mustShow(t *testing.T, want metrics) {
	t.Helper()
	wrong := false
	for _, name := range slices.Sorted(maps.Keys(want)) {
		for labels, value := range want[name] {
			if got, found := m[name][labels]; !found || got != value {
				wrong = true
				t.Errorf("%s{%s} is %v (there: %t), want %v", name, labels, got, found, value)
			}
		}
		for labels, value := range m[name] {
			if _, found := want[name][labels]; !found {
				wrong = true
				t.Errorf("%s{%s} is %v, want no such series", name, labels, value)
			}
		}
	}
	if wrong {
		t.Logf("glance_up %v, reason %q", m["glance_up"][""], m.reason())
	}
}

// mustFail demands that there is no inventory, for this reason alone.
func (m metrics) mustFail(t *testing.T, reason string) {
	t.Helper()
	if m["glance_up"][""] != 0 || m.reason() != reason {
		t.Errorf("glance_up is %v with reason %q, want 0 with %q", m["glance_up"][""], m.reason(), reason)
	}
	for name := range m {
		if strings.HasPrefix(name, "glance_images") || strings.HasPrefix(name, "glance_inventory_images") {
			t.Errorf("%s is shown, of a read that failed", name)
		}
	}
}
