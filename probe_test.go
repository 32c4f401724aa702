package main

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// probe asks for a cloud's inventory and parses it.
func (p *exporter) probe(query string) map[string]*dto.MetricFamily {
	p.t.Helper()
	got := p.get("/probe?" + query)
	if got.status != http.StatusOK {
		p.t.Fatalf("%s: %d: %s", query, got.status, got.body)
	}
	return parse(p.t, got.body)
}

// refused demands 400 and one plain sentence, without a word of the query's.
func (p *exporter) refused(query string) {
	p.t.Helper()
	got := p.get("/probe" + query)
	if got.status != http.StatusBadRequest || strings.Count(got.body, "\n") != 1 || !strings.HasSuffix(got.body, ".\n") {
		p.t.Errorf("%.100q: %d: %s", query, got.status, got.body)
	}
	if values, err := url.ParseQuery(strings.TrimPrefix(query, "?")); err == nil {
		for _, value := range slices.Concat(slices.Collect(maps.Values(values))...) {
			if len(value) > 5 && strings.Contains(got.body, value) {
				p.t.Errorf("%.100q: the answer repeats it: %s", query, got.body)
			}
		}
	}
}

// mustHave demands which values a label has, over all of a metric's series.
func mustHave(t *testing.T, families map[string]*dto.MetricFamily, name, label string, want ...string) {
	t.Helper()
	values := map[string]bool{}
	for _, metric := range families[name].GetMetric() {
		for _, pair := range metric.GetLabel() {
			if pair.GetName() == label {
				values[pair.GetValue()] = true
			}
		}
	}
	if got := slices.Sorted(maps.Keys(values)); !slices.Equal(got, want) {
		t.Errorf("%s has %s %q, want %q", name, label, got, want)
	}
}

// Each cloud of clouds.yaml is read with its own credentials, in its own region
// and version of the API, and shows its own inventory and nothing else.
func TestProbeShowsEachCloud(t *testing.T) {
	clearEnvironment(t)
	openstack := serveCloud(t, simcloud.Options{Seed: 1, Images: 300, Service: simcloud.Service{NoV11: true}})
	otc := serveCloud(t, simcloud.Options{Seed: 2, Images: 200, Service: simcloud.StrictVendor(), Regions: []string{"eu-de", "eu-nl"}})
	huawei := serveCloud(t, simcloud.Options{Seed: 3, Images: 100, Service: simcloud.LenientVendor()})
	huawei.SetPassword("member", "of its own")
	writeClouds(t, entry("openstack", openstack, "admin", "adminpw"),
		entry("otc", otc, "member", "memberpw", "regions: [eu-de, eu-nl]"),
		entry("huawei", huawei, "member", "of its own"))
	p := start(t)

	// All counters are there before anything was asked for.
	families := p.scrape()
	mustHave(t, families, "glance_scrapes_total", "cloud", "huawei", "openstack", "otc")
	mustHave(t, families, "glance_scrapes_total", "region", "", "eu-de", "eu-nl")
	mustShow(t, families, 0, "glance_scrapes_total")
	if families["glance_up"] != nil {
		t.Error("/metrics reports on a cloud")
	}
	for range 2 {
		mustBeTrue(t, p.probe("cloud=openstack"), openstack.TruthOf("admin", simcloud.V2, func(*simcloud.Image) bool { return true }))
		mustBeTrue(t, p.probe("cloud=otc"), otc.Truth("member")) // the first of its regions
		mustBeTrue(t, p.probe("cloud=otc&region=eu-nl"), otc.Truth("member"))
		mustBeTrue(t, p.probe("cloud=huawei&region="), huawei.Truth("member"))
	}
	for name := range p.probe("cloud=openstack") {
		if regexp.MustCompile(`^(go|process|promhttp)_|_total$|^glance_exporter_|^glance_api_request_`).MatchString(name) {
			t.Errorf("/probe shows the exporter's own %s", name)
		}
	}
	families = p.scrape()
	mustShow(t, families, 3, "glance_scrapes_total", "cloud", "openstack", "region", "")
	mustShow(t, families, 2, "glance_scrapes_total", "cloud", "otc", "region", "eu-de")
	mustShow(t, families, 2, "glance_scrapes_total", "cloud", "otc", "region", "eu-nl")
	mustShow(t, families, 2, "glance_scrapes_total", "cloud", "huawei", "region", "")
	mustShow(t, families, 0, "glance_scrape_errors_total")
	for name, cloud := range map[string]*simcloud.Cloud{"openstack": openstack, "otc": otc, "huawei": huawei} {
		if logins := cloud.Count("auth"); logins != 1 { // shared by the regions
			t.Errorf("%s: there were %d logins", name, logins)
		}
	}
	if !strings.Contains(p.log.String(), "probe_clouds=huawei,openstack,otc") {
		t.Errorf("the clouds are not in the log: %s", p.log)
	}
}

