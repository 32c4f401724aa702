package main

import (
	"bytes"
	"cmp"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/glance-exporter/glance_exporter/client"
)

// Whatever the command line is, the program has its settings, or ends with one
// line that says why it has none.
func FuzzFlags(f *testing.F) {
	for _, line := range []string{
		"--image.page-size=0", "--cloud=x\n--region\ny\n--image.page-size=10", "--demo\n--demo.images=5\n--once", "-h", "--version", "--no-such-flag\nwhat",
		"--image.endpoint=http://u:p@x?a#b\n--image.no-auth", "--inventory.labels=status,property:a\n--inventory.max-groups=0",
		"--scrape.timeout=1e9h\n--scrape.timeout-offset=-1s", "--web.listen-address=vsock://:1\n--web.listen-address=[::1]:99999",
		"--image.filter=name=\n--image.filter=size_min=-1", "--no-demo\n--no-once\n--help-man\n--completion-bash", "--\n-\n=\n--=",
	} {
		f.Add(line)
	}
	for _, name := range []string{"OS_CLOUD", "OS_CLIENT_CONFIG_FILE", "OS_REGION_NAME"} {
		f.Setenv(name, "")
	}
	f.Fuzz(func(t *testing.T, lines string) {
		args := slices.DeleteFunc(strings.Split(lines, "\n"), func(arg string) bool {
			// They name files, which may be devices without an end.
			return strings.HasPrefix(arg, "@") || strings.Contains(arg, "web.config.file")
		})
		var stdout, stderr bytes.Buffer
		cfg, err := parseFlags(args, &stdout)
		if err == nil {
			err = cfg.validate()
		}
		if err != nil {
			fail(&stderr, err)
			if line := stderr.String(); strings.Count(line, "\n") != 1 || len(line) < len(program)+len(": ?\n") {
				t.Errorf("%q: it says %q", args, line)
			}
			return
		}
		switch {
		case cfg.pageSize < 1, cfg.maxRequests < 1, cfg.maxGroups < 1, cfg.demoImages < 1, cfg.refreshInterval < 0,
			cfg.scrapeTimeout <= 0, cfg.scrapeTimeout > maxTimeout, cfg.timeoutOffset < 0, len(cfg.labels.Names()) == 0,
			!strings.HasPrefix(cfg.telemetryPath, "/"), cfg.endpoint != nil && cfg.endpoint.User != nil:
			t.Errorf("%q: it runs with %+v", args, cfg)
		}
		http.NewServeMux().HandleFunc("GET "+cfg.telemetryPath, func(http.ResponseWriter, *http.Request) {})
	})
}

// Whatever is announced, a scrape has some time, and no more than there may be.
func FuzzBudget(f *testing.F) {
	for _, announced := range []string{"", "10", "1e-300", "1e-9", "4e-10", "NaN", "-Inf", "1e308", "0x1p-40", "-0"} {
		f.Add(announced, int64(30*time.Second), int64(500*time.Millisecond))
		f.Add(announced, int64(1), int64(1<<62))
	}
	f.Fuzz(func(t *testing.T, announced string, fallback, offset int64) {
		if fallback < 1 || time.Duration(fallback) > maxTimeout || offset < 0 {
			return // refused at start
		}
		header := http.Header{timeoutHeader: {announced}}
		if got := budget(header, time.Duration(fallback), time.Duration(offset)); got <= 0 || got > maxTimeout {
			t.Errorf("%q less %s: it has %s", announced, time.Duration(offset), got)
		}
	})
}

// Whatever a probe asks for, it is given a cloud that is served or one of a few
// fixed sentences, so none has a word of the query.
func FuzzProbeQuery(f *testing.F) {
	fixed := []string{
		"cloud=one&region=", "cloud=two&region=any", "cloud=one&region=eu-de", // which are served
		"", "cloud=no-such-cloud", "cloud=one&region=no-such-region", "cloud=two&region=%ff%fe", "cloud=one&cloud=two", "target=http://x", "cloud=%zz", "a;b",
	}
	for _, query := range append(fixed, "cloud=other", "cloud=one&region=other", "cloud=two&region=%fe", "cloud=two&cloud=three", "cloud=one&module=x", "cloud=%xx", "b;c") {
		f.Add(query)
	}
	g := &generation{probed: map[string]*account{}}
	name := filepath.Join(f.TempDir(), "clouds.yaml")
	const auth = "auth: {auth_url: 'http://127.0.0.1:1/v3', username: u, password: p, project_name: p, user_domain_name: d, project_domain_name: d}"
	if err := os.WriteFile(name, []byte("clouds:\n  one: {regions: [eu-de, eu-nl], "+auth+"}\n  two: {"+auth+"}\n"), 0o600); err != nil {
		f.Fatal(err)
	}
	file, err := client.ReadCloudsFile(name)
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range file.Names() {
		cloud, err := file.Cloud(name)
		if err != nil {
			f.Fatal(err)
		}
		g.probed[name] = &account{cloud: cloud}
	}
	sentences := map[string]bool{}
	for _, query := range fixed {
		_, _, refusal := g.find(query)
		sentences[refusal] = true
	}
	f.Fuzz(func(t *testing.T, query string) {
		a, region, refusal := g.find(query)
		if !sentences[refusal] || (a == nil) != (refusal != "") || a == nil && region != "" {
			t.Fatalf("%q: the cloud %v, the region %q, refused with %q", query, a, region, refusal)
		}
		if a != nil && (len(region) > maxRegion || !utf8.ValidString(region) || a != g.probed["two"] && !regionAmong(a.cloud.Regions(), cmp.Or(region, "eu-de"))) {
			t.Errorf("%q: the region %q", query, region)
		}
	})
}
