//go:build e2e

package real

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/glance-exporter/glance_exporter/e2e/harness"
)

// A row is what Glance's database has of an image.
type row struct {
	ID              string  `json:"id"`
	Name            *string `json:"name"`
	Status          string  `json:"status"`
	DiskFormat      *string `json:"disk_format"`
	ContainerFormat *string `json:"container_format"`
	Visibility      string  `json:"visibility"`
	Owner           *string `json:"owner"`
	Checksum        *string `json:"checksum"`
	Hidden          int     `json:"os_hidden"`
	Protected       int     `json:"protected"`
	Size            *int64  `json:"size"`
	VirtualSize     *int64  `json:"virtual_size"`
	Created         string  `json:"created"`
	Updated         string  `json:"updated"`
	Stores          *string `json:"stores"` // separated by commas
	FailedImport    int     `json:"failed_import"`
	Distro          *string `json:"os_distro"`
}

// rowsOf asks for images that were not deleted. v2 tells times in whole seconds,
// which it does not round. A condition chooses among the images i.
const rowsOf = `
SELECT i.id, i.name, i.status, i.disk_format, i.container_format, i.visibility, i.owner, i.checksum, i.os_hidden, i.protected,
  i.size, i.virtual_size, substr(i.created_at, 1, 19) AS created, substr(i.updated_at, 1, 19) AS updated,
  (SELECT group_concat(DISTINCT json_extract(l.meta_data, '$.store')) FROM image_locations l
    WHERE l.image_id = i.id AND l.deleted = 0) AS stores,
  EXISTS (SELECT 1 FROM image_properties p
    WHERE p.image_id = i.id AND p.deleted = 0 AND p.name = 'os_glance_failed_import' AND p.value <> '') AS failed_import,
  (SELECT p.value FROM image_properties p WHERE p.image_id = i.id AND p.deleted = 0 AND p.name = 'os_distro') AS os_distro
FROM images i WHERE i.deleted = 0 AND (%s)`

// visibleTo is the condition on the images that a project's users see: their
// own, those that everybody may use, and those that are shared with the project,
// whatever it has answered to the invitation.
const visibleTo = `i.owner = '%[1]s' OR i.visibility IN ('public', 'community') OR i.visibility = 'shared' AND EXISTS (
  SELECT 1 FROM image_members m WHERE m.image_id = i.id AND m.member = '%[1]s' AND m.deleted = 0)`

// rows gives the images that a user may see.
func (l *lab) rows(t *testing.T, u *user) []row {
	t.Helper()
	condition := "1"
	if u != admin {
		condition = fmt.Sprintf(visibleTo, l.as(u).project(t))
	}
	rows := query[row](t, l, fmt.Sprintf(rowsOf, condition))
	for i := range rows {
		// Where the data of a deactivated image lies is for administrators.
		if u != admin && rows[i].Status == "deactivated" {
			rows[i].Stores = nil
		}
	}
	return rows
}

// query asks Glance's database.
func query[T any](t *testing.T, l *lab, sql string) []T {
	t.Helper()
	out := harness.Run(t, l.env, "/usr/bin/sqlite3", "-json", "-cmd", ".timeout 10000", l.Dir+"/glance/glance.db", sql)
	var rows []T
	if len(out) == 0 { // no row is no output
		return nil
	}
	if err := json.Unmarshal(out, &rows); err != nil {
		t.Fatalf("sqlite3: %v in %.500s", err, out)
	}
	return rows
}

// truth is what the exporter must show to whoever sees these images.
func truth(t *testing.T, rows []row) harness.Metrics {
	t.Helper()
	sums := map[string]map[string]*big.Int{}
	add := func(name string, n int64, labels ...string) {
		if sums[name] == nil {
			sums[name] = map[string]*big.Int{}
		}
		key := harness.Labels(labels...)
		if sums[name][key] == nil {
			sums[name][key] = new(big.Int)
		}
		sums[name][key].Add(sums[name][key], big.NewInt(n))
	}
	add("glance_inventory_images", int64(len(rows)))
	add("glance_inventory_size_bytes", 0)
	add("glance_inventory_overflow_groups", 0)
	oldest, newest := harness.Metrics{}, harness.Metrics{}
	for i := range rows {
		r := &rows[i]
		size, known := int64(0), r.Size != nil && (*r.Size > 0 || r.Status != "active")
		if known {
			size = *r.Size
		}
		public := fmt.Sprint(r.Visibility == "public")
		group := []string{"status", r.Status, "disk_format", orNone(r.DiskFormat), "public", public, "protected", fmt.Sprint(r.Protected == 1)}
		add("glance_images", 1, group...)
		add("glance_images_size_bytes", size, group...)
		add("glance_inventory_size_bytes", size)
		if r.VirtualSize != nil {
			add("glance_images_virtual_size_bytes", *r.VirtualSize, group...)
		}
		condition := []string{"status", r.Status, "public", public}
		add("glance_images_without_checksum", count(r.Checksum == nil), condition...)
		add("glance_images_without_size", count(!known), condition...)
		add("glance_images_unprotected", count(r.Protected == 0), condition...)
		add("glance_images_failed_import", count(r.FailedImport == 1), condition...)
		keep(oldest, instant(t, r.Updated), func(old, now float64) bool { return now < old }, condition...)
		keep(newest, instant(t, r.Created), func(old, now float64) bool { return now > old }, condition...)
		if r.Stores != nil {
			for store := range strings.SplitSeq(*r.Stores, ",") {
				add("glance_store_images", 1, "store", store)
				add("glance_store_images_size_bytes", size, "store", store)
			}
		}
	}
	want := harness.Metrics{
		"glance_images_oldest_update_timestamp_seconds":   oldest[""],
		"glance_images_newest_creation_timestamp_seconds": newest[""],
		"glance_up": {"": 1},
	}
	for name, series := range sums {
		want[name] = map[string]float64{}
		for labels, sum := range series {
			want[name][labels], _ = new(big.Float).SetInt(sum).Float64()
		}
	}
	return want
}

// keep keeps a value where there is none or it is a better one.
func keep(m harness.Metrics, value float64, better func(old, now float64) bool, labels ...string) {
	if m[""] == nil {
		m[""] = map[string]float64{}
	}
	key := harness.Labels(labels...)
	if old, found := m[""][key]; !found || better(old, value) {
		m[""][key] = value
	}
}

func instant(t *testing.T, text string) float64 {
	t.Helper()
	at, err := time.Parse(time.DateTime, text)
	if err != nil {
		t.Fatal(err)
	}
	return float64(at.Unix())
}

func count(holds bool) int64 {
	if holds {
		return 1
	}
	return 0
}

func orNone(text *string) string {
	if text == nil || *text == "" {
		return "none"
	}
	return *text
}