// What is asked for and is not served is refused, and leaves nothing behind.
func TestProbeRefuses(t *testing.T) {
	clearEnvironment(t)
	cloud := serveCloud(t, simcloud.Options{Images: 5})
	writeClouds(t, entry("one", cloud, "admin", "adminpw", "regions: [RegionOne, RegionTwo]"), entry("two", cloud, "admin", "adminpw"))
	for _, tc := range []struct {
		name  string
		args  []string
		query string
	}{
		{"no query", nil, ""},
		{"no cloud", nil, "?region=RegionOne"},
		{"an empty cloud", nil, "?cloud="},
		{"an unknown cloud", nil, "?cloud=unknown"},
		{"another case", nil, "?cloud=ONE"},
		{"a URL", nil, "?cloud=http://127.0.0.1:1/v3"},
		{"a URL as target", nil, "?target=http://127.0.0.1:1/v3"},
		{"a path", nil, "?cloud=../one"},
		{"two clouds", nil, "?cloud=one&cloud=two"},
		{"the same cloud twice", nil, "?cloud=one&cloud=one"},
		{"two regions", nil, "?cloud=one&region=RegionOne&region=RegionTwo"},
		{"another parameter", nil, "?cloud=one&module=http_2xx"},
		{"a region that clouds.yaml does not name", nil, "?cloud=one&region=RegionThree"},
		{"a region that is too long", nil, "?cloud=two&region=" + strings.Repeat("r", 300)},
		{"a region that is no text", nil, "?cloud=two&region=%ff%fe"},
		{"a malformed query", nil, "?cloud=%zz"},
		{"a semicolon", nil, "?cloud=one;region=RegionOne"},
		{"markup", nil, "?cloud=<script>alert(1)</script>"},
		{"a cloud that is not allowed", []string{"--probe.cloud=one"}, "?cloud=two"},
		{"any, without a login", []string{"--image.no-auth", "--image.endpoint=http://127.0.0.1:1"}, "?cloud=one"},
		{"any, in a demo", []string{"--demo", "--demo.images=5"}, "?cloud=demo"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := start(t, tc.args...)
			p.refused(tc.query)
			if logins := cloud.Count("auth"); logins > 0 {
				t.Errorf("there were %d logins", logins)
			}
		})
	}
}

// Neither bad requests nor probes of regions that do not exist leave anything
// behind, however many there are.
func TestProbesOfNothingLeaveNothingBehind(t *testing.T) {
	clearEnvironment(t)
	cloud := serveCloud(t, simcloud.Options{Images: 5})
	writeClouds(t, entry("cloud", cloud, "admin", "adminpw"))
	p := start(t, "--inventory.refresh-interval=1h") // which has a goroutine for each
	mustBeTrue(t, p.probe("cloud=cloud"), cloud.Truth("admin"))
	families := p.probe("cloud=cloud&region=nowhere")
	mustShow(t, families, 0, "glance_up")
	mustShow(t, families, 1, "glance_scrape_failed", "reason", "not_found")

	series := func() (n int) {
		for name, family := range p.scrape() {
			if strings.HasPrefix(name, "glance_") {
				n += len(family.GetMetric())
			}
		}
		return n
	}
	settled := func() (heap uint64, goroutines int) {
		var stats runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc, runtime.NumGoroutine()
	}
	p.log.discard()
	before, requests := series(), len(cloud.Requests(""))
	heap, goroutines := settled()
	handler := &http.Client{Transport: &http.Transport{}}
	const times = 10_000
	for i := range times {
		query := fmt.Sprintf("cloud=unknown-%d", i)
		want := http.StatusBadRequest
		if i%2 == 0 {
			query, want = fmt.Sprintf("cloud=cloud&region=nowhere-%d", i), http.StatusOK
		}
		got, err := fetch(t.Context(), handler, "http://"+p.address+"/probe?"+query)
		if err != nil || got.status != want {
			t.Fatalf("%s: %v, %d", query, err, got.status)
		}
	}
	handler.CloseIdleConnections()
	p.log.discard()
	var grown, more int64
	for began := time.Now(); time.Since(began) < 10*time.Second; {
		now, running := settled()
		if grown, more = int64(now)-int64(heap), int64(running-goroutines); grown < times*20 && more <= 2 {
			break
		}
	}
	if grown >= times*20 || more > 2 { // 20 bytes for each would be a leak
		t.Errorf("%d bytes and %d goroutines more than before", grown, more)
	}
	if after := series(); after != before {
		t.Errorf("%d series, before it were %d", after, before)
	}
	if now := len(cloud.Requests("")); now != requests {
		t.Errorf("%d requests were made for it", now-requests)
	}
}

