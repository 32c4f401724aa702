package main

import (
	"context"
	"io/fs"
	"maps"
	"net"
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

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"

	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// Every file of examples/, and the test that holds it. What takes a tool is done by
// e2e/compose.
var exampleTests = map[string]func(t *testing.T){
	"README.md":                             TestExamplesIndex,
	"alertmanager.yml":                      TestExampleAlertmanager,
	"clouds.yaml":                           TestExampleClouds,
	"compose.yaml":                          TestExampleCompose,
	"compose/grafana/dashboards/glance.yml": TestExampleGrafanaDashboards,
	"compose/grafana/datasources/prometheus.yml": TestExampleGrafanaSource,
	"compose/prometheus.yml":                     TestExampleComposePrometheus,
	"limits.yml":                                 TestExampleLimits,
	"prometheus.yml":                             TestExamplePrometheus,
	"systemd/glance_exporter.default":            TestExampleDefaults,
	"systemd/override.conf":                      TestExampleOverride,
	"web.yml":                                    TestExampleWeb,
}

const examplesDir = "examples"

// exampleFiles lists them, by their paths below examples/.
func exampleFiles(t *testing.T) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS(examplesDir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestEveryExampleHasItsTest(t *testing.T) {
	there := exampleFiles(t)
	for _, name := range there {
		if exampleTests[name] == nil {
			t.Errorf("%s/%s has no test", examplesDir, name)
		}
	}
	for name := range exampleTests {
		if !slices.Contains(there, name) {
			t.Errorf("there is no %s/%s", examplesDir, name)
		}
	}
}

// The index has a row for every file, and no other.
func TestExamplesIndex(t *testing.T) {
	const file = examplesDir + "/README.md"
	var listed []string
	for _, row := range tables(t, file)["file"] {
		listed = append(listed, row[0])
		if len(row) != 3 || slices.Contains(row, "") {
			t.Errorf("%s: it is not said what it is for, and how it is checked", row[0])
		}
	}
	for _, name := range exampleFiles(t) {
		link := "[" + name + "](" + name + ")"
		if name != path.Base(file) && !slices.Contains(listed, link) {
			t.Errorf("there is no row for %s", name)
		}
	}
	if want := len(exampleFiles(t)) - 1; len(listed) != want {
		t.Errorf("it has %d rows, there are %d files", len(listed), want)
	}
}

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// strictly decodes YAML into a form, which has to know every key.
func strictly[T any](t *testing.T, text string) (form T) {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&form); err != nil {
		t.Fatal(err)
	}
	return form
}

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

// prometheusFile is what the examples have of a Prometheus's configuration; promtool
// checks the whole of it.
type prometheusFile struct {
	Global struct {
		ScrapeInterval     string `yaml:"scrape_interval"`
		EvaluationInterval string `yaml:"evaluation_interval"`
	} `yaml:"global"`
	RuleFiles []string `yaml:"rule_files"`
	Alerting  struct {
		Alertmanagers []struct {
			StaticConfigs []staticConfig `yaml:"static_configs"`
		} `yaml:"alertmanagers"`
	} `yaml:"alerting"`
	ScrapeConfigs []struct {
		JobName        string         `yaml:"job_name"`
		HonorLabels    bool           `yaml:"honor_labels"`
		MetricsPath    string         `yaml:"metrics_path"`
		ScrapeInterval string         `yaml:"scrape_interval"`
		ScrapeTimeout  string         `yaml:"scrape_timeout"`
		StaticConfigs  []staticConfig `yaml:"static_configs"`
		RelabelConfigs []struct {
			SourceLabels []string `yaml:"source_labels"`
			TargetLabel  string   `yaml:"target_label"`
			Replacement  string   `yaml:"replacement"`
		} `yaml:"relabel_configs"`
	} `yaml:"scrape_configs"`
}

type staticConfig struct {
	Targets []string          `yaml:"targets"`
	Labels  map[string]string `yaml:"labels"`
}

// alertmanagers gives their addresses.
func (p *prometheusFile) alertmanagers() (addresses []string) {
	for _, group := range p.Alerting.Alertmanagers {
		for _, static := range group.StaticConfigs {
			addresses = append(addresses, static.Targets...)
		}
	}
	return addresses
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

// A cloudRegion is a cloud and one of its regions.
type cloudRegion struct{ cloud, region string }

// examplePlaces gives those of examples/clouds.yaml.
func examplePlaces(t *testing.T) []cloudRegion {
	t.Helper()
	var file struct {
		Clouds map[string]struct {
			RegionName string   `yaml:"region_name"`
			Regions    []string `yaml:"regions"`
		} `yaml:"clouds"`
	}
	if err := yaml.Unmarshal([]byte(readText(t, path.Join(examplesDir, "clouds.yaml"))), &file); err != nil {
		t.Fatal(err)
	}
	var places []cloudRegion
	for name, cloud := range file.Clouds {
		for _, region := range append(cloud.Regions, cloud.RegionName) {
			if region != "" {
				places = append(places, cloudRegion{name, region})
			}
		}
	}
	return places
}

// Every cloud is one that the exporter would serve; they are those of the page.
func TestExampleClouds(t *testing.T) {
	const file = examplesDir + "/clouds.yaml"
	text := readText(t, file)
	documented := snippets(t, "clouds")
	clearEnvironment(t)
	files(t, map[string]string{"clouds.yaml": text})
	status, out, errs := execute(t, "--config.check", "--clouds-file=clouds.yaml")
	if status != 0 {
		t.Fatal(errs)
	}
	var entries map[string]map[string]any
	if err := yaml.Unmarshal([]byte(text), &entries); err != nil {
		t.Fatal(err)
	}
	for name, entry := range entries["clouds"] {
		if !strings.Contains(out, name) {
			t.Errorf("%s is not served: %s", name, out)
		}
		if name != "openstack" && !slices.ContainsFunc(documented, func(f fence) bool {
			var page map[string]map[string]any
			return yaml.Unmarshal([]byte(f.text), &page) == nil && reflect.DeepEqual(page["clouds"][name], entry)
		}) {
			t.Errorf("%s is not as the page has it", name)
		}
	}
	for _, name := range []string{"openstack", "otc", "huawei"} {
		if entries["clouds"][name] == nil {
			t.Errorf("there is no %s", name)
		}
	}
}

// The targets are the clouds and regions of clouds.yaml; e2e/probe scrapes them.
func TestExamplePrometheus(t *testing.T) {
	const file = examplesDir + "/prometheus.yml"
	config := strictly[prometheusFile](t, readText(t, file))
	if len(config.alertmanagers()) != 1 || len(config.RuleFiles) == 0 {
		t.Error("nobody hears of alerts")
	}
	var targets []cloudRegion
	for _, job := range config.ScrapeConfigs {
		if job.MetricsPath != "/probe" {
			continue
		}
		for _, static := range job.StaticConfigs {
			for _, target := range static.Targets {
				targets = append(targets, cloudRegion{target, static.Labels["region"]})
			}
		}
	}
	sameElements(t, targets, examplePlaces(t))
}

func sameElements[E comparable](t *testing.T, got, want []E) {
	t.Helper()
	for _, e := range got {
		if !slices.Contains(want, e) {
			t.Errorf("%v is too many: %v", e, want)
		}
	}
	for _, e := range want {
		if !slices.Contains(got, e) {
			t.Errorf("%v is not there: %v", e, got)
		}
	}
}

// Every limit is for a target that there is.
func TestExampleLimits(t *testing.T) {
	const file = examplesDir + "/limits.yml"
	rules := strictly[rulesFile](t, readText(t, file))
	selector := regexp.MustCompile(`glance_up\{cloud="([^"]+)"(?:, region="([^"]+)")?\}`)
	found := selector.FindAllStringSubmatch(rules.Groups[0].Rules[0].Expr, -1)
	for _, match := range found {
		if !slices.ContainsFunc(examplePlaces(t), func(p cloudRegion) bool { return p.cloud == match[1] && (match[2] == "" || p.region == match[2]) }) {
			t.Errorf("there is no target for %s", match[0])
		}
	}
	if len(found) < 2 || rules.Groups[0].Rules[0].Record != "glance:size_limit_bytes" {
		t.Errorf("it has %d limits", len(found))
	}
}

// rulesFile is the form of rules; promtool checks more.
type rulesFile struct {
	Groups []struct {
		Name  string `yaml:"name"`
		Rules []struct {
			Alert       string            `yaml:"alert"`
			Record      string            `yaml:"record"`
			Expr        string            `yaml:"expr"`
			For         string            `yaml:"for"`
			Labels      map[string]string `yaml:"labels"`
			Annotations map[string]string `yaml:"annotations"`
		} `yaml:"rules"`
	} `yaml:"groups"`
}

// A route is one of an Alertmanager's.
type route struct {
	Receiver       string   `yaml:"receiver"`
	Matchers       []string `yaml:"matchers"`
	GroupBy        []string `yaml:"group_by"`
	GroupWait      string   `yaml:"group_wait"`
	RepeatInterval string   `yaml:"repeat_interval"`
	Routes         []route  `yaml:"routes"`
}

// alertmanagerFile is what the example has; amtool checks more.
type alertmanagerFile struct {
	Route        route `yaml:"route"`
	InhibitRules []struct {
		SourceMatchers []string `yaml:"source_matchers"`
		TargetMatchers []string `yaml:"target_matchers"`
		Equal          []string `yaml:"equal"`
	} `yaml:"inhibit_rules"`
	Receivers []struct {
		Name string `yaml:"name"`
	} `yaml:"receivers"`
}

// Every receiver is there and used, and whatever a matcher names is in the rules.
// Which alert goes where, and what holds back what, is tried by e2e/compose.
func TestExampleAlertmanager(t *testing.T) {
	const file = examplesDir + "/alertmanager.yml"
	if got := readCompose(t).source(t, "alertmanager", "/etc/alertmanager/alertmanager.yml"); got != file {
		t.Errorf("the compose file's Alertmanager reads %q", got)
	}
	config := strictly[alertmanagerFile](t, readText(t, file))
	var named, receivers, matchers, labels []string
	var walk func(r *route)
	walk = func(r *route) {
		if r.Receiver != "" {
			named = append(named, r.Receiver)
		}
		matchers, labels = append(matchers, r.Matchers...), append(labels, r.GroupBy...)
		for i := range r.Routes {
			walk(&r.Routes[i])
		}
	}
	walk(&config.Route)
	for _, receiver := range config.Receivers {
		receivers = append(receivers, receiver.Name)
	}
	sameElements(t, named, receivers)
	for _, rule := range config.InhibitRules {
		matchers, labels = append(matchers, rule.SourceMatchers...), append(labels, rule.Equal...)
		matchers = append(matchers, rule.TargetMatchers...)
	}
	for _, label := range labels {
		if !slices.Contains(append(targetLabels, "alertname"), label) {
			t.Errorf("alerts have no label %s", label)
		}
	}
	mustBeOfTheRules(t, matchers)
}

func mustBeOfTheRules(t *testing.T, matchers []string) {
	t.Helper()
	known := map[string][]string{}
	for _, file := range []string{"alerts.yml", "alerts-operators.yml"} {
		for _, group := range strictly[rulesFile](t, readText(t, "dashboards/rules/"+file)).Groups {
			for _, rule := range group.Rules {
				known["alertname"] = append(known["alertname"], rule.Alert)
				known["severity"] = append(known["severity"], rule.Labels["severity"])
			}
		}
	}
	form := regexp.MustCompile(`^([a-z]+)(=~|!~|!=|=)"(.*)"$`)
	for _, text := range matchers {
		match := form.FindStringSubmatch(text)
		if match == nil {
			t.Errorf("%s is no matcher", text)
			continue
		}
		if match[1] == "cloud" && match[3] == "" {
			continue
		}
		for part := range strings.SplitSeq(match[3], "|") {
			pattern := regexp.MustCompile("^(?:" + part + ")$")
			if !slices.ContainsFunc(known[match[1]], pattern.MatchString) {
				t.Errorf("%s: no alert has that", text)
			}
		}
	}
}

// unitArguments gives the arguments of the service whose variable ARGS is in a file.
func unitArguments(t *testing.T, file string) []string {
	t.Helper()
	match := regexp.MustCompile(`(?m)^ARGS="([^"]*)"$`).FindStringSubmatch(readText(t, file))
	if match == nil {
		t.Fatalf("%s does not set ARGS", file)
	}
	return strings.Fields(match[1])
}

// The flags serve the clouds of examples/clouds.yaml, from where the package has it.
func TestExampleDefaults(t *testing.T) {
	const file = examplesDir + "/systemd/glance_exporter.default"
	const installed = "/etc/glance_exporter/clouds.yaml"
	args, clouds, places := unitArguments(t, file), readText(t, path.Join(examplesDir, "clouds.yaml")), examplePlaces(t)
	if !slices.Contains(args, "--clouds-file="+installed) || !slices.Contains(unitArguments(t, "packaging/glance_exporter.default"), "--clouds-file="+installed) {
		t.Errorf("it does not read %s, as the package does: %s", installed, args)
	}
	var probed []string
	for _, arg := range args {
		if name, found := strings.CutPrefix(arg, "--probe.cloud="); found {
			probed = append(probed, name)
		}
	}
	for _, p := range places {
		if !slices.Contains(probed, p.cloud) {
			t.Errorf("%s cannot be probed", p.cloud)
		}
	}
	clearEnvironment(t)
	files(t, map[string]string{"clouds.yaml": clouds})
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], installed, "clouds.yaml")
	}
	if status, out, errs := execute(t, append(args, "--config.check")...); status != 0 {
		t.Errorf("%s: %s%s", args, out, errs)
	}
}

