//go:build e2e

package harness

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An Exporter is the program that is tested, as it is built, running.
type Exporter struct {
	*Process
	Address    string
	CloudsFile string
}

// Build builds the exporter into a folder and gives its path.
func Build(t *testing.T, dir string) string {
	t.Helper()
	binary := filepath.Join(dir, "glance_exporter")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "github.com/glance-exporter/glance_exporter")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return binary
}

// CleanEnv is this process's environment without what the surroundings say about
// clouds and proxies.
func CleanEnv() []string {
	var env []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "OS_") && !strings.HasSuffix(strings.ToLower(name), "_proxy") {
			env = append(env, pair)
		}
	}
	return env
}

var listening = regexp.MustCompile(`msg="Listening on".* address=(\S+)`)

// StartExporter runs the exporter with a clouds.yaml, on a port that the system
// gives, until the test ends.
func StartExporter(t *testing.T, binary, cloudsYAML string, args ...string) *Exporter {
	t.Helper()
	e := &Exporter{CloudsFile: filepath.Join(t.TempDir(), "clouds.yaml")}
	e.writeClouds(t, cloudsYAML)
	e.start(t, binary, append([]string{"--clouds-file=" + e.CloudsFile}, args...))
	return e
}

// StartDemo runs the exporter with the cloud that it simulates by itself, which
// has no clouds.yaml, as StartExporter does.
func StartDemo(t *testing.T, binary string, args ...string) *Exporter {
	t.Helper()
	e := &Exporter{}
	e.start(t, binary, append([]string{"--demo"}, args...))
	return e
}

func (e *Exporter) start(t *testing.T, binary string, args []string) {
	t.Helper()
	e.Process = Start(t, filepath.Join(t.TempDir(), "exporter.log"), CleanEnv(), binary,
		append([]string{"--web.listen-address=127.0.0.1:0"}, args...)...)
	t.Cleanup(func() {
		e.Stop()
		if t.Failed() {
			t.Logf("the end of the exporter's log:\n%s", e.LogTail())
		}
	})
	Eventually(t, 20*time.Second, "the exporter listens", func() bool {
		found := listening.FindStringSubmatch(e.LogText(t))
		if found != nil {
			e.Address = found[1]
		}
		return found != nil
	})
}

func (e *Exporter) writeClouds(t *testing.T, cloudsYAML string) {
	t.Helper()
	if err := os.WriteFile(e.CloudsFile, []byte(cloudsYAML), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Reload writes clouds.yaml anew, sends SIGHUP, and waits until it was read.
func (e *Exporter) Reload(t *testing.T, cloudsYAML string) {
	t.Helper()
	e.reload(t, cloudsYAML, "msg=reloaded")
}

// ReloadInVain does so with a clouds.yaml that must be refused.
func (e *Exporter) ReloadInVain(t *testing.T, cloudsYAML string) {
	t.Helper()
	e.reload(t, cloudsYAML, `msg="reloading failed`)
}

func (e *Exporter) reload(t *testing.T, cloudsYAML, message string) {
	t.Helper()
	reloads := func() int { return strings.Count(e.LogText(t), message) }
	before := reloads()
	e.writeClouds(t, cloudsYAML)
	e.Signal(t, syscall.SIGHUP)
	Eventually(t, 10*time.Second, "the exporter has read clouds.yaml again", func() bool { return reloads() > before })
}

// Scrape asks for the metrics at a path as a Prometheus does that waits this
// long, and demands that the answer comes before it is gone.
func (e *Exporter) Scrape(t *testing.T, path string, timeout time.Duration) Metrics {
	t.Helper()
	m, err := e.TryScrape(t.Context(), path, timeout)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TryScrape is Scrape for goroutines, and for who wants to know the error.
func (e *Exporter) TryScrape(ctx context.Context, path string, timeout time.Duration) (Metrics, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+e.Address+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", fmt.Sprint(timeout.Seconds()))
	resp, err := direct.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s: %s", path, resp.Status, body)
	}
	return ReadMetrics(bytes.NewReader(body))
}

// direct makes requests without a proxy, each on a connection of its own, so that
// nothing of one is left for the next.
var direct = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
