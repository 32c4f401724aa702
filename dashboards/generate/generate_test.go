package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The dashboards in the repository are those that are generated.
func TestCommitted(t *testing.T) {
	const directory = ".."
	if *update {
		if err := write(directory); err != nil {
			t.Fatal(err)
		}
	}
	for name, d := range files() {
		want, err := encode(d)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(directory, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what is generated; run: make dashboards", name)
		}
	}
}

// The documentation says how to read every panel.
func TestDocumented(t *testing.T) {
	docs, err := os.ReadFile(filepath.Join("..", "..", "docs", "dashboards.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range eachPanel {
		if !bytes.Contains(docs, []byte(p.Title)) {
			t.Errorf("docs/dashboards.md does not mention %s", name)
		}
	}
}

// flat gives all panels, those of collapsed rows too.
func flat(d *dashboard) []*panel {
	var list []*panel
	for _, p := range d.Panels {
		list = append(append(list, p), inside(p)...)
	}
	return list
}

// inside gives the panels of a collapsed row.
func inside(p *panel) []*panel {
	if p.Panels == nil {
		return nil
	}
	return *p.Panels
}

// eachPanel gives each panel that is no row, and what to call it.
func eachPanel(yield func(string, *panel) bool) {
	for name, d := range files() {
		for _, p := range flat(d) {
			if p.Type != "row" && !yield(name+"/"+p.Title, p) {
				return
			}
		}
	}
}

func TestPanels(t *testing.T) {
	// Those that come with Grafana, from 9.3 on.
	core := []string{"timeseries", "stat", "table", "piechart", "bargauge", "heatmap", "state-timeline", "text"}
	for name, p := range eachPanel {
		t.Run(name, func(t *testing.T) {
			if !slices.Contains(core, p.Type) {
				t.Errorf("the type %q is none of %s", p.Type, core)
			}
			if !strings.HasSuffix(p.Description, ".") {
				t.Errorf("the description is no sentence: %q", p.Description)
			}
			if p.Datasource == nil || p.Datasource.UID != "${datasource}" {
				t.Errorf("the data source is %v", p.Datasource)
			}
			if p.Type == "text" {
				return
			}
			if len(p.Targets) == 0 || p.FieldConfig.Defaults.Unit == "" {
				t.Error("there is no query or no unit")
			}
			if spans, ok := p.FieldConfig.Defaults.Custom["spanNulls"].(bool); ok && spans {
				t.Error("a gap is no gap")
			}
			seen := map[string]bool{}
			for _, q := range p.Targets {
				if q.Datasource.UID != "${datasource}" || seen[q.RefID] || q.LegendFormat == "" {
					t.Errorf("query %s: data source %s, legend %q; or its name is taken", q.RefID, q.Datasource.UID, q.LegendFormat)
				}
				seen[q.RefID] = true
			}
		})
	}
}

// A panel of bytes tells how many images it lacks.
func TestBytesTellOfUnknownSizes(t *testing.T) {
	for name, p := range eachPanel {
		t.Run(name, func(t *testing.T) {
			var all string
			for _, q := range p.Targets {
				all += q.Expr + "\n"
			}
			sums := regexp.MustCompile(`glance_(images|inventory|store_images)_(virtual_)?size_bytes`).MatchString(all)
			if growth := strings.Contains(all, "deriv("); sums && !growth && !strings.Contains(all, "glance_images_without_size") {
				t.Error("nothing tells how many images have no known size")
			}
		})
	}
}

func TestLayout(t *testing.T) {
	for name, d := range files() {
		ids := map[int]bool{}
		titles := map[string]bool{}
		taken := map[[2]int]string{}
		for _, p := range flat(d) {
			if ids[p.ID] || p.ID == 0 {
				t.Errorf("%s: %s has no id of its own", name, p.Title)
			}
			ids[p.ID] = true
			if titles[p.Title] {
				t.Errorf("%s: there are two panels %s", name, p.Title)
			}
			titles[p.Title] = true
			if g := p.GridPos; g.W < 1 || g.H < 1 || g.X < 0 || g.X+g.W > columns {
				t.Errorf("%s: %s is outside of the grid: %+v", name, p.Title, g)
			}
		}
		// The panels of a collapsed row come into being when it is opened, and push the
		// rest down: they only must not overlap each other.
		claim := func(taken map[[2]int]string, p *panel) {
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" {
						t.Errorf("%s: %s overlaps %s", name, p.Title, other)
						return
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
		}
		for _, p := range d.Panels {
			claim(taken, p)
			inRow := map[[2]int]string{}
			for _, inner := range inside(p) {
				claim(inRow, inner)
			}
		}
	}
}

// At 1920x1080 about 26 lines of the grid can be seen below Grafana's own bars. What
// is there is not to depend on --inventory.labels.
func TestFirstScreen(t *testing.T) {
	grouped := regexp.MustCompile(`glance_images(_size_bytes|_virtual_size_bytes)?\{`)
	for name, d := range files() {
		for _, p := range d.Panels {
			if p.Type == "row" {
				break
			}
			if p.GridPos.Y+p.GridPos.H > 26 {
				t.Errorf("%s: %s is not on the first screen", name, p.Title)
			}
			for _, q := range p.Targets {
				if grouped.MatchString(q.Expr) {
					t.Errorf("%s: %s depends on --inventory.labels: %s", name, p.Title, q.Expr)
				}
			}
		}
	}
}

// A value has one colour, wherever it is shown.
func TestColours(t *testing.T) {
	for _, p := range []palette{statuses, formats, visibilities, protections, codes, operations, reasons, states} {
		seen := map[string]bool{}
		for _, s := range p {
			if seen[s.value] || s.colour == "" {
				t.Errorf("%s has no colour, or two", s.value)
			}
			seen[s.value] = true
		}
		greyed := p.greyed()
		for _, value := range []string{"other", "none"} {
			if !slices.ContainsFunc(greyed, func(s shade) bool { return s.value == value }) {
				t.Errorf("%s has no colour", value)
			}
		}
	}
}

// Generating twice gives the same bytes.
func TestDeterministic(t *testing.T) {
	for name, d := range files() {
		first, err := encode(d)
		if err != nil {
			t.Fatal(err)
		}
		again, err := encode(files()[name])
		if err != nil || !bytes.Equal(first, again) {
			t.Errorf("%s differs from one time to the next: %v", name, err)
		}
		if !bytes.HasSuffix(first, []byte("}\n")) || bytes.Contains(first, []byte(`\u003e`)) {
			t.Errorf("%s does not end in a line feed, or escapes what is to be read", name)
		}
	}
}
