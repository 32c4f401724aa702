//go:build e2e

package real

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/glance-exporter/glance_exporter/e2e/harness"
)

// bulk makes 10,000 images, which no API does in the time: rows straight into
// Glance's tables, of the statuses, formats and properties of a usual cloud.
const bulk = `
BEGIN;
CREATE TEMP TABLE bulk AS
WITH RECURSIVE counter(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counter WHERE n < 9999)
SELECT n, lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-8' ||
    substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))) AS id,
  CASE WHEN n % 20 = 0 THEN 'queued' WHEN n % 33 = 0 THEN 'deactivated' WHEN n % 101 = 0 THEN 'saving' ELSE 'active' END AS status,
  strftime('%Y-%m-%d %H:%M:%f000', '2026-11-01', '-' || (n / 3) || ' minutes') AS created,
  strftime('%Y-%m-%d %H:%M:%f000', '2026-11-01', '-' || (n / 3) || ' minutes', '+' || (n % 86400) || ' seconds') AS updated
FROM counter;
INSERT INTO images (id, name, size, status, created_at, updated_at, deleted, disk_format, container_format, checksum, owner,
  min_disk, min_ram, protected, virtual_size, visibility, os_hidden)
SELECT id, 'bulk-' || (n % 9000), CASE WHEN status IN ('active', 'deactivated') THEN 10000000 + n * 1000003 END, status, created, updated, 0,
  CASE WHEN n % 5 < 3 THEN 'qcow2' WHEN n % 5 = 3 THEN 'raw' ELSE 'vmdk' END, 'bare',
  CASE WHEN status IN ('active', 'deactivated') THEN lower(hex(randomblob(16))) END, printf('%032x', n % 40), 20, 2048, n % 16 = 0,
  CASE WHEN status = 'active' AND n % 5 < 3 THEN 21474836480 END,
  CASE WHEN n % 9 = 0 THEN 'public' WHEN n % 4 = 0 THEN 'shared' WHEN n % 13 = 0 THEN 'community' ELSE 'private' END, n % 20 = 7
FROM bulk;
INSERT INTO image_locations (image_id, value, created_at, updated_at, deleted, meta_data, status)
SELECT id, 'file:///nowhere/' || id, created, updated, 0, '{"store": "fast"}', 'active' FROM bulk WHERE status IN ('active', 'deactivated');
INSERT INTO image_properties (image_id, name, value, created_at, updated_at, deleted)
SELECT b.id, p.column1, p.column2, b.created, b.updated, 0 FROM bulk b,
  (VALUES ('os_distro', 'debian'), ('os_version', '12'), ('architecture', 'x86_64'), ('hw_disk_bus', 'scsi'), ('hw_scsi_model', 'virtio-scsi'),
    ('os_hash_note', 'n')) p;
INSERT INTO image_tags (image_id, value, created_at, updated_at, deleted) SELECT id, 'golden', created, updated, 0 FROM bulk WHERE n % 2 = 0;
COMMIT;
`

func (l *lab) tenThousand(t *testing.T) {
	harness.Run(t, l.env, "/usr/bin/sqlite3", "-cmd", ".timeout 10000", l.Dir+"/glance/glance.db", bulk)
	t.Run("seen by a Prometheus that scrapes each second", l.prometheusSees)
	t.Run("a scrape costs what a bare walk costs", l.bareWalk)
}

const prometheusConfig = `
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: glance
    static_configs: [{targets: ['%s']}]
`

// prometheusSees has a Prometheus scrape an exporter each second, which reads in
// the background, since no read of so many images ends within a second.
func (l *lab) prometheusSees(t *testing.T) {
	e := l.startExporter(t, admin, "--inventory.refresh-interval=40s")
	harness.Eventually(t, 3*time.Minute, "the first read in the background ends", func() bool {
		return e.scrape(t, enough)["glance_up"][""] == 1
	})
	p := harness.StartPrometheus(t, fmt.Sprintf(prometheusConfig, e.Address))
	var bytes float64
	rows := l.rows(t, admin)
	for _, sum := range truth(t, rows)["glance_images_size_bytes"] {
		bytes += sum
	}
	for _, expected := range []string{
		fmt.Sprintf("sum(glance_images) == %d", len(rows)),
		fmt.Sprintf("glance_inventory_images == %d", len(rows)),
		fmt.Sprintf("abs(sum(glance_images_size_bytes) / %f - 1) < 1e-12", bytes), // Prometheus rounds each addition
	} {
		harness.Eventually(t, 20*time.Second, expected, func() bool { return holds(t, p, expected) })
	}
	harness.Eventually(t, 2*time.Minute, "Prometheus sees another read", func() bool {
		return holds(t, p, "changes(glance_inventory_timestamp_seconds[5m]) >= 1")
	})
	for _, always := range []string{
		"min_over_time(glance_up[5m]) == 1",
		"min_over_time(up[5m]) == 1",
		"count_over_time(glance_up[5m]) >= 10",
		fmt.Sprintf("min_over_time(glance_inventory_images[5m]) == %d", len(rows)),
		fmt.Sprintf("max_over_time(glance_inventory_images[5m]) == %d", len(rows)),
		fmt.Sprintf("sum(glance_images) == %d", len(rows)),
	} {
		if !holds(t, p, always) {
			t.Errorf("Prometheus does not find that %s", always)
		}
	}
}

