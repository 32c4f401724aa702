//go:build e2e

package real

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/glance-exporter/glance_exporter/e2e/harness"
)

// enough is the time of a scrape that is not about time, on a busy machine too.
const enough = time.Minute

// TestRealCloud goes through everything with one cloud, since it takes seconds
// to start: the parts build on each other in this order.
func TestRealCloud(t *testing.T) {
	l := newLab(t)
	l.binary = harness.Build(t, l.Dir)
	release := l.fill(t)
	l.startUWSGI(t)
	t.Run("every status is there", l.statusesAreThere)
	t.Run("what users see is what the service shows them image by image", l.memberSees)
	t.Run("groups equal the database's", l.groupsEqual)
	t.Run("single images equal the database's", l.imagesEqual)
	release()
	l.uwsgi.Stop()
	t.Run("groups equal the database's when uploads and imports are done", l.allDone)
	t.Run("with tokens of 20 seconds", l.shortTokens)
	t.Run("Keystone stopped and started", l.keystoneStops)
	t.Run("Glance stopped and started", l.glanceStops)
	t.Run("10,000 images", l.tenThousand)
}

func (l *lab) allDone(t *testing.T) {
	got := query[struct{ N int }](t, l, "SELECT count(*) AS n FROM images WHERE status IN ('saving', 'importing')")
	if got[0].N != 0 {
		t.Errorf("%d images are saving or importing still", got[0].N)
	}
	for _, u := range []*user{admin, member} {
		l.startExporter(t, u).scrape(t, enough).MustShow(t, truth(t, l.rows(t, u)))
	}
}

func (l *lab) statusesAreThere(t *testing.T) {
	var got []string
	for _, found := range query[struct{ Status string }](t, l, "SELECT DISTINCT status FROM images ORDER BY status") {
		got = append(got, found.Status)
	}
	want := []string{"active", "deactivated", "deleted", "importing", "queued", "saving", "uploading"}
	if !slices.Equal(got, want) {
		t.Errorf("the database has images of status %q, want %q", got, want)
	}
}

// What a user is shown is asked for here in another way than a list: each image
// of the database, by its id.
func (l *lab) memberSees(t *testing.T) {
	for _, u := range []*user{admin, member, reader} {
		sees := map[string]bool{}
		for _, r := range l.rows(t, u) {
			sees[r.ID] = true
		}
		a := l.as(u)
		for _, r := range l.rows(t, admin) {
			status, err := a.try(t.Context(), http.MethodGet, "/v2/images/"+r.ID, nil, nil)
			if shown := status == http.StatusOK; shown != sees[r.ID] || !shown && status != http.StatusNotFound {
				t.Errorf("%s is shown %q (%s): status %d, %v; by the database: %t", u.name, *r.Name, r.Visibility, status, err, sees[r.ID])
			}
		}
	}
}

func (l *lab) groupsEqual(t *testing.T) {
	for _, server := range []struct{ name, region string }{{"Glance's own server", regionOwn}, {"uwsgi", regionUWSGI}} {
		for _, u := range []*user{admin, member, alt, reader} {
			for _, size := range []int{7, 1000} {
				t.Run(fmt.Sprintf("%s, %s, %d a page", server.name, u.name, size), func(t *testing.T) {
					e := l.startExporter(t, u, "--region="+server.region, fmt.Sprintf("--image.page-size=%d", size))
					want := truth(t, l.rows(t, u))
					want["glance_api_info"] = map[string]float64{harness.Labels("version", "v2", "admin", fmt.Sprint(u == admin)): 1}
					want["glance_scrape_errors_total"] = e.scrape(t, enough)["glance_scrape_errors_total"]
					if want.Value("glance_scrape_errors_total") != 0 {
						t.Error("the first scrape failed")
					}
					e.scrape(t, enough).MustShow(t, want)
				})
			}
		}
	}
}

// Single images and their texts, and groups by all that is not grouped by else.
func (l *lab) imagesEqual(t *testing.T) {
	for _, u := range []*user{admin, member} {
		t.Run(u.name, func(t *testing.T) {
			e := l.startExporter(t, u, "--inventory.per-image", "--inventory.labels=visibility,hidden,owner,container_format,property:os_distro")
			want := harness.Metrics{"glance_images": {}, "glance_image_info": {}}
			for _, r := range l.rows(t, u) {
				hidden, public := fmt.Sprint(r.Hidden == 1), fmt.Sprint(r.Visibility == "public")
				owner, container := orNone(r.Owner), orNone(r.ContainerFormat)
				want["glance_images"][harness.Labels("visibility", r.Visibility, "hidden", hidden, "owner", owner,
					"container_format", container, "property_os_distro", orNone(r.Distro))]++
				want["glance_image_info"][harness.Labels("id", r.ID, "name", orNone(r.Name), "status", r.Status,
					"disk_format", orNone(r.DiskFormat), "public", public, "protected", fmt.Sprint(r.Protected == 1),
					"container_format", container, "visibility", r.Visibility, "hidden", hidden, "owner", owner)] = 1
			}
			e.scrape(t, enough).MustShow(t, want)
		})
	}
}