// A region that clouds.yaml does not name is kept once its catalogue has it, with
// all that was counted of it.
func TestProbeFindsRegionsInTheCatalogue(t *testing.T) {
	clearEnvironment(t)
	cloud := serveCloud(t, simcloud.Options{Images: 50, Regions: []string{"one", "two"}})
	writeClouds(t, entry("cloud", cloud, "admin", "adminpw", "region_name: one"))
	p := start(t)
	mustShow(t, p.probe("cloud=cloud&region=three"), 1, "glance_scrape_failed", "reason", "not_found")
	mustHave(t, p.scrape(), "glance_scrapes_total", "region", "one")

	var group sync.WaitGroup
	cloud.Inject(simcloud.Fault{Operation: "list", Kind: simcloud.Delay, Delay: 200 * time.Millisecond})
	for range 10 {
		group.Go(func() { mustBeTrue(t, p.probe("cloud=cloud&region=two"), cloud.Truth("admin")) })
	}
	group.Wait()
	cloud.ClearFaults()
	families := p.scrape()
	mustHave(t, families, "glance_scrapes_total", "region", "one", "two")
	// They came at the same time and shared reads, also while nobody knew whether
	// there is such a region.
	if reads, _ := sum(families, "glance_scrapes_total", "region", "two"); reads < 1 || reads > 5 {
		t.Errorf("10 probes made %v reads", reads)
	}
	mustShow(t, families, 0, "glance_scrape_errors_total", "region", "two")
}

