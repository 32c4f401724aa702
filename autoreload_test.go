package main

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/glance-exporter/glance_exporter/client"
	"github.com/glance-exporter/glance_exporter/collector"
	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

const autoReload = "--config.auto-reload-interval="

// A watched set is one that looks at clouds.yaml every 30 seconds, and its log.
type watched struct {
	t *testing.T
	*set
	log logBuffer
}

// watch serves the clouds of the file, in a bubble of synctest.
func watch(t *testing.T, args ...string) *watched {
	t.Helper()
	cfg, err := parseFlags(append([]string{autoReload + "30s"}, args...), io.Discard)
	if err == nil {
		err = cfg.validate()
	}
	if err != nil {
		t.Fatal(err)
	}
	env := client.TakeEnvironment()
	plan, err := cfg.plan(env, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{t: t}
	logger, _ := newLogger(cfg.logLevel, cfg.logFormat, &w.log)
	w.set = newSet(cfg, env, plan, collector.NewTelemetry(logger), logger)
	t.Cleanup(w.Close)
	w.reloadOnChange(t.Context())
	return w
}

// after lets time pass and gives what was logged meanwhile.
func (w *watched) after(d time.Duration) string {
	w.t.Helper()
	time.Sleep(d)
	synctest.Wait()
	defer w.log.discard()
	return w.log.String()
}

// mustLog demands the messages that were logged, in their order.
func (w *watched) mustLog(log string, want ...string) {
	w.t.Helper()
	if lines := strings.Count(log, "\n"); lines != len(want) {
		w.t.Errorf("%d lines, want %d: %s", lines, len(want), log)
	}
	for _, text := range want {
		_, after, ok := strings.Cut(log, text)
		if !ok {
			w.t.Errorf("no %q in: %s", text, log)
		}
		log = after
	}
}

func (w *watched) mustHaveSucceeded(want float64) {
	w.t.Helper()
	var sample dto.Metric
	if err := w.metrics.successful.Write(&sample); err != nil || sample.GetGauge().GetValue() != want {
		w.t.Errorf("the last reload was successful: %v, want %v (%v)", sample.GetGauge().GetValue(), want, err)
	}
}

const oneCloud = `clouds:
  one:
    auth: {auth_url: "https://one.example.com/v3", username: u, password: p, project_name: p}
`

func TestAutoReload(t *testing.T) {
	clearEnvironment(t)
	other := strings.Replace(oneCloud, "password: p", "password: q", 1)
	more := oneCloud + strings.Replace(strings.TrimPrefix(oneCloud, "clouds:\n"), "  one:", "  more:", 1)
	reset := func(t *testing.T) {
		t.Helper()
		files(t, map[string]string{"clouds.yaml": oneCloud})
		if err := os.RemoveAll("secure.yaml"); err != nil {
			t.Fatal(err)
		}
	}
	for name, steps := range map[string]func(*watched){
		"a file that stays as it is": func(w *watched) {
			w.mustLog(w.after(time.Hour))
			files(w.t, map[string]string{"clouds.yaml": "# a comment makes no difference\n" + oneCloud})
			w.mustLog(w.after(time.Hour))
		},
		"another one": func(w *watched) {
			files(w.t, map[string]string{"clouds.yaml": other})
			w.mustLog(w.after(29 * time.Second))
			w.mustLog(w.after(3*time.Second), "changed=one")
			w.mustLog(w.after(time.Hour))
		},
		"one with another cloud": func(w *watched) {
			files(w.t, map[string]string{"clouds.yaml": more})
			w.mustLog(w.after(time.Minute), "probe_clouds=more,one changed=more removed=none")
			files(w.t, map[string]string{"clouds.yaml": oneCloud})
			w.mustLog(w.after(time.Minute), "probe_clouds=one changed=none removed=more")
		},
		"a secure.yaml that appears": func(w *watched) {
			files(w.t, map[string]string{"secure.yaml": "clouds: {one: {auth: {password: s3cret}}}"})
			w.mustLog(w.after(time.Minute), "changed=one")
		},
		"a bad one, which is mended": func(w *watched) {
			files(w.t, map[string]string{"clouds.yaml": "clouds: ["})
			w.mustLog(w.after(time.Hour), "reloading failed") // once, not every 30 seconds
			w.mustHaveSucceeded(0)
			files(w.t, map[string]string{"clouds.yaml": "clouds: {}"})
			w.mustLog(w.after(time.Hour), "reloading failed")
			files(w.t, map[string]string{"clouds.yaml": oneCloud}) // as it was before
			w.mustLog(w.after(time.Hour), "changed=none")
			w.mustHaveSucceeded(1)
		},
		"one that is gone": func(w *watched) {
			if err := os.Remove("clouds.yaml"); err != nil {
				w.t.Fatal(err)
			}
			w.mustLog(w.after(time.Hour), "reloading failed")
		},
		"one that is being written": func(w *watched) {
			w.after(29 * time.Second)
			files(w.t, map[string]string{"clouds.yaml": oneCloud[:len(oneCloud)/2]})
			w.mustLog(w.after(1500 * time.Millisecond))         // it was seen after 1 s of these
			files(w.t, map[string]string{"clouds.yaml": other}) // right by itself, and not the end either
			w.mustLog(w.after(time.Second))
			files(w.t, map[string]string{"clouds.yaml": more})
			w.mustLog(w.after(time.Hour), "changed=more")
		},
		"a change that SIGHUP has taken over": func(w *watched) {
			files(w.t, map[string]string{"clouds.yaml": more})
			_ = w.reload()
			files(w.t, map[string]string{"clouds.yaml": "clouds: ["})
			_ = w.reload()
			w.mustLog(w.after(time.Hour), "changed=more", "reloading failed")
		},
	} {
		t.Run(name, func(t *testing.T) {
			reset(t)
			synctest.Test(t, func(t *testing.T) { steps(watch(t)) })
		})
	}
}

// A certificate file counts with its contents, like the entry that names it.
func TestAutoReloadOfCertificates(t *testing.T) {
	clearEnvironment(t)
	dir := t.TempDir()
	authority := testCertificate{net.IPv4(127, 0, 0, 1), time.Now().Add(time.Hour)}
	authority.write(t, dir)
	files(t, map[string]string{"clouds.yaml": oneCloud + "    cacert: " + filepath.Join(dir, "cert.pem") + "\n"})
	synctest.Test(t, func(t *testing.T) {
		w := watch(t)
		w.mustLog(w.after(time.Hour))
		authority.write(t, dir) // another key
		w.mustLog(w.after(time.Minute), "changed=one")
	})
}

// As Kubernetes has it: clouds.yaml is a link through ..data, which is replaced.
func TestAutoReloadOfASecretVolume(t *testing.T) {
	clearEnvironment(t)
	turn := func(revision, content string) {
		t.Helper()
		if err := os.Mkdir(revision, 0o700); err != nil {
			t.Fatal(err)
		}
		files(t, map[string]string{filepath.Join(revision, "clouds.yaml"): content})
		if err := os.Symlink(revision, "..data_tmp"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename("..data_tmp", "..data"); err != nil {
			t.Fatal(err)
		}
	}
	turn("..1", oneCloud)
	if err := os.Symlink(filepath.Join("..data", "clouds.yaml"), "clouds.yaml"); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, "--cloud=one")
		turn("..2", strings.Replace(oneCloud, "username: u", "username: v", 1))
		if err := os.RemoveAll("..1"); err != nil {
			t.Fatal(err)
		}
		w.mustLog(w.after(time.Minute), "changed=one")
	})
}

// The program looks by itself, and goes on with the new file.
func TestProgramReloadsByItself(t *testing.T) {
	clearEnvironment(t)
	cloud := serveCloud(t, simcloud.Options{Images: 20})
	writeClouds(t, entry("cloud", cloud, "admin", "wrong"))
	p := start(t, "--cloud=cloud", autoReload+"1s")
	mustShow(t, p.scrape(), 1, "glance_scrape_failed", "reason", "auth")
	writeClouds(t, entry("cloud", cloud, "admin", "adminpw"))
	if !p.log.tells("changed=cloud") {
		t.Fatalf("it does not reload: %s", p.log)
	}
	mustBeTrue(t, p.scrape(), cloud.Truth("admin"))
}
