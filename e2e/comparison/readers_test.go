//go:build e2e

package comparison

import (
	"bytes"
	"context"
	"errors"
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

	"github.com/glance-exporter/glance_exporter/e2e/harness"
)

// A reader is something that reads the list of images and shows metrics.
type reader interface {
	name() string
	// start makes it ready to read a cloud, as the user admin with a password.
	start(t *testing.T, c *cloud, password string) session
}

// A session is a reader that was started.
type session interface {
	// scrape asks for the metrics once, as a Prometheus does that waits so long.
	scrape(t *testing.T, timeout time.Duration) ([]byte, error)
	cpu(t *testing.T) time.Duration // processor time so far
	memory(t *testing.T) int64      // largest resident set so far, in bytes; 0 where it is not known
	alive() bool
}

// served is a session of a program that listens.
type served struct {
	*harness.Process
	address string
}

func (s *served) cpu(t *testing.T) time.Duration {
	t.Helper()
	return s.CPU(t)
}

func (s *served) memory(t *testing.T) int64 {
	t.Helper()
	return s.PeakMemory(t)
}

func (s *served) alive() bool { return s.Alive() }

// direct makes requests without a proxy, each on a connection of its own.
var direct = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func (s *served) scrape(t *testing.T, timeout time.Duration) ([]byte, error) {
	t.Helper()
	if s.address == "" {
		return nil, fmt.Errorf("it has ended before it listened: %s", s.LogTail())
	}
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+"/metrics", http.NoBody)
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
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, firstLines(body))
	}
	return body, err
}

func firstLines(body []byte) string {
	const enough = 200
	return strings.Join(strings.Fields(string(body[:min(len(body), enough)])), " ")
}

// own is the exporter itself.
type own struct {
	binary string
	args   []string
	each   bool // shows each image, as openstack-exporter does
}

func (o *own) name() string {
	if o.each {
		return "`glance_exporter --inventory.per-image`"
	}
	return "glance_exporter"
}

func (o *own) start(t *testing.T, c *cloud, password string) session {
	t.Helper()
	e := harness.StartExporter(t, o.binary, c.cloudsYAML(password), append([]string{"--cloud=admin"}, o.args...)...)
	return &served{e.Process, e.Address}
}

// theirs is openstack-exporter, with its image service alone.
type theirs struct {
	binary string
	flags  []string
	slim   bool // without the metrics that it calls slow: one series for each image and more
}

var service = regexp.MustCompile(`disable-service\.([a-z0-9-]+)`)

func newTheirs(t *testing.T, binary string, slim bool) *theirs {
	t.Helper()
	path, err := filepath.Abs(binary)
	if err != nil {
		t.Fatal(err)
	}
	// Which services there are depends on the version.
	help, err := exec.CommandContext(t.Context(), path, "--help").CombinedOutput()
	if err != nil {
		t.Fatalf("%s --help: %v\n%s", path, err, help)
	}
	r := &theirs{binary: path, slim: slim}
	for _, found := range service.FindAllSubmatch(help, -1) {
		if name := string(found[1]); name != "image" {
			r.flags = append(r.flags, "--disable-service."+name)
		}
	}
	if slim {
		r.flags = append(r.flags, "--disable-slow-metrics")
	}
	return r
}

func (r *theirs) name() string {
	if r.slim {
		return "`openstack-exporter --disable-slow-metrics`"
	}
	return "openstack-exporter"
}

var listening = regexp.MustCompile(`msg="?Listening on"?.* address=(\S+)`)

func (r *theirs) start(t *testing.T, c *cloud, password string) session {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "clouds.yaml")
	if err := os.WriteFile(file, []byte(c.cloudsYAML(password)), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"--os-client-config=" + file, "--web.listen-address=127.0.0.1:0"}, r.flags...)
	s := &served{Process: harness.Start(t, filepath.Join(dir, "exporter.log"), harness.CleanEnv(), r.binary, append(args, "admin")...)}
	t.Cleanup(s.Stop)
	harness.Eventually(t, 20*time.Second, "openstack-exporter listens, or ends", func() bool {
		if found := listening.FindStringSubmatch(s.LogText(t)); found != nil {
			s.address = found[1]
		}
		return s.address != "" || !s.Alive()
	})
	return s
}

// textfile is a script for cron and the textfile collector of node_exporter.
type textfile struct{ script string }

func newTextfile(t *testing.T) *textfile {
	t.Helper()
	for _, program := range []string{"curl", "jq"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("the walk by curl and jq needs both: %v", err)
		}
	}
	path, err := filepath.Abs("textfile")
	if err != nil {
		t.Fatal(err)
	}
	return &textfile{path}
}

func (*textfile) name() string { return "curl, jq and textfile" }

func (f *textfile) start(t *testing.T, c *cloud, password string) session {
	t.Helper()
	env := append(harness.CleanEnv(), "OS_AUTH_URL="+c.url+"/identity/v3", "OS_USERNAME=admin", "OS_PASSWORD="+password,
		"OS_PROJECT_NAME=admin", "OS_USER_DOMAIN_NAME=Default", "OS_PROJECT_DOMAIN_NAME=Default", "no_proxy=*")
	return &runs{script: f.script, env: env, out: filepath.Join(t.TempDir(), "images.prom")}
}

// runs is a session of a program that ends after each read.
type runs struct {
	script, out string
	env         []string
	used        time.Duration
}

func (r *runs) scrape(t *testing.T, timeout time.Duration) ([]byte, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, r.script, r.out)
	cmd.Env = r.env
	// What it has started ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	err := cmd.Run()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.used += time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	if err != nil {
		err = errors.Join(err, errors.New(firstLines(complaint.Bytes())))
	}
	// What the textfile collector shows is the file, whatever became of the script.
	file, missing := os.ReadFile(r.out)
	if missing != nil && !errors.Is(missing, os.ErrNotExist) {
		t.Fatal(missing)
	}
	return file, err
}

func (r *runs) cpu(*testing.T) time.Duration { return r.used }

// memory is not known: what Linux tells of a process begins with that of the one
// that has started it, which is the test.
func (*runs) memory(*testing.T) int64 { return 0 }

func (*runs) alive() bool { return false }
