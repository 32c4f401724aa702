// Package charts holds the Helm chart. Its tests compare the chart's own files with each
// other and with the program's; what it renders is tried by e2e/chart.
package charts

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/glance-exporter/glance_exporter/client"
	"github.com/glance-exporter/glance_exporter/collector"
	"github.com/glance-exporter/glance_exporter/dashboards"
)

var update = flag.Bool("update", false, "write the table of values in docs/kubernetes.md anew")

const (
	chart = "glance-exporter"
	page  = "../docs/kubernetes.md"
)

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// schema is what the tests read of a JSON schema.
type schema struct {
	Description          string             `json:"description"`
	Properties           map[string]*schema `json:"properties"`
	Required             []string           `json:"required"`
	AdditionalProperties any                `json:"additionalProperties"`
	Definitions          map[string]*schema `json:"definitions"`
	Items                *schema            `json:"items"`
	Pattern              string             `json:"pattern"`
}

func readSchema(t *testing.T) *schema {
	t.Helper()
	root := &schema{}
	if err := json.Unmarshal([]byte(read(t, chart, "values.schema.json")), root); err != nil {
		t.Fatal(err)
	}
	return root
}

// ofParents are the values that charts give which have this one as a part.
var ofParents = []string{"global", "enabled"}

// A value is one that users set, with its default.
type value struct {
	path    string // such as image.tag
	node    *yaml.Node
	comment string
	schema  *schema
}

// values goes through values.yaml and the schema at once. A section is what the schema
// has no description of; all else is a value, whatever it consists of.
func values(t *testing.T) []value {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(read(t, chart, "values.yaml")), &document); err != nil {
		t.Fatal(err)
	}
	var list []value
	var walk func(prefix string, node *yaml.Node, s *schema)
	walk = func(prefix string, node *yaml.Node, s *schema) {
		known := map[string]bool{}
		var required []string
		for i := 0; i < len(node.Content); i += 2 {
			key, content := node.Content[i], node.Content[i+1]
			path, property := prefix+key.Value, s.Properties[key.Value]
			known[key.Value] = true
			switch {
			case property == nil:
				t.Errorf("%s is not in the schema", path)
				continue
			case property.Description == "":
				required = append(required, key.Value)
				walk(path+".", content, property)
				continue
			case content.Kind == yaml.ScalarNode && content.Value != "":
				required = append(required, key.Value)
			}
			list = append(list, value{path, content, key.HeadComment, property})
		}
		for name := range s.Properties {
			if !known[name] && (prefix != "" || !slices.Contains(ofParents, name)) {
				t.Errorf("%s%s is in the schema, and not in values.yaml", prefix, name)
			}
		}
		// Where such a value is set to null, templates would fail in words of their own.
		slices.Sort(required)
		slices.Sort(s.Required)
		if !slices.Equal(required, s.Required) {
			t.Errorf("%q: the schema requires %s; these have a default: %s", prefix, s.Required, required)
		}
	}
	walk("", document.Content[0], readSchema(t))
	return list
}

func TestValuesAreInTheSchemaAndExplained(t *testing.T) {
	t.Parallel()
	list := values(t)
	if len(list) < 50 {
		t.Errorf("there are %d values", len(list))
	}
	for _, v := range list {
		if v.comment == "" {
			t.Errorf("values.yaml has no comment on %s", v.path)
		}
	}
}

// What a schema lets through unread is a typing error that nobody is told of.
func TestSchemaIsClosed(t *testing.T) {
	t.Parallel()
	var walk func(path string, s *schema)
	walk = func(path string, s *schema) {
		if s == nil {
			return
		}
		if open, closed := s.AdditionalProperties.(bool); s.Properties != nil && (open || !closed) {
			t.Errorf("%s takes any property", path)
		}
		for name, property := range s.Properties {
			walk(strings.TrimPrefix(path+"."+name, "."), property)
		}
		for name, definition := range s.Definitions {
			walk(name, definition)
		}
		walk(path+"[]", s.Items)
	}
	walk("", readSchema(t))
}

// ownFlags are those that users do not give to the chart, and why.
var ownFlags = map[string]string{
	"web.listen-address":          "the port of the container",
	"web.systemd-socket":          "there is no systemd",
	"web.config.file":             "webConfig",
	"web.telemetry-path":          "the monitor's path",
	"cloud":                       "cloud",
	"clouds-file":                 "where the secret is",
	"region":                      "region",
	"probe.cloud":                 "probe.clouds",
	"config.auto-reload-interval": "reloadInterval",
	"demo":                        "demo",
	"once":                        "it is a service",
	"config.check":                "it is a service",
	"version":                     "it is a service",
	"help":                        "it is a service",
}

// Every flag of the program is one of the chart's, or can be given to it.
func TestFlagsOfTheSchema(t *testing.T) {
	t.Parallel()
	taken := readSchema(t).Properties["flags"].Properties
	documented := regexp.MustCompile("(?m)^\\| `--([a-z0-9.-]+)` ").FindAllStringSubmatch(read(t, "../docs/flags.md"), -1)
	known := map[string]bool{}
	for _, match := range documented {
		name := match[1]
		known[name] = true
		if own := ownFlags[name] != ""; own == (taken[name] != nil) {
			t.Errorf("--%s is both of the chart and of its users, or neither", name)
		}
	}
	for name := range taken {
		if !known[name] {
			t.Errorf("flags.%s is no flag", name)
		}
	}
	for name := range ownFlags {
		if !known[name] {
			t.Errorf("--%s is no flag", name)
		}
	}
}

