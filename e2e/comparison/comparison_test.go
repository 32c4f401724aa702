//go:build e2e

// Package comparison measures the exporter beside other readers of the same
// list, and prints the tables of docs/comparison.md in Markdown:
//
//   - what a scrape costs the service and the machine of the reader;
//   - what is shown when something is out of the ordinary.
//
// The exporter itself and a walk by curl and jq are always measured. With
// -openstack-exporter=PATH the image part of that program is, too; what it shows
// is told and never judged. What the exporter shows is judged: it is what the page
// says, or the test fails.
package comparison

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/glance-exporter/glance_exporter/e2e/harness"
)

var (
	images      = flag.Int("images", 1000, "how many images the clouds have whose scrapes are measured")
	scrapes     = flag.Int("scrapes", 3, "how many scrapes are measured, after one that is not")
	theirBinary = flag.String("openstack-exporter", "", "path of an openstack-exporter to measure beside")
)

func TestComparison(t *testing.T) {
	binary := harness.Build(t, t.TempDir())
	all := []reader{&own{binary: binary}, &own{binary: binary, args: []string{"--inventory.per-image"}, each: true}}
	if *theirBinary != "" {
		all = append(all, newTheirs(t, *theirBinary, false), newTheirs(t, *theirBinary, true))
	}
	all = append(all, newTextfile(t))
	var page strings.Builder
	fmt.Fprintf(&page, "\n<!-- %s, %d CPUs, %d images, the mean of %d scrapes -->\n\n", runtime.Version(), runtime.NumCPU(), *images, *scrapes)
	costs(t, &page, all)
	page.WriteString("\n")
	situations(t, &page, all)
	page.WriteString("\n")
	if _, err := os.Stdout.WriteString(page.String()); err != nil {
		t.Fatal(err)
	}
}

// row writes a line of a table.
func row(page *strings.Builder, cells ...string) {
	page.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}
