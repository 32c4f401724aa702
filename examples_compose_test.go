package main

import (
	"context"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// composeFile is what compose.yaml has. e2e/compose checks it against the whole schema.
type composeFile struct {
	Name     string `yaml:"name"`
	Services map[string]struct {
		Image      string `yaml:"image"`
		PullPolicy string `yaml:"pull_policy"`
		Build      struct {
			Context string `yaml:"context"`
		} `yaml:"build"`
		Command     []string          `yaml:"command"`
		Environment map[string]string `yaml:"environment"`
		Ports       []string          `yaml:"ports"`
		Volumes     []string          `yaml:"volumes"`
		ReadOnly    bool              `yaml:"read_only"`
		CapDrop     []string          `yaml:"cap_drop"`
		SecurityOpt []string          `yaml:"security_opt"`
		DependsOn   []string          `yaml:"depends_on"`
		Healthcheck struct {
			Test     []string `yaml:"test"`
			Interval string   `yaml:"interval"`
			Timeout  string   `yaml:"timeout"`
			Retries  int      `yaml:"retries"`
		} `yaml:"healthcheck"`
	} `yaml:"services"`
	Volumes map[string]any `yaml:"volumes"`
}

func readCompose(t *testing.T) composeFile {
	t.Helper()
	return strictly[composeFile](t, readText(t, path.Join(examplesDir, "compose.yaml")))
}

// mounts gives what a service finds at which path: files of the repository, and
// volumes by their names.
func (c composeFile) mounts(t *testing.T, service string) map[string]string {
	t.Helper()
	mounts := map[string]string{}
	for _, volume := range c.Services[service].Volumes {
		parts := strings.Split(volume, ":")
		if len(parts) < 2 {
			t.Fatalf("%s: %s is no mount", service, volume)
		}
		source := parts[0]
		if strings.HasPrefix(source, ".") {
			if source = path.Join(examplesDir, source); len(parts) != 3 || parts[2] != "ro" {
				t.Errorf("%s: %s is not mounted to be read only", service, volume)
			}
			if _, err := os.Stat(source); err != nil {
				t.Errorf("%s: %v", service, err)
			}
		} else if _, declared := c.Volumes[source]; !declared {
			t.Errorf("%s: there is no volume %s", service, source)
		}
		mounts[parts[1]] = source
	}
	return mounts
}

// source gives what a service finds at a path, "" for nothing.
func (c composeFile) source(t *testing.T, service, file string) string {
	t.Helper()
	for target, source := range c.mounts(t, service) {
		if rest, within := strings.CutPrefix(file, target); within && (rest == "" || rest[0] == '/') {
			return source + rest
		}
	}
	return ""
}

// Where the services listen.
var composePorts = map[string]string{"exporter": strings.TrimPrefix(defaultAddress, ":"), "prometheus": "9090", "alertmanager": "9093", "grafana": "3000"}

func TestExampleCompose(t *testing.T) {
	compose := readCompose(t)
	if got, want := slices.Sorted(maps.Keys(compose.Services)), slices.Sorted(maps.Keys(composePorts)); !slices.Equal(got, want) {
		t.Fatalf("there are the services %s, not %s", got, want)
	}
	pinned := regexp.MustCompile(`^[a-z-]+/[a-z_]+:v?\d+\.\d+\.\d+$`)
	for name, service := range compose.Services {
		if name != "exporter" && !pinned.MatchString(service.Image) {
			t.Errorf("%s: %s is no short name with a version", name, service.Image)
		}
		if want := "127.0.0.1:" + composePorts[name] + ":" + composePorts[name]; !slices.Equal(service.Ports, []string{want}) {
			t.Errorf("%s: ports %s, want %s", name, service.Ports, want)
		}
		if !slices.Equal(service.CapDrop, []string{"ALL"}) || !slices.Equal(service.SecurityOpt, []string{"no-new-privileges:true"}) {
			t.Errorf("%s: it has rights", name)
		}
		for _, other := range service.DependsOn {
			if compose.Services[other].Image == "" {
				t.Errorf("%s: depends on %s, which is not there", name, other)
			}
		}
		compose.mounts(t, name)
		health := strings.Join(service.Healthcheck.Test, " ")
		if want := "http://localhost:" + composePorts[name]; name != "exporter" && !strings.Contains(health, want) {
			t.Errorf("%s: its healthcheck does not ask %s: %s", name, want, health)
		}
		for _, flag := range service.Command {
			option, value, _ := strings.Cut(flag, "=")
			if strings.HasPrefix(value, "/") && compose.source(t, name, value) == "" {
				t.Errorf("%s: %s: nothing is mounted at %s", name, option, value)
			}
		}
	}

	exporter := compose.Services["exporter"]
	if _, err := os.Stat(path.Join(examplesDir, exporter.Build.Context, "Dockerfile")); err != nil {
		t.Error(err)
	}
	if !exporter.ReadOnly || len(exporter.Volumes) > 0 {
		t.Error("the exporter may write")
	}
	if len(exporter.Healthcheck.Test) > 0 {
		t.Error("the exporter's image has nothing that could check its health")
	}
	cfg, err := parseFlags(exporter.Command, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if err := cfg.validate(); err != nil || !cfg.demo || !slices.Equal(*cfg.web.WebListenAddresses, []string{defaultAddress}) {
		t.Errorf("%s: %v", exporter.Command, err)
	}

	grafana := compose.Services["grafana"].Environment
	if home := compose.source(t, "grafana", grafana["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]); home != "dashboards/image-inventory.json" {
		t.Errorf("Grafana's home is %q", home)
	}
	if grafana["GF_AUTH_ANONYMOUS_ORG_ROLE"] != "Viewer" || grafana["GF_AUTH_BASIC_ENABLED"] != "false" || grafana["GF_AUTH_DISABLE_LOGIN_FORM"] != "true" {
		t.Error("whoever reaches Grafana may change it")
	}
}

// As fast as the compose file has the demo live, it gives cause for the same alerts
// whenever somebody looks.
func TestExampleComposeHasAlerts(t *testing.T) {
	cfg, err := parseFlags(readCompose(t).Services["exporter"].Command, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		cloud := simcloud.New(simcloud.Options{Seed: 1, Images: cfg.demoImages, Lived: true, Service: simcloud.Service{Stores: true}})
		ctx, cancel := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer cancel()
		go cloud.Live(ctx, simcloud.Pace{Speed: cfg.demoSpeed})
		for minute := 0; minute <= 80; minute += 10 {
			stuck, failed, unprotected := false, 0, 0
			for key, is := range cloud.TruthOf("admin", simcloud.V2, func(*simcloud.Image) bool { return true }).Conditions {
				stuck = stuck || slices.Contains([]string{"saving", "uploading", "importing"}, key.Status) && time.Since(is.OldestUpdate) > time.Hour
				failed += is.FailedImport
				if key.Status == "active" && key.Public == "true" {
					unprotected += is.Unprotected
				}
			}
			if !stuck || failed == 0 || unprotected == 0 {
				t.Errorf("after %d minutes: stuck %t, %d failed imports, %d public images unprotected", minute, stuck, failed, unprotected)
			}
			time.Sleep(10 * time.Minute)
		}
	})
}

// Every target is a service of the compose file, and every rule file is there.
func TestExampleComposePrometheus(t *testing.T) {
	const file = examplesDir + "/compose/prometheus.yml"
	compose := readCompose(t)
	if got := compose.source(t, "prometheus", "/etc/prometheus/prometheus.yml"); got != file {
		t.Errorf("Prometheus reads %s", got)
	}
	config := strictly[prometheusFile](t, readText(t, file))
	if got := config.alertmanagers(); !slices.Equal(got, []string{"alertmanager:" + composePorts["alertmanager"]}) {
		t.Errorf("alerts go to %s", got)
	}
	if len(config.ScrapeConfigs) != 1 || config.ScrapeConfigs[0].JobName != "glance" || !config.ScrapeConfigs[0].HonorLabels {
		t.Fatal("it is not the job of the README")
	}
	target := config.ScrapeConfigs[0].StaticConfigs[0]
	if !slices.Equal(target.Targets, []string{"exporter:" + composePorts["exporter"]}) || target.Labels["cloud"] != demoCloud {
		t.Errorf("it scrapes %v", target)
	}
	var loaded []string
	for _, pattern := range config.RuleFiles {
		names, err := filepath.Glob(compose.source(t, "prometheus", pattern))
		if err != nil {
			t.Fatal(err)
		}
		loaded = append(loaded, names...)
	}
	if want := []string{"dashboards/rules/alerts-operators.yml", "dashboards/rules/alerts.yml"}; !slices.Equal(loaded, want) {
		t.Errorf("it loads %s, not %s", loaded, want)
	}
}

// The data source is the compose file's Prometheus, of the form that the page has.
func TestExampleGrafanaSource(t *testing.T) {
	const file = examplesDir + "/compose/grafana/datasources/prometheus.yml"
	if got := readCompose(t).source(t, "grafana", "/etc/grafana/provisioning/datasources/"+path.Base(file)); got != file {
		t.Errorf("Grafana reads %q", got)
	}
	type sources struct {
		APIVersion  int `yaml:"apiVersion"`
		Datasources []struct {
			Name      string            `yaml:"name"`
			UID       string            `yaml:"uid"`
			Type      string            `yaml:"type"`
			Access    string            `yaml:"access"`
			URL       string            `yaml:"url"`
			IsDefault bool              `yaml:"isDefault"`
			JSONData  map[string]string `yaml:"jsonData"`
		} `yaml:"datasources"`
	}
	got, page := strictly[sources](t, readText(t, file)), strictly[sources](t, snippets(t, "datasources")[0].text)
	if len(got.Datasources) != 1 || got.APIVersion != 1 {
		t.Fatalf("it has %d data sources, of version %d", len(got.Datasources), got.APIVersion)
	}
	source, documented := got.Datasources[0], page.Datasources[0]
	if source.URL != "http://prometheus:"+composePorts["prometheus"] {
		t.Errorf("it asks %s", source.URL)
	}
	documented.URL, documented.UID, documented.JSONData = source.URL, source.UID, source.JSONData
	if !reflect.DeepEqual(source, documented) {
		t.Errorf("%+v is not what the page has: %+v", source, documented)
	}
}

// The provider is the one of the page, and finds both dashboards.
func TestExampleGrafanaDashboards(t *testing.T) {
	const file = examplesDir + "/compose/grafana/dashboards/glance.yml"
	compose := readCompose(t)
	if got := compose.source(t, "grafana", "/etc/grafana/provisioning/dashboards/"+path.Base(file)); got != file {
		t.Errorf("Grafana reads %q", got)
	}
	type providers struct {
		APIVersion int `yaml:"apiVersion"`
		Providers  []struct {
			Name           string            `yaml:"name"`
			Folder         string            `yaml:"folder"`
			Type           string            `yaml:"type"`
			AllowUIUpdates bool              `yaml:"allowUiUpdates"`
			Options        map[string]string `yaml:"options"`
		} `yaml:"providers"`
	}
	got, page := strictly[providers](t, readText(t, file)), strictly[providers](t, snippets(t, "providers")[0].text)
	if !reflect.DeepEqual(got, page) {
		t.Errorf("%+v is not what the page has: %+v", got, page)
	}
	var found []string
	for target, source := range compose.mounts(t, "grafana") {
		if path.Dir(target) == got.Providers[0].Options["path"] {
			found = append(found, source)
		}
	}
	slices.Sort(found)
	if want, _ := filepath.Glob("dashboards/*.json"); !slices.Equal(found, want) || len(want) != 2 {
		t.Errorf("it finds %s, not %s", found, want)
	}
}