// The words that the program knows are those that the schema takes.
func TestWordsOfTheSchema(t *testing.T) {
	t.Parallel()
	flags := readSchema(t).Properties["flags"].Properties
	examples := map[string]string{"size_min": "1", "size_max": "1", "changes-since": "2026-01-31T00:00:00Z"}
	// demand compares the schema with the program on all texts.
	demand := func(name, pattern string, parse func(string) error, texts []string) {
		re := regexp.MustCompile(pattern)
		for _, text := range texts {
			if err := parse(text); re.MatchString(text) != (err == nil) {
				t.Errorf("flags.%s: %q: the schema takes it: %t; the program says: %v", name, text, re.MatchString(text), err)
			}
		}
	}

	filters := []string{"", "foo=bar", "status", "size_min=1G", "size_max=", "changes-since=yesterday", "changes-since=2026-01-31"}
	for _, key := range client.FilterKeys() {
		filters = append(filters, key+"="+examples[key], strings.ToUpper(key)+"=1")
	}
	demand("image.filter", flags["image.filter"].Items.Pattern, func(text string) error {
		_, err := client.ParseFilters([]string{text})
		return err
	}, filters)

	labels := append(collector.LabelNames(), "", "bogus", "property:", "property:os_distro", "status,bogus", "status,",
		strings.Join(collector.LabelNames(), ", ")+",property:a,property:b")
	demand("inventory.labels", flags["inventory.labels"].Pattern, func(text string) error {
		names := strings.Split(text, ",")
		for i := range names {
			names[i] = strings.TrimSpace(names[i])
		}
		_, err := collector.ParseLabels(names)
		return err
	}, labels)
}

func TestVersions(t *testing.T) {
	t.Parallel()
	var about struct {
		Version    string `yaml:"version"`
		AppVersion string `yaml:"appVersion"`
	}
	if err := yaml.Unmarshal([]byte(read(t, chart, "Chart.yaml")), &about); err != nil {
		t.Fatal(err)
	}
	if want := strings.TrimSpace(read(t, "../VERSION")); about.Version != want || about.AppVersion != want {
		t.Errorf("Chart.yaml has the versions %s and %s, VERSION has %s", about.Version, about.AppVersion, want)
	}
}

// The chart has no dashboards and rules of its own, but links to those of the program.
func TestFilesAreLinks(t *testing.T) {
	t.Parallel()
	files, err := dashboards.Files()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		names = append(names, file.Name)
		link, err := os.Readlink(filepath.Join(chart, "files", file.Name))
		if err != nil || !strings.HasPrefix(link, "../../../dashboards/") {
			t.Errorf("files/%s is no link to ../../../dashboards: %s %v", file.Name, link, err)
		}
		if read(t, chart, "files", file.Name) != string(file.Content) {
			t.Errorf("files/%s leads to something else", file.Name)
		}
	}
	entries, err := os.ReadDir(filepath.Join(chart, "files"))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !slices.Contains(names, entry.Name()) {
			t.Errorf("files/%s is none of the program's", entry.Name())
		}
	}
}

// What the chart says of the repository leads to a file of it.
func TestLinksOfTheChart(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`github\.com/glance-exporter/glance_exporter/blob/main/([A-Za-z0-9_./-]+)`)
	count := 0
	for _, file := range []string{"README.md", "Chart.yaml", "templates/NOTES.txt"} {
		for _, match := range link.FindAllStringSubmatch(read(t, chart, file), -1) {
			count++
			if _, err := os.Stat(filepath.Join("..", match[1])); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	if count < 4 {
		t.Errorf("there are %d links", count)
	}
}

// text gives a default as it is written in one line; nothing for an empty one.
func text(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.ScalarNode && node.Value == "", node.Kind != yaml.ScalarNode && len(node.Content) == 0:
		return ""
	case node.Kind == yaml.MappingNode:
		var parts []string
		for i := 0; i < len(node.Content); i += 2 {
			parts = append(parts, node.Content[i].Value+": "+text(node.Content[i+1]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case node.Tag == "!!str" && node.Style != 0:
		return fmt.Sprintf("%q", node.Value)
	default:
		return node.Value
	}
}

// The page has a table of all values, which is that of values.yaml and the schema.
func TestPageListsEveryValue(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	table.WriteString("| value | default | meaning |\n| --- | --- | --- |\n")
	for _, v := range values(t) {
		def := text(v.node)
		if def != "" {
			def = "`" + def + "` "
		}
		fmt.Fprintf(&table, "| `%s` | %s| %s |\n", v.path, def, v.schema.Description)
	}
	content := read(t, page)
	got := regexp.MustCompile(`(?m)^\| value \|.*\n(\|.*\n)*`).FindString(content)
	if got == "" {
		t.Fatalf("%s has no table of values", page)
	}
	if *update {
		if err := os.WriteFile(page, []byte(strings.Replace(content, got, table.String(), 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != table.String() {
		t.Errorf("the table of %s is not what the chart says (go test ./charts -update renews it); want\n%s", page, table.String())
	}
}
