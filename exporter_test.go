package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

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

// entry writes a cloud of clouds.yaml: a user of a simulated cloud, and lines of
// its own.
func entry(name string, cloud *simcloud.Cloud, user, password string, lines ...string) string {
	text := fmt.Sprintf(`  %q:
    auth:
      auth_url: %s
      username: %s
      password: %s
      project_name: p
      user_domain_name: Default
      project_domain_name: Default
`, name, authURL(cloud), user, password)
	for _, line := range lines {
		text += "    " + line + "\n"
	}
	return text
}

func authURL(cloud *simcloud.Cloud) string {
	return regexp.MustCompile(`https?://\S+`).FindString(string(cloud.CloudsYAML()))
}

// writeClouds writes clouds.yaml into the working directory.
func writeClouds(t *testing.T, entries ...string) {
	t.Helper()
	files(t, map[string]string{"clouds.yaml": "clouds:\n" + strings.Join(entries, "")})
}

// listen takes a port on loopback.
func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// serveCloud serves a simulated cloud on loopback.
func serveCloud(t *testing.T, options simcloud.Options) *simcloud.Cloud {
	t.Helper()
	cloud := simcloud.New(options)
	server := cloud.Serve(listen(t))
	t.Cleanup(func() { _ = server.Close() })
	return cloud
}
