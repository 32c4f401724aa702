package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const goodClouds = `
clouds:
  good:
    auth:
      auth_url: http://127.0.0.1:1/v3
      username: u
      password: s3cret
      project_name: p
      user_domain_name: Default
      project_domain_name: Default
  regions:
    regions: [one, two]
    auth:
      auth_url: http://127.0.0.1:1/v3
      username: u
      password: s3cret
      project_name: p
      user_domain_name: Default
      project_domain_name: Default
  "null":
  bare:
    region_name: r
  kerberos:
    auth_type: v3kerberos
    auth:
      auth_url: http://127.0.0.1:1/v3
`

// clearEnvironment takes away whatever OS_* variables the tests are run with,
// and every place where a clouds.yaml could be found.
func clearEnvironment(t *testing.T) {
	t.Helper()
	for _, pair := range os.Environ() {
		if key, _, _ := strings.Cut(pair, "="); strings.HasPrefix(key, "OS_") {
			t.Setenv(key, "")
		}
	}
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CONFIG_HOME", dir)
	t.Chdir(dir)
}

// files writes files into the working directory.
func files(t *testing.T, contents map[string]string) {
	t.Helper()
	for name, content := range contents {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// execute runs the program to its end.
func execute(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, &out, &errs)
	return status, out.String(), errs.String()
}

// Bad flags end the program before anything listens, with one line that names
// the flag or the file.
func TestBadFlags(t *testing.T) {
	check := []string{"--config.check", "--clouds-file=clouds.yaml", "--cloud=good"}
	for _, tc := range []struct {
		name string
		args []string
		want []string // parts of the line
	}{
		{"an unknown flag", []string{"--no-such-flag"}, []string{"--no-such-flag"}},
		{"an argument", []string{"what"}, []string{"what"}},
		{"an unknown cloud", []string{"--config.check", "--clouds-file=clouds.yaml", "--cloud=other"}, []string{"--cloud", "clouds.yaml", `"other"`, "good"}},
		{"a null cloud", []string{"--config.check", "--clouds-file=clouds.yaml", "--cloud=null"}, []string{"clouds.yaml", `"null"`, "auth"}},
		{"a cloud without auth", []string{"--config.check", "--clouds-file=clouds.yaml", "--cloud=bare"}, []string{"clouds.yaml", `"bare"`, "auth"}},
		{"an unknown auth type", []string{"--config.check", "--clouds-file=clouds.yaml", "--cloud=kerberos"}, []string{"clouds.yaml", "v3kerberos"}},
		{"a clouds.yaml that is not there", []string{"--config.check", "--clouds-file=none.yaml", "--cloud=good"}, []string{"--clouds-file", "none.yaml"}},
		{"one that cannot be read", []string{"--config.check", "--clouds-file=.", "--cloud=good"}, []string{"--clouds-file", "."}},
		{"one that is empty", []string{"--config.check", "--clouds-file=empty.yaml", "--cloud=good"}, []string{"--clouds-file", "empty.yaml"}},
		{"one that is malformed", []string{"--config.check", "--clouds-file=malformed.yaml", "--cloud=good"}, []string{"malformed.yaml", "line 2", "YAML"}},
		{"a secure.yaml of a wrong type", []string{"--config.check", "--clouds-file=secured/clouds.yaml", "--cloud=good"}, []string{"secure.yaml", "wrong type"}},
		{"a cloud and no clouds.yaml", []string{"--cloud=good"}, []string{"--cloud", "clouds.yaml", "--clouds-file"}},
		{"a clouds.yaml of which not all can be used", []string{"--config.check", "--clouds-file=clouds.yaml"}, []string{"clouds.yaml", `"bare"`, "auth", "--probe.cloud"}},
		{"an unknown cloud to probe", append(check, "--probe.cloud=good", "--probe.cloud=other"), []string{"--probe.cloud", "clouds.yaml", `"other"`, "good"}},
		{"a cloud to probe that cannot be used", append(check, "--probe.cloud=kerberos"), []string{"--probe.cloud", "clouds.yaml", "v3kerberos"}},
		{"clouds to probe and no clouds.yaml", []string{"--probe.cloud=good"}, []string{"--probe.cloud", "clouds.yaml", "--clouds-file"}},
		{"clouds to probe where there is no login", []string{"--image.no-auth", "--image.endpoint=http://x", "--probe.cloud=good"}, []string{"--image.no-auth", "--probe.cloud"}},
		{"clouds to probe in a demo", []string{"--demo", "--probe.cloud=good"}, []string{"--demo", "--probe.cloud"}},
		{"to print one of several clouds", []string{"--once", "--clouds-file=clouds.yaml", "--probe.cloud=good"}, []string{"--once", "--cloud", "clouds.yaml", "good"}},
		{"an endpoint of none of them", []string{"--image.endpoint=http://x", "--clouds-file=clouds.yaml", "--probe.cloud=good"}, []string{"--image.endpoint", "--cloud"}},
		{"a region of none of them", []string{"--region=r", "--clouds-file=clouds.yaml", "--probe.cloud=good"}, []string{"--region", "--cloud"}},
		{"a region that clouds.yaml does not name", []string{"--config.check", "--clouds-file=clouds.yaml", "--cloud=regions", "--region=three"}, []string{"--region", `"three"`, "one, two"}},
		{"no cloud at all", nil, []string{"--cloud", "OS_*", "--demo"}},
		{"a version of the API that is none", append(check, "--image.api-version=v3"), []string{"--image.api-version", "v1.1", "v2"}},
		{"a label that is none", append(check, "--inventory.labels=status,size"), []string{"--inventory.labels", `"size"`, "disk_format"}},
		{"a label given twice", append(check, "--inventory.labels=status,status"), []string{"--inventory.labels", "twice"}},
		{"two labels of one name", append(check, "--inventory.labels=property:a-b,property:a_b"), []string{"--inventory.labels", "property_a_b"}},
		{"no labels", append(check, "--inventory.labels="), []string{"--inventory.labels", "disk_format"}},
		{"no groups", append(check, "--inventory.max-groups=0"), []string{"--inventory.max-groups", "from 1"}},
		{"a refresh interval below 0", append(check, "--inventory.refresh-interval=-1m"), []string{"--inventory.refresh-interval", "0s, or from 1s"}},
		{"a refresh interval that is too short", append(check, "--inventory.refresh-interval=1ms"), []string{"--inventory.refresh-interval", "from 1s"}},
		{"a refresh interval without unit", append(check, "--inventory.refresh-interval=60"), []string{"--inventory.refresh-interval", "30s"}},
		{"an interval of reloads that is too short", append(check, "--config.auto-reload-interval=999ms"), []string{"--config.auto-reload-interval", "0s, or from 1s"}},
		{"page size 0", append(check, "--image.page-size=0"), []string{"--image.page-size", "at least 1"}},
		{"page size -5", append(check, "--image.page-size=-5"), []string{"--image.page-size", "at least 1"}},
		{"a page size that is no number", append(check, "--image.page-size=many"), []string{"--image.page-size", "integer"}},
		{"port 99999", append(check, "--web.listen-address=:99999"), []string{"--web.listen-address", "99999", "65535"}},
		{"an address without port", append(check, "--web.listen-address=localhost"), []string{"--web.listen-address", "localhost"}},
		{"a timeout of 0", append(check, "--scrape.timeout=0s"), []string{"--scrape.timeout", "above 0s"}},
		{"a negative timeout", append(check, "--scrape.timeout=-1s"), []string{"--scrape.timeout", "above 0s"}},
		{"a timeout of an hour", append(check, "--scrape.timeout=1h"), []string{"--scrape.timeout", "at most 10m"}},
		{"a timeout without unit", append(check, "--scrape.timeout=30"), []string{"--scrape.timeout", "30s"}},
		{"a negative offset", append(check, "--scrape.timeout-offset=-1s"), []string{"--scrape.timeout-offset", "below 0s"}},
		{"an endpoint that is no URL", append(check, "--image.endpoint=ftp://x"), []string{"--image.endpoint", "http"}},
		{"an endpoint without host", append(check, "--image.endpoint=http:///x"), []string{"--image.endpoint", "http"}},
		{"an endpoint with a password", append(check, "--image.endpoint=http://u:s3cret@x"), []string{"--image.endpoint", "password"}},
		{"an endpoint with a query", append(check, "--image.endpoint=http://x?a=b"), []string{"--image.endpoint", "query"}},
		{"a filter of an unknown key", append(check, "--image.filter=owner=x"), []string{"--image.filter", "owner=x", "changes-since"}},
		{"a filter given twice", append(check, "--image.filter=name=a", "--image.filter=name=b"), []string{"--image.filter", "twice"}},
		{"a filter's size that is none", append(check, "--image.filter=size_min=1GB"), []string{"--image.filter", "integer"}},
		{"a filter's time that is none", append(check, "--image.filter=changes-since=now"), []string{"--image.filter", "ISO 8601"}},
		{"no-auth without endpoint", []string{"--config.check", "--image.no-auth"}, []string{"--image.no-auth", "--image.endpoint"}},
		{"no-auth with a cloud", append(check, "--image.no-auth", "--image.endpoint=http://x"), []string{"--image.no-auth", "--cloud"}},
		{"no requests at all", append(check, "--web.max-requests=0"), []string{"--web.max-requests", "at least 1"}},
		{"a path without slash", append(check, "--web.telemetry-path=metrics"), []string{"--web.telemetry-path"}},
		{"a path that is taken", append(check, "--web.telemetry-path=/probe"), []string{"--web.telemetry-path"}},
		{"a path among the downloads", append(check, "--web.telemetry-path=/downloads/alerts.yml"), []string{"--web.telemetry-path"}},
		{"a path that is not clean", append(check, "--web.telemetry-path=/a/../b"), []string{"--web.telemetry-path"}},
		{"a web config with a password in the wrong place", append(check, "--web.config.file=users.yml"), []string{"--web.config.file", "users.yml", "line 1"}},
		{"a path that is a pattern", append(check, "--web.telemetry-path=/{x}"), []string{"--web.telemetry-path"}},
		{"a web config that is not there", append(check, "--web.config.file=none.yml"), []string{"--web.config.file", "none.yml"}},
		{"a bad web config", append(check, "--web.config.file=web.yml"), []string{"--web.config.file", "web.yml"}},
		{"a demo with a cloud", []string{"--demo", "--cloud=good"}, []string{"--demo", "--cloud"}},
		{"a demo that stands still", []string{"--demo", "--demo.speed=0"}, []string{"--demo.speed"}},
		{"a demo that is too fast", []string{"--demo", "--demo.speed=3601"}, []string{"--demo.speed"}},
		{"a demo without images", []string{"--demo", "--demo.images=0"}, []string{"--demo.images"}},
		{"a log level that is none", append(check, "--log.level=loud"), []string{"--log.level", "debug"}},
		{"a log format that is none", append(check, "--log.format=xml"), []string{"--log.format", "json"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			clearEnvironment(t)
			if strings.Contains(strings.Join(tc.args, " "), "--clouds-file") {
				files(t, map[string]string{"clouds.yaml": goodClouds, "empty.yaml": "", "malformed.yaml": "clouds:\n\ta: s3cret", "web.yml": "tls_server_config: {cert_file: none}", "users.yml": "basic_auth_users: s3cret"})
				if err := os.Mkdir("secured", 0o700); err != nil {
					t.Fatal(err)
				}
				files(t, map[string]string{
					filepath.Join("secured", "clouds.yaml"): goodClouds,
					filepath.Join("secured", "secure.yaml"): "clouds: {good: {auth: {password: [s3cret]}}}",
				})
			}
			status, stdout, stderr := execute(t, tc.args...)
			if status != 1 || stdout != "" || strings.Count(stderr, "\n") != 1 {
				t.Fatalf("status %d, standard output %q, standard error %q", status, stdout, stderr)
			}
			for _, part := range tc.want {
				if !strings.Contains(stderr, part) {
					t.Errorf("%q is not in: %s", part, stderr)
				}
			}
			if strings.Contains(stderr, "s3cret") {
				t.Errorf("a secret shows: %s", stderr)
			}
		})
	}
}

func TestConfigCheck(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		env  map[string]string
		want string
	}{
		{"a cloud by flag", []string{"--cloud=good"}, nil, `"good"`},
		{"a cloud by OS_CLOUD, a file by OS_CLIENT_CONFIG_FILE", nil, map[string]string{"OS_CLOUD": "good", "OS_CLIENT_CONFIG_FILE": "clouds.yaml"}, `"good"`},
		{"a usual openrc", nil, map[string]string{
			"OS_AUTH_URL": "http://127.0.0.1:1", "OS_USERNAME": "u", "OS_PASSWORD": "s3cret", "OS_PROJECT_NAME": "p",
			"OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_ID": "default", "OS_REGION_NAME": "r",
			"OS_INTERFACE": "public", "OS_IDENTITY_API_VERSION": "3",
		}, `"envvars"`},
		{"no cloud at all, by an endpoint", []string{"--image.endpoint=http://127.0.0.1:1/", "--image.no-auth"}, nil, `"endpoint"`},
		{"a demo, whatever the environment says", []string{"--demo"}, map[string]string{"OS_CLOUD": "other"}, `"demo"`},
		{"the clouds of /probe alone", []string{"--probe.cloud=good", "--probe.cloud=regions"}, nil, `/probe serves the cloud "regions"`},
		{"clouds that are left out beside it", []string{"--cloud=good"}, nil, `/probe leaves out clouds.yaml: cloud "kerberos"`},
		{"an openrc beside a clouds.yaml", nil, map[string]string{
			"OS_AUTH_URL": "http://127.0.0.1:1", "OS_USERNAME": "u", "OS_PASSWORD": "s3cret", "OS_PROJECT_NAME": "p",
		}, `/probe serves the cloud "good"`},
		{"a region of the cloud", []string{"--cloud=regions", "--region=two"}, nil, `"regions"`},
		{"several addresses", []string{"--cloud=good", "--web.listen-address=:0", "--web.listen-address=[::1]:0"}, nil, `"good"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			clearEnvironment(t)
			files(t, map[string]string{"clouds.yaml": goodClouds})
			for key, value := range tc.env {
				t.Setenv(key, value)
			}
			status, stdout, stderr := execute(t, append(tc.args, "--config.check")...)
			if status != 0 || stderr != "" || !strings.Contains(stdout, tc.want) {
				t.Errorf("status %d, standard output %q, standard error %q", status, stdout, stderr)
			}
		})
	}
}

// A cloud that metrics could not tell from that of the OS_* variables is not served.
func TestConfigCheckOfACloudNamedAsTheEnvironment(t *testing.T) {
	clearEnvironment(t)
	files(t, map[string]string{"clouds.yaml": strings.Replace(goodClouds, "  good:", "  envvars:", 1)})
	for key, value := range map[string]string{"OS_AUTH_URL": "http://127.0.0.1:1", "OS_USERNAME": "v", "OS_PASSWORD": "s3cret", "OS_PROJECT_NAME": "p"} {
		t.Setenv(key, value)
	}
	if status, stdout, stderr := execute(t, "--config.check"); status != 0 || !strings.Contains(stdout, `leaves out clouds.yaml: cloud "envvars"`) {
		t.Errorf("status %d, standard output %q, standard error %q", status, stdout, stderr)
	}
	if status, _, stderr := execute(t, "--config.check", "--probe.cloud=envvars"); status != 1 || !strings.Contains(stderr, "another name") {
		t.Errorf("status %d, standard error %q", status, stderr)
	}
}

// A clouds.yaml that was only found, and that nothing asks for, need not be
// right.
func TestConfigCheckOfAnOpenrcBesideABrokenCloudsFile(t *testing.T) {
	clearEnvironment(t)
	files(t, map[string]string{"clouds.yaml": "clouds: s3cret"})
	for key, value := range map[string]string{"OS_AUTH_URL": "http://127.0.0.1:1", "OS_USERNAME": "u", "OS_PASSWORD": "s3cret", "OS_PROJECT_NAME": "p"} {
		t.Setenv(key, value)
	}
	status, stdout, stderr := execute(t, "--config.check")
	if status != 0 || !strings.Contains(stdout, `"envvars"`) || !strings.Contains(stdout, "leaves out --clouds-file: clouds.yaml") || strings.Contains(stdout, "s3cret") {
		t.Errorf("status %d, standard output %q, standard error %q", status, stdout, stderr)
	}
	for _, args := range [][]string{{"--clouds-file=clouds.yaml"}, {"--probe.cloud=good"}} {
		if status, stdout, stderr := execute(t, append(args, "--config.check")...); status != 1 || !strings.Contains(stderr, "clouds.yaml") {
			t.Errorf("%s: status %d, standard output %q, standard error %q", args, status, stdout, stderr)
		}
	}
}

func TestHelpAndVersion(t *testing.T) {
	clearEnvironment(t)
	for flag, want := range map[string]string{"--help": "--image.page-size", "-h": "--cloud", "--version": "glance_exporter, version"} {
		status, stdout, stderr := execute(t, flag)
		if status != 0 || stderr != "" || !strings.Contains(stdout, want) {
			t.Errorf("%s: status %d, standard output %q, standard error %q", flag, status, stdout, stderr)
		}
	}
}

// Shells ask with words that are no flags yet. kingpin prints to the standard
// output itself: what it prints, e2e/deb looks at.
func TestCompletion(t *testing.T) {
	clearEnvironment(t)
	for _, args := range [][]string{{"--completion-bash", "--image.e"}, {"--completion-bash", "--no"}, {"--completion-bash"}} {
		if status, _, stderr := execute(t, args...); status != 0 || stderr != "" {
			t.Errorf("%s: status %d, standard error %q", args, status, stderr)
		}
	}
}

func TestBudget(t *testing.T) {
	const fallback, offset = 30 * time.Second, 500 * time.Millisecond
	for announced, want := range map[string]time.Duration{
		"":        fallback,
		"10":      9500 * time.Millisecond,
		"0.6":     300 * time.Millisecond, // the offset takes at most half
		"1e-9":    1 * time.Nanosecond,
		"1e-300":  1 * time.Nanosecond, // as little as there is, and not none
		"0":       fallback,
		"-1":      fallback,
		"NaN":     fallback,
		"Inf":     fallback,
		"+Inf":    fallback,
		"ten":     fallback,
		"600":     599500 * time.Millisecond,
		"3600":    10 * time.Minute,
		"1e300":   10 * time.Minute,
		"0x1p-1":  250 * time.Millisecond,
		"10, 10":  fallback,
		"600.500": 10 * time.Minute,
	} {
		header := http.Header{}
		header.Set(timeoutHeader, announced)
		if got := budget(header, fallback, offset); got != want {
			t.Errorf("%q: got %s, want %s", announced, got, want)
		}
	}
}
