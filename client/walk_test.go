package client

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// Whatever kind of service it is, every image counts once, on the first read
// and on the third, when the client has learned what it is like.
func TestEveryImageIsCountedOnce(t *testing.T) {
	t.Parallel()
	capped := simcloud.Glance()
	capped.MaxLimit = 100
	for _, tc := range []struct {
		name     string
		settings settings
		first    int // requests of the first read
		third    int // requests of the third
	}{
		{"a Glance, pages of 1000", settings{}, 4, 4},
		{"a Glance, pages of 500", settings{pageSize: 500}, 7, 7},
		{"a Glance that caps 1500 at 1000", settings{pageSize: 1500}, 4, 4},
		{"a Glance that caps at 100", settings{cloud: simcloud.Options{Service: capped}}, 31, 31},
		{"a catalogue with /v1", settings{cloud: simcloud.Options{CatalogueSuffix: "/v1"}}, 4, 4},
		{"a catalogue with /v1.1/", settings{cloud: simcloud.Options{CatalogueSuffix: "/v1.1/"}}, 4, 4},
		{"a prefix", settings{cloud: simcloud.Options{Prefix: "/image", CatalogueSuffix: "/v2"}}, 4, 4},
		{"a service that refuses other parameters", settings{cloud: simcloud.Options{Service: simcloud.StrictVendor()}}, 3, 1},
		{"a service that ignores other parameters", settings{cloud: simcloud.Options{Service: simcloud.LenientVendor()}}, 2, 1},
		{"the same with a page size beyond its list", settings{pageSize: 5000, cloud: simcloud.Options{Service: simcloud.LenientVendor()}}, 4, 1},
		{"sizes in a property, with pages", settings{cloud: simcloud.Options{Service: simcloud.Service{SizeInProperty: true}}}, 4, 4},
		{"names and formats of every nasty kind", settings{cloud: simcloud.Options{Nasty: true}}, 4, 4},
		{"the same from a vendor", settings{cloud: simcloud.Options{Nasty: true, Service: simcloud.StrictVendor()}}, 3, 1},
		{"a plain member", settings{user: "member", pageSize: 100}, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tc.settings.cloud.Seed = 3
				tc.settings.cloud.Images = 3000
				w := newWorld(t, tc.settings)
				if tc.settings.cloud.Service.RefuseUnknown || tc.settings.cloud.Service.IgnoreUnknown {
					w.onlyListed()
				}
				user := tc.settings.user
				if user == "" {
					user = "admin"
				}
				for n := range 3 {
					info := w.mustMatch(t, user)
					if want := map[int]int{0: tc.first, 2: tc.third}[n]; want != 0 && info.Requests > want {
						t.Errorf("read %d took %d requests, want at most %d", n+1, info.Requests, want)
					}
				}
				if logins := w.Count("auth"); logins != 1 {
					t.Errorf("there were %d logins", logins)
				}
			})
		})
	}
}

// onlyListed purges what a vendor's service, which knows no community images,
// would not have.
func (w *world) onlyListed() {
	for _, img := range w.Images() {
		if img.Visibility == "community" {
			w.Purge(img.ID)
		}
	}
}

func TestTenThousandImagesTakeElevenRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{cloud: simcloud.Options{Images: 10_000}})
		for range 5 {
			if info := w.mustMatch(t, "admin"); info.Requests > 11 {
				t.Errorf("a read took %d requests", info.Requests)
			}
		}
		if logins := w.Count("auth"); logins != 1 {
			t.Errorf("there were %d logins", logins)
		}
	})
}

func TestSmallInventories(t *testing.T) {
	t.Parallel()
	for _, images := range []int{0, 1, 2, 24, 25, 26, 50, 1000} {
		for name, service := range map[string]simcloud.Service{
			"Glance": simcloud.Glance(), "strict": simcloud.StrictVendor(), "lenient": simcloud.LenientVendor(),
		} {
			for _, pageSize := range []int{1, 25, 1000} {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, settings{pageSize: pageSize, cloud: simcloud.Options{Images: images, Service: service}})
					if name != "Glance" {
						w.onlyListed()
					}
					for range 3 {
						w.mustMatch(t, "admin")
					}
					if t.Failed() {
						t.Errorf("that was a %s service with %d images, page size %d", name, images, pageSize)
					}
				})
			}
		}
	}
}

