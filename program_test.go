package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.uber.org/goleak"

	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// An exporter is the program, running.
type exporter struct {
	t       *testing.T
	address string
	stop    context.CancelFunc
	done    chan int
	log     *logBuffer
}

// logBuffer is standard error, and tells where the program listens.
type logBuffer struct {
	mu     sync.Mutex
	text   bytes.Buffer
	listen chan string
	more   chan struct{} // told of each line, as far as somebody waits
}

var listening = regexp.MustCompile(`msg="Listening on".* address=(\S+)|"address":"([^"]+)".*"msg":"Listening on"`)

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if match := listening.FindSubmatch(p); match != nil {
		b.listen <- string(match[1]) + string(match[2])
	}
	select {
	case b.more <- struct{}{}:
	default:
	}
	return b.text.Write(p)
}

// tells waits until a text was written. What a server logs of a connection may
// come after its answer.
func (b *logBuffer) tells(text string) bool {
	late := time.After(10 * time.Second)
	for !strings.Contains(b.String(), text) {
		select {
		case <-b.more:
		case <-late:
			return false
		}
	}
	return true
}

// discard forgets what was logged so far.
func (b *logBuffer) discard() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = bytes.Buffer{}
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// start runs the program on a loopback port until the test ends.
func start(t *testing.T, args ...string) *exporter {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &exporter{t: t, stop: cancel, done: make(chan int, 1), log: &logBuffer{listen: make(chan string, 10), more: make(chan struct{}, 1)}}
	go func() {
		p.done <- run(ctx, append([]string{"--web.listen-address=127.0.0.1:0", "--log.level=debug"}, args...), io.Discard, p.log)
	}()
	select {
	case p.address = <-p.log.listen:
	case status := <-p.done:
		t.Fatalf("it ended with %d: %s", status, p.log)
	case <-time.After(30 * time.Second):
		t.Fatalf("it does not listen: %s", p.log)
	}
	t.Cleanup(func() {
		if status := p.end(); status != 0 {
			t.Errorf("it ended with %d: %s", status, p.log)
		}
	})
	return p
}

// end stops the program, as SIGTERM does, and gives its status.
func (p *exporter) end() int {
	p.stop()
	status := <-p.done
	p.done <- status
	return status
}

// An answer is what came of a request.
type answer struct {
	status int
	header http.Header
	body   string
}

// get asks for a path.
func (p *exporter) get(path string, headers ...string) answer {
	p.t.Helper()
	got, err := fetch(p.t.Context(), oneShot(), "http://"+p.address+path, headers...)
	if err != nil {
		p.t.Fatal(err)
	}
	return got
}

// oneShot makes a client whose connections end with their requests.
func oneShot() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}

func fetch(ctx context.Context, client *http.Client, url string, headers ...string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return do(client, req)
}

func do(client *http.Client, req *http.Request) (answer, error) {
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(body)}, err
}

// scrape asks for the metrics and parses them.
func (p *exporter) scrape() map[string]*dto.MetricFamily {
	p.t.Helper()
	got := p.get("/metrics")
	if got.status != http.StatusOK {
		p.t.Fatalf("%d: %s", got.status, got.body)
	}
	return parse(p.t, got.body)
}

func parse(t *testing.T, text string) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("the exposition does not parse: %v\n%s", err, text)
	}
	return families
}

// sum adds the values of a metric's series that have all the labels given.
func sum(families map[string]*dto.MetricFamily, name string, labels ...string) (total float64, series int) {
	for _, metric := range families[name].GetMetric() {
		have := map[string]string{}
		for _, pair := range metric.GetLabel() {
			have[pair.GetName()] = pair.GetValue()
		}
		fits := true
		for i := 0; i < len(labels); i += 2 {
			fits = fits && have[labels[i]] == labels[i+1]
		}
		if fits {
			total += metric.GetGauge().GetValue() + metric.GetCounter().GetValue()
			series++
		}
	}
	return total, series
}