// A cost is what one walk through the list has cost.
type cost struct{ wall, cpu time.Duration }

// measure tells what f costs, and how much of Glance's processor time.
func (l *lab) measure(t *testing.T, f func()) cost {
	t.Helper()
	cpu, began := l.glance.CPU(t), time.Now()
	f()
	return cost{time.Since(began), l.glance.CPU(t) - cpu}
}

// rounds is how often each of the two walks is made. A machine is never quiet:
// they take turns, and the medians count.
const rounds = 3

// bareWalk measures a scrape against a bare walk: one curl that asks for the same
// pages, one after the other, on one connection, and throws them away. What it
// finds is told and not judged, for the machine may be busy.
func (l *lab) bareWalk(t *testing.T) {
	e := l.startExporter(t, admin)
	want := truth(t, l.rows(t, admin))
	e.scrape(t, time.Minute).MustShow(t, want) // the login, and what Glance has to learn
	pages := l.pages(t)
	script := l.curlScript(t, pages)
	var scrapes, walks []cost
	for range rounds {
		scrapes = append(scrapes, l.measure(t, func() {
			shown := e.scrape(t, time.Minute)
			shown.MustShow(t, want)
			if made := int(shown.Value("glance_scrape_requests")); made != len(pages) {
				t.Errorf("a scrape has made %d requests, a bare walk makes %d", made, len(pages))
			}
		}))
		walks = append(walks, l.measure(t, func() { harness.Run(t, l.env, "/usr/bin/curl", "--config", script) }))
	}
	compare(t, "wall time", scrapes, walks, func(c cost) time.Duration { return c.wall })
	compare(t, "Glance's CPU time", scrapes, walks, func(c cost) time.Duration { return c.cpu })
}

// compare tells the medians, and what they were made of.
func compare(t *testing.T, what string, scrapes, walks []cost, of func(cost) time.Duration) {
	t.Helper()
	median := func(costs []cost) float64 {
		var list []float64
		for _, c := range costs {
			list = append(list, of(c).Seconds())
		}
		t.Logf("%s of each round: %.2f s", what, list)
		slices.Sort(list)
		return list[len(list)/2]
	}
	scrape, walk := median(scrapes), median(walks)
	t.Logf("%s, medians of %d rounds: scrape %.2f s, bare walk %.2f s, ratio %.3f", what, len(scrapes), scrape, walk, scrape/walk)
}

// pages gives the URLs of the list's pages, as an administrator is shown all of
// it: those that are not hidden, and those that are. Glance lists the newest image
// first, and a page begins behind the last image of the one before.
func (l *lab) pages(t *testing.T) []string {
	t.Helper()
	const page = 1000
	var pages []string
	for hidden, parameter := range []string{"", "&os_hidden=true"} {
		ids := query[struct{ ID string }](t, l,
			fmt.Sprintf("SELECT id FROM images WHERE deleted = 0 AND os_hidden = %d ORDER BY created_at DESC, id DESC", hidden))
		url := fmt.Sprintf("%s/v2/images?limit=%d&member_status=all&visibility=all%s", l.glanceURL(), page, parameter)
		pages = append(pages, url)
		for i := page; i <= len(ids); i += page {
			pages = append(pages, url+"&marker="+ids[i-1].ID)
		}
	}
	return pages
}

// curlScript writes what makes curl ask for the pages.
func (l *lab) curlScript(t *testing.T, pages []string) string {
	t.Helper()
	token, err := l.as(admin).login(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	fmt.Fprintf(&script, "silent\nshow-error\nfail\nheader = \"X-Auth-Token: %s\"\nheader = \"Accept: application/json\"\n", token)
	for _, page := range pages {
		fmt.Fprintf(&script, "url = %q\noutput = \"/dev/null\"\n", page)
	}
	path := t.TempDir() + "/curl"
	writeFile(t, path, script.String())
	return path
}
