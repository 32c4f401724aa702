//go:build e2e

package dashboards

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glance-exporter/glance_exporter/e2e/harness"
	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// limit is what examples/limits.yml shows, for the demo: so low that its bytes
// are beyond it.
const limit = `
groups:
  - name: limits
    rules:
      - record: glance:size_limit_bytes
        expr: 0 * glance_up{cloud="demo"} + 2^40
`

// config has the jobs of the README: two demos, the exporter with clouds behind
// /probe, and one that is down.
const config = `
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [%[1]q, limits.yml]
scrape_configs:
  - job_name: demo
    honor_labels: true
    static_configs:
      - {targets: [%[2]q], labels: {cloud: demo, region: RegionOne}}
      - {targets: [%[3]q], labels: {cloud: owners, region: RegionTwo}}
  - job_name: glance_exporter
    honor_labels: true
    static_configs: [{targets: [%[4]q, "127.0.0.1:1"]}]
  - job_name: glance
    metrics_path: /probe
    static_configs: [{targets: [steady, broken, refused]}]
    relabel_configs:
      - {source_labels: [__address__], target_label: cloud}
      - {source_labels: [cloud], target_label: __param_cloud}
      - {target_label: __address__, replacement: %[4]q}
`

// A world is a Prometheus with exporters of every kind that it scrapes.
type world struct {
	*harness.Prometheus
	config string
}

// start starts a world with the rules and with a past.
func start(t *testing.T) *world {
	t.Helper()
	binary := harness.Build(t, t.TempDir())
	// Of the second that a scrape has, half is little on a busy machine.
	const offset = "--scrape.timeout-offset=100ms"
	// An hour passes in a minute, so that some moments of failure do as well. Reads
	// in the background have time to ride them out.
	plain := harness.StartDemo(t, binary, offset, "--demo.images=600", "--demo.speed=60")
	owners := harness.StartDemo(t, binary, offset, "--demo.images=300", "--demo.speed=60",
		"--inventory.labels=status,disk_format,public,protected,visibility,owner,property:os_distro,property:image_type",
		"--inventory.max-groups=100", "--inventory.per-image", "--inventory.refresh-interval=15s")
	probed := harness.StartExporter(t, binary, clouds(t), offset)
	probed.ReloadInVain(t, "clouds: [")

	rules, err := filepath.Abs("../../dashboards/rules/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "limits.yml"), []byte(limit), 0o600); err != nil {
		t.Fatal(err)
	}
	remember(t, dir, plain, "job", "demo", "instance", plain.Address, "cloud", "demo", "region", "RegionOne")
	filled := fmt.Sprintf(config, rules, plain.Address, owners.Address, probed.Address)
	return &world{harness.StartPrometheusIn(t, dir, filled), filled}
}

// clouds starts the clouds behind /probe, and gives their clouds.yaml.
func clouds(t *testing.T) string {
	t.Helper()
	serve := func(options simcloud.Options) *simcloud.Cloud {
		cloud := simcloud.New(options)
		harness.ServeCloud(t, cloud)
		return cloud
	}
	steady := serve(simcloud.Options{Seed: 2, Images: 300, Lived: true})
	go steady.Live(t.Context(), simcloud.Pace{Speed: 60})
	broken := serve(simcloud.Options{Seed: 3, Images: 10})
	broken.Inject(simcloud.Fault{Operation: "list", Status: 500})
	return "clouds:\n" + harness.CloudEntry("steady", steady) + harness.CloudEntry("broken", broken) +
		strings.Replace(harness.CloudEntry("refused", steady), simcloud.AdminPassword, "wrong", 1)
}

// Of the past, the metrics by group are remembered for a day and a bit, and the
// totals from a week ago as well. There is a sample often enough for Prometheus
// to take it for the value of all times until the next.
const (
	pastStep = 4 * time.Minute
	pastDay  = 26 * time.Hour
	pastWeek = 7 * 24 * time.Hour
	weekEdge = 20 * time.Minute // on either side of a week ago
	growth   = 0.05             // a day
)

var remembered = []string{
	"glance_inventory_images", "glance_inventory_size_bytes", "glance_images", "glance_images_size_bytes", "glance_up",
}

// remember makes the blocks of a past in which the demo grew to what it is now.
func remember(t *testing.T, dir string, demo *harness.Exporter, target ...string) {
	t.Helper()
	var now harness.Metrics
	harness.Eventually(t, 20*time.Second, "the demo is up", func() bool {
		now = demo.Scrape(t, "/metrics", 10*time.Second)
		return now.Up()
	})
	file := filepath.Join(dir, "past.txt")
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	buffer := bufio.NewWriter(out)
	end := time.Now().Add(-time.Minute)
	for _, name := range remembered {
		fmt.Fprintf(buffer, "# TYPE %s gauge\n", name)
		for labels, value := range now[name] {
			series := strings.Trim(labels+","+harness.Labels(target...), ",")
			sample := func(age time.Duration) {
				past := value
				if name != "glance_up" {
					past = value * (1 - growth*age.Hours()/24)
				}
				fmt.Fprintf(buffer, "%s{%s} %f %d\n", name, series, past, end.Add(-age).Unix())
			}
			if strings.HasPrefix(name, "glance_inventory") {
				for age := pastWeek + weekEdge; age >= pastWeek-weekEdge; age -= pastStep {
					sample(age)
				}
			}
			for age := pastDay; age >= 0; age -= pastStep {
				sample(age)
			}
		}
	}
	fmt.Fprintln(buffer, "# EOF")
	if err := buffer.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	harness.Run(t, harness.CleanEnv(), "promtool", "tsdb", "create-blocks-from", "openmetrics", "-q", file, filepath.Join(dir, "tsdb"))
}