// mustShow demands the sum of a metric's series.
func mustShow(t *testing.T, families map[string]*dto.MetricFamily, want float64, name string, labels ...string) {
	t.Helper()
	if got, series := sum(families, name, labels...); series == 0 || got != want {
		t.Errorf("%s%v is %v in %d series, want %v", name, labels, got, series, want)
	}
}

// simulate serves a cloud on loopback and writes its clouds.yaml.
func simulate(t *testing.T, options simcloud.Options) (cloud *simcloud.Cloud, cloudsFile string) {
	t.Helper()
	clearEnvironment(t)
	cloud = serveCloud(t, options)
	cloudsFile = filepath.Join(t.TempDir(), "clouds.yaml")
	if err := os.WriteFile(cloudsFile, cloud.CloudsYAML(), 0o600); err != nil {
		t.Fatal(err)
	}
	return cloud, cloudsFile
}

// mustBeTrue compares a scrape with the cloud's own counts.
func mustBeTrue(t *testing.T, families map[string]*dto.MetricFamily, truth *simcloud.Truth) {
	t.Helper()
	float := func(n *big.Int) float64 {
		f, _ := new(big.Float).SetInt(n).Float64()
		return f
	}
	mustShow(t, families, 1, "glance_up")
	mustShow(t, families, float64(truth.Images), "glance_inventory_images")
	mustShow(t, families, float(truth.Size), "glance_inventory_size_bytes")
	for key, group := range truth.Groups {
		labels := []string{"status", key.Status, "disk_format", key.DiskFormat, "public", key.Public, "protected", key.Protected}
		mustShow(t, families, float64(group.Images), "glance_images", labels...)
		mustShow(t, families, float(group.Size), "glance_images_size_bytes", labels...)
		if group.WithVirtual > 0 {
			mustShow(t, families, float(group.VirtualSize), "glance_images_virtual_size_bytes", labels...)
		}
	}
	if _, series := sum(families, "glance_images"); series != len(truth.Groups) {
		t.Errorf("there are %d groups, want %d", series, len(truth.Groups))
	}
	for key, condition := range truth.Conditions {
		labels := []string{"status", key.Status, "public", key.Public}
		mustShow(t, families, float64(condition.WithoutChecksum), "glance_images_without_checksum", labels...)
		mustShow(t, families, float64(condition.WithoutSize), "glance_images_without_size", labels...)
		mustShow(t, families, float64(condition.Unprotected), "glance_images_unprotected", labels...)
	}
}

func TestProgramShowsTheTruth(t *testing.T) {
	for name, service := range map[string]simcloud.Service{
		"a Glance": simcloud.Glance(), "a strict vendor": simcloud.StrictVendor(), "a lenient vendor": simcloud.LenientVendor(),
	} {
		t.Run(name, func(t *testing.T) {
			cloud, file := simulate(t, simcloud.Options{Images: 3000, Nasty: true, Service: service, Seed: 11})
			for _, img := range cloud.Images() {
				if img.Visibility == "community" { // v1.1 cannot show them, vendors have none
					cloud.Purge(img.ID)
				}
			}
			p := start(t, "--clouds-file", file, "--cloud=admin")
			for range 3 {
				mustBeTrue(t, p.scrape(), cloud.Truth("admin"))
			}
			families := p.scrape()
			mustShow(t, families, 4, "glance_scrapes_total", "cloud", "admin", "region", "")
			mustShow(t, families, 1, "glance_api_requests_total", "operation", "auth", "code", "201")
			mustShow(t, families, 1, "glance_api_info", "version", "v1.1", "admin", "true")
			mustShow(t, families, 0, "glance_scrape_errors_total")
			problems, err := promlint.NewWithMetricFamilies(values(families)).Lint()
			if err != nil {
				t.Fatal(err)
			}
			for _, problem := range problems {
				t.Errorf("%s: %s", problem.Metric, problem.Text)
			}
		})
	}
}

func values(families map[string]*dto.MetricFamily) []*dto.MetricFamily {
	list := make([]*dto.MetricFamily, 0, len(families))
	for _, family := range families {
		list = append(list, family)
	}
	return list
}