// Whatever is set for the cloud of /metrics, the clouds of /probe are asked with
// their own credentials, at their own endpoints.
func TestProbeKeepsCredentialsApart(t *testing.T) {
	clearEnvironment(t)
	first := serveCloud(t, simcloud.Options{Seed: 1, Images: 20})
	second := serveCloud(t, simcloud.Options{Seed: 2, Images: 30})
	trap := serveCloud(t, simcloud.Options{Seed: 3, Images: 40, Regions: []string{"trapped"}})
	second.SetPassword("admin", "secondpw")
	trap.SetPassword("admin", "trappw")
	trapImages := strings.TrimSuffix(authURL(trap), "/identity/v3")
	for key, value := range map[string]string{
		"OS_AUTH_URL": authURL(trap), "OS_USERNAME": "admin", "OS_PASSWORD": "trappw", "OS_PROJECT_NAME": "p",
		"OS_USER_DOMAIN_NAME": "Default", "OS_REGION_NAME": "trapped", "OS_INTERFACE": "internal", "OS_TOKEN": "",
		"OS_CACERT": "/no/such/file", "OS_CERT": "/no/such/file", "OS_KEY": "/no/such/file",
	} {
		t.Setenv(key, value)
	}
	writeClouds(t, entry("first", first, "admin", "adminpw"), entry("second", second, "admin", "secondpw", "region_name: RegionOne"))

	t.Run("beside OS_* variables", func(t *testing.T) {
		t.Setenv("OS_CACERT", "")
		t.Setenv("OS_CERT", "")
		t.Setenv("OS_KEY", "")
		p := start(t)
		mustBeTrue(t, p.scrape(), trap.Truth("admin"))
		mustBeTrue(t, p.probe("cloud=first"), first.Truth("admin"))
		mustBeTrue(t, p.probe("cloud=second"), second.Truth("admin"))
		mustBeTrue(t, p.scrape(), trap.Truth("admin"))
	})
	t.Run("beside an endpoint", func(t *testing.T) {
		p := start(t, "--cloud=first", "--image.endpoint="+trapImages, "--region=RegionOne")
		// The service at the endpoint refuses this token, as it is not of its Keystone.
		mustShow(t, p.scrape(), 0, "glance_up")
		mustBeTrue(t, p.probe("cloud=first"), first.Truth("admin"))
		mustBeTrue(t, p.probe("cloud=second"), second.Truth("admin"))
	})
	tokens := map[*simcloud.Cloud]map[string]bool{}
	for _, cloud := range []*simcloud.Cloud{first, second, trap} {
		tokens[cloud] = map[string]bool{}
		for _, request := range cloud.Requests("list") {
			tokens[cloud][request.Token] = true
		}
	}
	for token := range tokens[second] {
		if tokens[first][token] || tokens[trap][token] {
			t.Error("a token of the second cloud went elsewhere")
		}
	}
	for cloud, logins := range map[*simcloud.Cloud]int{first: 4, second: 2, trap: 1} {
		if got := cloud.Count("auth"); got > logins {
			t.Errorf("there were %d logins, want %d at most", got, logins)
		}
	}
}

// A wrong password is tried twice, whatever asks for the cloud, and not again
// before minutes have passed or SIGHUP brought the right one.
func TestProbeWithAWrongPassword(t *testing.T) {
	clearEnvironment(t)
	cloud := serveCloud(t, simcloud.Options{Images: 20, Regions: []string{"one", "two"}})
	writeClouds(t, entry("cloud", cloud, "admin", "wrong", "regions: [one, two]"))
	p := start(t, "--cloud=cloud")
	for range 10 {
		for _, families := range []map[string]*dto.MetricFamily{p.scrape(), p.probe("cloud=cloud"), p.probe("cloud=cloud&region=two")} {
			mustShow(t, families, 0, "glance_up")
			mustShow(t, families, 1, "glance_scrape_failed", "reason", "auth")
		}
	}
	if logins := cloud.Count("auth"); logins != 2 {
		t.Errorf("there were %d logins", logins)
	}
	writeClouds(t, entry("cloud", cloud, "admin", "adminpw", "regions: [one, two]"))
	p.hangUp("changed=cloud")
	mustBeTrue(t, p.probe("cloud=cloud&region=two"), cloud.Truth("admin"))
	mustBeTrue(t, p.scrape(), cloud.Truth("admin"))
	if strings.Contains(p.log.String(), "adminpw") || strings.Contains(p.log.String(), "wrong") {
		t.Error("a password is in the log")
	}
}

// With --inventory.refresh-interval a cloud is read in the background from its
// first probe on, and no sooner.
func TestProbeReadsInTheBackground(t *testing.T) {
	clearEnvironment(t)
	cloud := serveCloud(t, simcloud.Options{Images: 20})
	writeClouds(t, entry("cloud", cloud, "admin", "adminpw"), entry("other", cloud, "member", "memberpw"))
	p := start(t, "--inventory.refresh-interval=1s")
	p.scrape()
	if requests := cloud.Count(""); requests > 0 || len(cloud.Requests("")) > 0 {
		t.Errorf("%d requests were made before anyone asked", requests)
	}
	mustBeTrue(t, p.probe("cloud=cloud"), cloud.Truth("admin"))
	for began := time.Now(); cloud.Count("list") < 6; p.get("/-/healthy") {
		if time.Since(began) > 30*time.Second {
			t.Fatal("it does not read in the background")
		}
	}
	families := p.probe("cloud=cloud")
	mustBeTrue(t, families, cloud.Truth("admin"))
	mustShow(t, families, 1, "glance_inventory_refresh_interval_seconds")
	mustShow(t, p.scrape(), 0, "glance_scrapes_total", "cloud", "other")
}