// Such a service shows its first page only: what is behind it cannot be known.
func TestServiceThatIgnoresMarkersFailsAsPaging(t *testing.T) {
	for _, pageSize := range []int{10, 1000, 1500} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, settings{pageSize: pageSize, cloud: simcloud.Options{Images: 3000, Service: simcloud.Service{IgnoreMarker: true}}})
			for range 2 {
				failure, info := w.mustFail(t, ReasonPaging)
				if info.Requests > 5 {
					t.Errorf("page size %d: it took %d requests", pageSize, info.Requests)
				}
				if !strings.Contains(failure.URL, "marker=") {
					t.Errorf("the error does not tell the request: %v", failure)
				}
			}
		})
	}
}

// A refusal that comes once teaches nothing that lasts.
func TestStray400(t *testing.T) {
	for _, images := range []int{3000, 20, 1, 0} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, settings{cloud: simcloud.Options{Images: images}})
			w.Inject(simcloud.Fault{Operation: "list", Times: 1, Status: http.StatusBadRequest})
			w.mustMatch(t, "admin")
			w.mustMatch(t, "admin")
		})
	}
}

func TestServiceThatPagesButRefusesOurParameters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{user: "member", cloud: simcloud.Options{Images: 300}})
		refuse := func(on bool) {
			w.ClearFaults()
			if on {
				w.Inject(simcloud.Fault{Operation: "list", Status: http.StatusBadRequest, Unless: func(r *http.Request) bool {
					return !r.URL.Query().Has("is_public") && !r.URL.Query().Has("limit")
				}})
			}
		}
		refuse(true)
		w.mustMatch(t, "member")
		w.mustMatch(t, "member")
		if len(w.trace.notices) != 1 {
			t.Errorf("told %q", w.trace.notices)
		}
	})
}

// A service that takes is_public=None for a filter shows nothing, with 200.
func TestServiceThatMisreadsOurParameters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{user: "member", cloud: simcloud.Options{Images: 300, Service: simcloud.Service{MisreadIsPublic: true}}})
		for range 3 {
			w.mustMatch(t, "member")
		}
		if len(w.trace.notices) != 1 || !strings.Contains(w.trace.notices[0], "given up") {
			t.Errorf("told %q", w.trace.notices)
		}
	})
}

// An image that is made while the client looks into that is no proof of it, nor
// is one that is gone again at once: a lesson would hide images for ever.
func TestImageMadeDuringTheFirstReadIsNoMisreading(t *testing.T) {
	for _, version := range Versions() {
		for _, short := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, settings{version: version, cloud: simcloud.Options{Images: 300}})
				const id = "00000000-0000-4000-8000-000000000000"
				made := 0
				w.OnRequest(func(r *http.Request) {
					plain := !r.URL.Query().Has("is_public") && !r.URL.Query().Has("visibility")
					switch {
					case r.Header.Get("X-Auth-Token") != "" && plain && made == 0:
						img := w.Images()[0]
						img.ID, img.Visibility, img.Hidden, img.Created = id, "public", false, time.Now().UTC()
						w.Add(img)
						made = 1
					case made == 1 && short:
						w.Purge(id)
						made = 2
					}
				})
				if _, _, err := w.list(t); err != nil {
					t.Fatal(err)
				}
				if made == 0 || len(w.trace.notices) != 0 {
					t.Errorf("%s, gone at once %t: made %d, told %q", version, short, made, w.trace.notices)
				}
				w.OnRequest(nil)
				w.mustMatch(t, "admin")
			})
		}
	}
}