// What goes wrong shows as glance_up 0 with the right reason, counted once, in
// one log line that helps, and the next scrape is right again.
func TestProgramTellsWhatWentWrong(t *testing.T) {
	id := http.Header{"X-Openstack-Request-Id": {"req-0123"}}
	for _, tc := range []struct {
		name   string
		fault  simcloud.Fault
		reason string
		line   []string
	}{
		{"a 403", simcloud.Fault{Status: 403, Header: id}, "forbidden", []string{"status=403", "request_id=req-0123"}},
		{"a 404", simcloud.Fault{Status: 404, Header: id}, "not_found", []string{"status=404", "request_id=req-0123"}},
		{"HTML", simcloud.Fault{Kind: simcloud.Override, Body: "<html></html>"}, "decode", []string{"status=200"}},
		{"a body that is cut off", simcloud.Fault{Kind: simcloud.Cut}, "connection", []string{"status=200"}},
		{"a connection that is reset", simcloud.Fault{Kind: simcloud.Reset}, "connection", nil},
		{"no answer", simcloud.Fault{Kind: simcloud.Hang}, "timeout", []string{"last_whole_read="}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cloud, file := simulate(t, simcloud.Options{Images: 50})
			p := start(t, "--clouds-file", file, "--cloud=member", "--scrape.timeout=3s")
			mustBeTrue(t, p.scrape(), cloud.Truth("member"))
			before := strings.Count(p.log.String(), "\n")
			tc.fault.Operation = "list"
			cloud.Inject(tc.fault)
			families := p.scrape()
			mustShow(t, families, 0, "glance_up")
			mustShow(t, families, 1, "glance_scrape_failed", "reason", tc.reason)
			mustShow(t, families, 1, "glance_scrape_failed")
			mustShow(t, families, 1, "glance_scrape_errors_total", "reason", tc.reason)
			mustShow(t, families, 1, "glance_scrape_errors_total")
			if _, series := sum(families, "glance_images"); series != 0 || families["glance_inventory_images"] != nil {
				t.Error("an inventory shows that was not read")
			}
			lines := strings.Split(strings.TrimSpace(p.log.String()), "\n")[before:]
			if len(lines) != 1 {
				t.Errorf("it logged %q", lines)
			}
			for _, part := range append(tc.line, "level=error", "reason="+tc.reason, "/v1.1/images/detail", "cloud=member") {
				if !strings.Contains(lines[0], part) {
					t.Errorf("%s is not in %s", part, lines[0])
				}
			}
			cloud.ClearFaults()
			mustBeTrue(t, p.scrape(), cloud.Truth("member"))
			if strings.Contains(p.log.String(), "memberpw") || strings.Contains(p.log.String(), cloud.Requests("list")[0].Token) {
				t.Error("a secret is in the log")
			}
		})
	}
}

// A cloud that is not there at the start is no error of the start.
func TestProgramStartsWithoutItsCloud(t *testing.T) {
	clearEnvironment(t)
	listener := listen(t)
	address := listener.Addr().String()
	listener.Close()
	cloud := simcloud.New(simcloud.Options{Images: 20})
	cloud.SetURLs("http://"+address+"/identity", "http://"+address)
	files(t, map[string]string{"clouds.yaml": string(cloud.CloudsYAML())})
	p := start(t, "--cloud=admin", "--scrape.timeout=2s")
	families := p.scrape()
	mustShow(t, families, 0, "glance_up")
	mustShow(t, families, 1, "glance_scrape_failed", "reason", "connection")
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Skipf("the port was taken: %v", err)
	}
	server := cloud.Serve(listener)
	defer server.Close()
	mustBeTrue(t, p.scrape(), cloud.Truth("admin"))
}

