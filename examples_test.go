package main

import (
	"io/fs"
	"net"
	"os"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"
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