// What is deleted between two pages, the marker's image included, must neither
// end the walk nor make it count anything twice.
func TestMarkerIsLostBetweenTwoPages(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		user string
		gone int  // images deleted, the marker's and those before it
		all  bool // without a trace
	}{
		{"deleted, for an admin", "admin", 1, false},
		{"deleted, for a member", "member", 1, false},
		{"purged, for an admin", "admin", 1, true},
		{"a few", "member", 5, true},
		{"half a page", "member", 20, true},
		{"a page", "member", 40, true},
		{"all that was listed", "member", 120, true},
	} {
		for _, pageSize := range []int{1, 7, 40} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, settings{user: tc.user, pageSize: pageSize, cloud: simcloud.Options{Images: 1500, Seed: 5}})
				gone := tc.gone
				var before []string // what was listed before the marker is lost, in its order
				lost := false
				w.OnRequest(func(r *http.Request) {
					marker := r.URL.Query().Get("marker")
					if lost || marker == "" || len(before) > 0 && before[len(before)-1] == marker {
						return
					}
					if before = append(before, marker); len(before)*pageSize < 120 {
						return
					}
					lost = true
					seen := false
					images := w.Images()
					for i := len(images) - 1; i >= 0 && gone > 0; i-- {
						if seen = seen || images[i].ID == marker; !seen {
							continue
						}
						gone--
						if tc.all {
							w.Purge(images[i].ID)
						} else {
							w.Delete(images[i].ID)
						}
					}
				})
				full := w.Truth(tc.user).Images
				got, info, err := w.list(t)
				if err != nil {
					t.Fatalf("%s, page size %d: %v", tc.name, pageSize, err)
				}
				if !lost {
					t.Fatalf("%s, page size %d: no marker was lost", tc.name, pageSize)
				}
				// They were listed before they went, so they count.
				if got.Images != full {
					t.Errorf("%s, page size %d: %d images were counted in %d requests; there were %d", tc.name, pageSize, got.Images, info.Requests, full)
				}
				w.mustMatch(t, tc.user)
			})
		}
	}
}

// A service that knows no marker at all is one without pages, or one that
// cannot be read.
func TestServiceThatRefusesEveryMarker(t *testing.T) {
	refuse := simcloud.Fault{Operation: "list", Status: http.StatusBadRequest, Unless: func(r *http.Request) bool { return !r.URL.Query().Has("marker") }}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{pageSize: 100, cloud: simcloud.Options{Images: 500}})
		w.Inject(refuse)
		if _, info := w.mustFail(t, ReasonPaging); info.Requests > 40 {
			t.Errorf("it took %d requests", info.Requests)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{cloud: simcloud.Options{Images: 500, Service: simcloud.LenientVendor()}})
		w.onlyListed()
		w.Inject(refuse)
		w.mustMatch(t, "admin")
		if info := w.mustMatch(t, "admin"); info.Requests != 1 {
			t.Errorf("the second read took %d requests", info.Requests)
		}
	})
}

func TestListThatRepeatsAPageFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{pageSize: 10, cloud: simcloud.Options{Images: 100}})
		again := ""
		w.Rewrite(func(r *http.Request) {
			query := r.URL.Query()
			if query.Get("marker") != "" && again != "" {
				query.Set("marker", again) // from the third page on, the second one for ever
				r.URL.RawQuery = query.Encode()
			} else {
				again = query.Get("marker")
			}
		})
		_, info := w.mustFail(t, ReasonPaging)
		if info.Requests > 5 {
			t.Errorf("it took %d requests", info.Requests)
		}
	})
}

// Changes while it walks must not fail a read, nor count an image twice.
func TestCloudThatChangesWhileItIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{user: "member", pageSize: 50, cloud: simcloud.Options{Images: 2000, Seed: 9}})
		w.OnRequest(func(r *http.Request) {
			for range 600 {
				w.Step()
			}
			if marker := r.URL.Query().Get("marker"); marker != "" && marker[0] < '8' {
				w.Delete(marker)
			}
			time.Sleep(time.Second)
		})
		for range 3 {
			before := w.Truth("member").Images
			got, _, err := w.listWithin(t, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			if after := w.Truth("member").Images; got.Images < min(before, after)-600 || got.Images > max(before, after)+600 {
				t.Errorf("%d images were counted; there were %d before and %d after", got.Images, before, after)
			}
		}
		w.OnRequest(nil)
		w.mustMatch(t, "member")
	})
}