func TestOnce(t *testing.T) {
	cloud, file := simulate(t, simcloud.Options{Images: 500})
	openrc := map[string]string{
		"OS_AUTH_URL":   regexp.MustCompile(`http://\S+`).FindString(string(cloud.CloudsYAML())),
		"OS_USERNAME":   "admin",
		"OS_PASSWORD":   "adminpw",
		"OS_PROJECT_ID": simcloud.AdminProject, "OS_USER_DOMAIN_NAME": "Default",
	}
	for _, tc := range []struct {
		name string
		args []string
		env  map[string]string
	}{
		{"a cloud by flag", []string{"--clouds-file", file, "--cloud=admin"}, nil},
		{"a cloud by OS_CLOUD", nil, map[string]string{"OS_CLOUD": "admin", "OS_CLIENT_CONFIG_FILE": file}},
		{"an openrc", nil, openrc},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for key, value := range tc.env {
				t.Setenv(key, value)
			}
			status, stdout, stderr := execute(t, append(tc.args, "--once")...)
			if status != 0 || stderr != "" {
				t.Fatalf("status %d, standard error %q", status, stderr)
			}
			families := parse(t, stdout)
			mustBeTrue(t, families, cloud.Truth("admin"))
			for name := range families {
				if strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "glance_scrapes") {
					t.Errorf("it prints %s", name)
				}
			}
		})
	}
	t.Run("a wrong password", func(t *testing.T) {
		cloud.SetPassword("admin", "changed")
		status, stdout, stderr := execute(t, "--clouds-file", file, "--cloud=admin", "--once")
		if status != 1 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "auth: ") || !strings.Contains(stderr, "401") || strings.Contains(stderr, "adminpw") {
			t.Errorf("status %d, standard output %q, standard error %q", status, stdout, stderr)
		}
	})
}

func TestProgramFilters(t *testing.T) {
	cloud, file := simulate(t, simcloud.Options{Images: 300})
	p := start(t, "--clouds-file", file, "--cloud=admin", "--image.filter=status=active", "--image.filter=disk_format=qcow2")
	mustBeTrue(t, p.scrape(), cloud.TruthOf("admin", simcloud.V11, func(img *simcloud.Image) bool {
		return img.Status == "active" && *img.DiskFormat == "qcow2"
	}))
}

// Beyond the limit groups are folded, the same ones on each scrape, and nothing
// is lost.
func TestProgramBoundsItsGroups(t *testing.T) {
	cloud, file := simulate(t, simcloud.Options{Images: 2000, Service: simcloud.Service{Stores: true}})
	p := start(t, "--clouds-file", file, "--cloud=admin", "--image.api-version=v2", "--inventory.labels=status,owner", "--inventory.max-groups=10")
	truth := cloud.TruthOf("admin", simcloud.V2, func(*simcloud.Image) bool { return true })
	var first []string
	for range 3 {
		families := p.scrape()
		mustShow(t, families, float64(truth.Images), "glance_images")
		var kept []string
		for _, metric := range families["glance_images"].GetMetric() {
			if owner := metric.GetLabel()[0].GetValue(); owner != "other" {
				kept = append(kept, metric.String())
			}
		}
		if len(kept) > 10 || len(kept) == 0 {
			t.Errorf("%d groups are kept", len(kept))
		}
		if first != nil && !slices.Equal(kept, first) {
			t.Error("other groups are kept than before")
		}
		first = kept
		for key := range truth.Conditions {
			want := 0
			for group, sum := range truth.Groups {
				if group.Status == key.Status {
					want += sum.Images
				}
			}
			mustShow(t, families, float64(want), "glance_images", "status", key.Status)
		}
		for store, sum := range truth.Stores {
			mustShow(t, families, float64(sum.Images), "glance_store_images", "store", store)
			mustShow(t, families, float64(sum.Size.Int64()), "glance_store_images_size_bytes", "store", store)
		}
	}
}