// What is added to the unit runs the unit's program with the unit's arguments, and
// then does what the unit did.
func TestExampleOverride(t *testing.T) {
	const file = examplesDir + "/systemd/override.conf"
	unit, added := readText(t, "packaging/glance_exporter.service"), readText(t, file)
	value := func(text, key string) []string {
		var values []string
		for _, match := range regexp.MustCompile(`(?m)^`+key+`=(.*)$`).FindAllStringSubmatch(text, -1) {
			values = append(values, match[1])
		}
		return values
	}
	program, args, _ := strings.Cut(value(unit, "ExecStart")[0], " ")
	want := []string{"", program + " --config.check " + args, value(unit, "ExecReload")[0]}
	if got := value(added, "ExecReload"); !slices.Equal(got, want) {
		t.Errorf("ExecReload is %q, want %q", got, want)
	}
}

// It is a file for --web.config.file, and has the password of the page.
func TestExampleWeb(t *testing.T) {
	const file = examplesDir + "/web.yml"
	text, documented := readText(t, file), snippets(t, "tls_server_config")[0].text
	var got, want map[string]any
	if yaml.Unmarshal([]byte(text), &got) != nil || yaml.Unmarshal([]byte(documented), &want) != nil || !reflect.DeepEqual(got, want) {
		t.Error("it is not as the page has it")
	}
	clearEnvironment(t)
	testCertificate{host: net.IPv4(127, 0, 0, 1), until: time.Now().Add(time.Hour)}.write(t, ".")
	files(t, map[string]string{"web.yml": placed(text)})
	if err := web.Validate("web.yml"); err != nil {
		t.Error(err)
	}
}
