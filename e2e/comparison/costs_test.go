//go:build e2e

package comparison

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// enough is a timeout for scrapes that are measured.
const enough = 5 * time.Minute

// costs prints what a scrape of a Glance costs, a line for each reader.
func costs(t *testing.T, page *strings.Builder, readers []reader) {
	t.Helper()
	c := serve(t, simcloud.Options{Seed: 1, Images: *images, Service: simcloud.Service{NoV11: true}})
	// One such image ends the scrapes of some readers: see the situations.
	for _, img := range c.Images() {
		if img.VirtualSize != nil && *img.VirtualSize == math.MaxInt64 {
			c.Update(img.ID, func(img *simcloud.Image) { img.VirtualSize = nil })
		}
	}
	row(page, "reader", "logins", "list requests", "read (MB)", "wall (s)", "CPU (s)", "most resident (MB)", "samples", "answer (kB)")
	row(page, "---", "---:", "---:", "---:", "---:", "---:", "---:", "---:", "---:")
	for _, r := range readers {
		cost(t, page, r, c)
	}
}

func cost(t *testing.T, page *strings.Builder, r reader, c *cloud) {
	t.Helper()
	s := r.start(t, c, simcloud.AdminPassword)
	// The first scrape logs in, and has the cloud make its JSON.
	if _, err := s.scrape(t, enough); err != nil {
		t.Fatalf("%s: %v", r.name(), err)
	}
	logins, lists, sent, used, began := c.Count("auth"), c.Count("list"), c.sent.Load(), s.cpu(t), time.Now()
	var answer []byte
	for range *scrapes {
		var err error
		if answer, err = s.scrape(t, enough); err != nil {
			t.Fatalf("%s: %v", r.name(), err)
		}
	}
	wall, n := time.Since(began), float64(*scrapes)
	logins, lists, sent, used = c.Count("auth")-logins, c.Count("list")-lists, c.sent.Load()-sent, s.cpu(t)-used
	row(page, r.name(), fmt.Sprint(float64(logins)/n), fmt.Sprint(float64(lists)/n), fmt.Sprintf("%.1f", float64(sent)/n/1e6),
		fmt.Sprintf("%.2f", wall.Seconds()/n), fmt.Sprintf("%.2f", used.Seconds()/n), strings.TrimPrefix(fmt.Sprintf("%.0f", float64(s.memory(t))/1e6), "0"),
		fmt.Sprint(samples(answer)), fmt.Sprintf("%.0f", float64(len(answer))/1e3))
	if _, ours := r.(*own); !ours {
		return
	}
	if pages := (*images + 999) / 1000; logins != 0 || lists < pages**scrapes || lists > (2*pages+2)**scrapes {
		t.Errorf("%d scrapes took %d logins and %d pages of 1000", *scrapes, logins, lists)
	}
	shown := read(t, answer)
	if want := c.TruthOf("admin", simcloud.V2, func(*simcloud.Image) bool { return true }).Images; shown.Value("glance_inventory_images") != float64(want) {
		t.Errorf("%v images are shown, of %d", shown.Value("glance_inventory_images"), want)
	}
}

// samples counts those of an exposition.
func samples(exposition []byte) int {
	count := 0
	for line := range bytes.Lines(exposition) {
		if len(bytes.TrimSpace(line)) > 0 && line[0] != '#' {
			count++
		}
	}
	return count
}