func TestProgramShowsSingleImages(t *testing.T) {
	_, file := simulate(t, simcloud.Options{Images: 2000, Nasty: true})
	p := start(t, "--clouds-file", file, "--cloud=admin", "--image.api-version=v2", "--inventory.per-image", "--inventory.labels=property:os_distro")
	families := p.scrape()
	if _, series := sum(families, "glance_image_info"); series != 2000 {
		t.Errorf("there are %d info series", series)
	}
	single, _ := sum(families, "glance_image_size_bytes")
	mustShow(t, families, single, "glance_inventory_size_bytes")
	groups, series := sum(families, "glance_images_size_bytes")
	if groups != single || series < 4 {
		t.Errorf("single images have %v bytes, %d groups have %v", single, series, groups)
	}
}

// In the background a read may take as long as it takes, and scrapes do not
// wait.
func TestProgramReadsInTheBackground(t *testing.T) {
	cloud, file := simulate(t, simcloud.Options{Images: 50})
	cloud.Inject(simcloud.Fault{Operation: "list", Kind: simcloud.Delay, Delay: 300 * time.Millisecond})
	p := start(t, "--clouds-file", file, "--cloud=admin", "--inventory.refresh-interval=2s")
	mustBeTrue(t, p.scrape(), cloud.Truth("admin"))
	cloud.Delete(cloud.Images()[0].ID)
	want, reads := float64(cloud.Truth("admin").Images), cloud.Count("list")
	for began := time.Now(); ; {
		families := p.scrape()
		mustShow(t, families, 1, "glance_up")
		mustShow(t, families, 2, "glance_inventory_refresh_interval_seconds")
		if images, _ := sum(families, "glance_inventory_images"); images == want {
			break
		}
		if time.Since(began) > 30*time.Second {
			t.Fatal("a change does not show")
		}
	}
	if more := cloud.Count("list") - reads; more > 10 {
		t.Errorf("scrapes made %d requests", more)
	}
}

func TestProgramPaths(t *testing.T) {
	_, file := simulate(t, simcloud.Options{Images: 5})
	p := start(t, "--clouds-file", file, "--cloud=admin", "--web.telemetry-path=/m")
	for path, want := range map[string]int{
		"/": 200, "/-/healthy": 200, "/-/ready": 200, "/m": 200, "/metrics": 404, "/debug/pprof/": 404, "/nothing": 404, "/-/reload": 405,
	} {
		if got := p.get(path); got.status != want {
			t.Errorf("%s: %d: %s", path, got.status, got.body)
		}
	}
	if body := p.get("/").body; !strings.Contains(body, `href="/m"`) || !strings.Contains(body, "admin") {
		t.Errorf("the landing page is %s", body)
	}
	got := p.get("/m", "Accept", "application/openmetrics-text;version=1.0.0")
	if !strings.HasPrefix(got.header.Get("Content-Type"), "application/openmetrics-text") || !strings.HasSuffix(got.body, "# EOF\n") {
		t.Errorf("OpenMetrics is %s: ...%s", got.header.Get("Content-Type"), got.body[max(0, len(got.body)-100):])
	}
}

func TestProgramKeepsToTheTimeThatPrometheusAnnounces(t *testing.T) {
	cloud, file := simulate(t, simcloud.Options{Images: 5})
	p := start(t, "--clouds-file", file, "--cloud=admin", "--scrape.timeout=10m")
	cloud.Inject(simcloud.Fault{Operation: "list", Kind: simcloud.Hang})
	began := time.Now()
	families := parse(t, p.get("/metrics", timeoutHeader, "1").body)
	mustShow(t, families, 1, "glance_scrape_failed", "reason", "timeout")
	if took := time.Since(began); took < 400*time.Millisecond {
		t.Errorf("it did not use its time: %s", took)
	}
	if had, _ := sum(families, "glance_scrape_timeout_seconds"); had < 0.4 || had > 0.5 {
		t.Errorf("it had %v seconds", had)
	}
}

// Requests beyond the limit are turned away at once; those under way end well,
// also when the program is told to end.
func TestProgramLimitsAndDrainsRequests(t *testing.T) {
	cloud, file := simulate(t, simcloud.Options{Images: 5})
	p := start(t, "--clouds-file", file, "--cloud=admin", "--web.max-requests=1")
	held := make(chan struct{})
	asked := make(chan struct{}, 10)
	cloud.OnRequest(func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/detail") {
			asked <- struct{}{}
			<-held
		}
	})
	result := make(chan string, 1)
	go func() {
		got, err := fetch(t.Context(), oneShot(), "http://"+p.address+"/metrics")
		if err != nil {
			t.Errorf("a scrape under way: %v", err)
		}
		result <- got.body
	}()
	<-asked
	if got := p.get("/metrics"); got.status != http.StatusServiceUnavailable {
		t.Errorf("a scrape beyond the limit: %d", got.status)
	}
	if got := p.get("/-/healthy"); got.status != http.StatusOK {
		t.Errorf("health beside it: %d", got.status)
	}
	p.stop()
	close(held)
	mustShow(t, parse(t, <-result), 1, "glance_up")
	if status := p.end(); status != 0 {
		t.Errorf("it ended with %d", status)
	}
}

func TestProgramListensOnSeveralAddressesWithTLSAndBasicAuth(t *testing.T) {
	_, file := simulate(t, simcloud.Options{Images: 5})
	dir := t.TempDir()
	_, pool := testCertificate{net.IPv4(127, 0, 0, 1), time.Now().Add(time.Hour)}.write(t, dir)
	config := filepath.Join(dir, "web.yml")
	// The hash is that of the word "test", as in Prometheus's own guide.
	if err := os.WriteFile(config, []byte("tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\nbasic_auth_users:\n  prometheus: $2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "--clouds-file", file, "--cloud=admin", "--web.config.file", config, "--web.listen-address=127.0.0.1:0")
	other := <-p.log.listen
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool}}}
	for _, address := range []string{p.address, other} {
		got, err := fetch(t.Context(), client, "https://"+address+"/metrics")
		if err != nil || got.status != http.StatusUnauthorized {
			t.Errorf("%s without a password: %v, %v", address, got, err)
		}
		credentials := "Basic " + base64.StdEncoding.EncodeToString([]byte("prometheus:test"))
		got, err = fetch(t.Context(), client, "https://"+address+"/metrics", "Authorization", credentials)
		if err != nil || got.status != http.StatusOK {
			t.Errorf("%s with its password: %v, %v", address, got, err)
		}
	}
	if p.address == other {
		t.Error("there is one address only")
	}
}

func TestDemoLives(t *testing.T) {
	clearEnvironment(t)
	p := start(t, "--demo", "--demo.images=300")
	first := p.scrape()
	mustShow(t, first, 1, "glance_up")
	mustShow(t, first, 1, "glance_scrapes_total", "cloud", "demo")
	images, _ := sum(first, "glance_inventory_images")
	if images < 200 || images > 300 {
		t.Errorf("it has %v images", images)
	}
	if _, series := sum(first, "glance_images", "status", "queued"); series == 0 {
		t.Error("nothing is queued")
	}
}

// An address that is taken is told in one line, by its flag.
func TestAddressThatIsTaken(t *testing.T) {
	clearEnvironment(t)
	files(t, map[string]string{"clouds.yaml": goodClouds})
	taken := listen(t)
	defer taken.Close()
	status, _, stderr := execute(t, "--cloud=good", "--web.listen-address="+taken.Addr().String(), "--log.level=error")
	if status != 1 || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "--web.listen-address") {
		t.Errorf("status %d, standard error %q", status, stderr)
	}
}

func TestLogFormats(t *testing.T) {
	clearEnvironment(t)
	for format, want := range map[string]string{"json": `{`, "logfmt": `level=`} {
		p := start(t, "--demo", "--demo.images=5", "--log.format="+format)
		p.scrape()
		p.end()
		lines := bufio.NewScanner(strings.NewReader(p.log.String()))
		n := 0
		for lines.Scan() {
			n++
			if !strings.HasPrefix(lines.Text(), want) {
				t.Errorf("%s: line %d: %s", format, n, lines.Text())
			}
		}
	}
}
