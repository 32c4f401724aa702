package client

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// mustMatchV2 makes one read and compares it with what v2 should show.
func (w *world) mustMatchV2(t *testing.T, user string) Info {
	t.Helper()
	return w.mustEqual(t, w.TruthOf(user, simcloud.V2, func(*simcloud.Image) bool { return true }))
}

// Every image, hidden and community ones included, counts once on every kind of
// service, on the first read and on the third.
func TestEveryImageOfV2IsCountedOnce(t *testing.T) {
	t.Parallel()
	service := func(change func(*simcloud.Service)) simcloud.Service {
		s := simcloud.Service{Stores: true}
		change(&s)
		return s
	}
	for _, tc := range []struct {
		name     string
		settings settings
		first    int // requests of the first read at most
		third    int // requests of the third at most
	}{
		{"pages of 1000", settings{}, 4, 4},
		{"pages of 250", settings{pageSize: 250}, 13, 13},
		{"pages capped at 100", settings{cloud: simcloud.Options{Service: service(func(s *simcloud.Service) { s.MaxLimit = 100 })}}, 32, 32},
		{"a catalogue with /v2", settings{cloud: simcloud.Options{CatalogueSuffix: "/v2"}}, 4, 4},
		{"a catalogue with /v2.0/", settings{cloud: simcloud.Options{CatalogueSuffix: "/v2.0/"}}, 4, 4},
		{"a prefix", settings{cloud: simcloud.Options{Prefix: "/image", CatalogueSuffix: "/v2/"}}, 4, 4},
		{"auto, only v2 offered", settings{version: "auto", cloud: simcloud.Options{Service: service(func(s *simcloud.Service) { s.NoV11 = true })}}, 5, 4},
		{"auto, no version document", settings{version: "auto", cloud: simcloud.Options{Service: service(func(s *simcloud.Service) { s.NoV11, s.NoVersions = true, true })}}, 6, 4},
		{"sizes in a property", settings{cloud: simcloud.Options{Service: service(func(s *simcloud.Service) { s.SizeInProperty = true })}}, 4, 4},
		{"hostile names", settings{cloud: simcloud.Options{Nasty: true}}, 4, 4},
		{"all is refused", settings{cloud: simcloud.Options{Service: service(func(s *simcloud.Service) { s.RefuseAll = true })}}, 14, 13},
		{"our parameters are taken for property filters", settings{cloud: simcloud.Options{Service: service(func(s *simcloud.Service) { s.PropertyFilters = true })}}, 8, 4}, // 3,000 end with an empty page
		{"next before the images, no length", settings{cloud: simcloud.Options{Service: service(func(s *simcloud.Service) { s.NextFirst, s.NoLength = true, true })}}, 4, 4},
		{"gzip", settings{cloud: simcloud.Options{Service: service(func(s *simcloud.Service) { s.Gzip = true })}}, 4, 4},
		{"a plain member", settings{user: "member", pageSize: 100}, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := tc.settings
				s.cloud.Seed, s.cloud.Images = 3, 3000
				if s.version == "" {
					s.version = "v2"
				}
				if s.user == "" {
					s.user = "admin"
				}
				w := newWorld(t, s)
				if s.cloud.Service.PropertyFilters { // such a service has no hidden images
					for _, img := range w.Images() {
						w.Update(img.ID, func(img *simcloud.Image) { img.Hidden = false })
					}
				}
				for n := range 3 {
					info := w.mustMatchV2(t, s.user)
					if want := map[int]int{0: tc.first, 2: tc.third}[n]; want != 0 && info.Requests > want {
						t.Errorf("read %d took %d requests, want at most %d", n+1, info.Requests, want)
					}
					if info.Version != "v2" {
						t.Errorf("it was read through %q", info.Version)
					}
				}
				if s.version == "auto" && w.Count("discovery") != 1 {
					t.Errorf("the version document was asked for %d times", w.Count("discovery"))
				}
			})
		})
	}
}

func TestTenThousandImagesOfV2TakeTwelveRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{version: "auto", cloud: simcloud.Options{Images: 10_000, Service: simcloud.Service{NoV11: true}}})
		for range 3 {
			if info := w.mustMatchV2(t, "admin"); info.Requests > 12 {
				t.Errorf("a read took %d requests", info.Requests)
			}
		}
	})
}

func TestSmallInventoriesOfV2(t *testing.T) {
	for _, images := range []int{0, 1, 2, 25, 50} {
		for _, service := range []simcloud.Service{{}, {RefuseAll: true}, {PropertyFilters: true}} {
			for _, pageSize := range []int{1, 25, 1000} {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, settings{version: "v2", pageSize: pageSize, cloud: simcloud.Options{Images: images, Service: service}})
					if service.PropertyFilters {
						for _, img := range w.Images() {
							w.Update(img.ID, func(img *simcloud.Image) { img.Hidden = false })
						}
					}
					for range 3 {
						w.mustMatchV2(t, "admin")
					}
					if t.Failed() {
						t.Errorf("that was %+v with %d images, page size %d", service, images, pageSize)
					}
				})
			}
		}
	}
}

// A service that ignores os_hidden shows its list again: no image counts for
// hidden unless it says so, and the list is not read twice for ever.
func TestServiceThatIgnoresHidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{version: "v2", cloud: simcloud.Options{Images: 300}})
		for _, img := range w.Images() {
			w.Update(img.ID, func(img *simcloud.Image) { img.Hidden = false })
		}
		w.Rewrite(func(r *http.Request) {
			query := r.URL.Query()
			query.Del("os_hidden")
			r.URL.RawQuery = query.Encode()
		})
		for range 3 {
			w.mustMatchV2(t, "admin")
		}
		if info := w.mustMatchV2(t, "admin"); info.Requests != 1 {
			t.Errorf("the fourth read took %d requests", info.Requests)
		}
	})
}

func TestStray400OnV2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{version: "v2", cloud: simcloud.Options{Images: 3000}})
		w.Inject(simcloud.Fault{Operation: "list", Times: 1, Status: http.StatusBadRequest})
		w.mustMatchV2(t, "admin")
		if info := w.mustMatchV2(t, "admin"); info.Requests > 4 || len(w.trace.notices) != 0 {
			t.Errorf("the second read took %d requests; told %q", info.Requests, w.trace.notices)
		}
	})
}

// A marker can be gone (400) or not visible any more (403).
func TestMarkerOfV2IsLostBetweenTwoPages(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		gone int
		lose func(w *world, id string)
	}{
		{"deleted", 1, func(w *world, id string) { w.Delete(id) }},
		{"purged", 1, func(w *world, id string) { w.Purge(id) }},
		{"made private", 1, func(w *world, id string) {
			w.Update(id, func(img *simcloud.Image) { img.Visibility, img.Owner = "private", new("x") })
		}},
		{"a page and more", 60, func(w *world, id string) { w.Delete(id) }},
		{"all that was listed", 1000, func(w *world, id string) { w.Purge(id) }},
	} {
		for _, pageSize := range []int{1, 7, 40} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, settings{version: "v2", user: "member", pageSize: pageSize, cloud: simcloud.Options{Images: 1500, Seed: 5}})
				full := w.TruthOf("member", simcloud.V2, func(*simcloud.Image) bool { return true }).Images
				pages, lost := 0, false
				w.OnRequest(func(r *http.Request) {
					marker := r.URL.Query().Get("marker")
					pages++
					if lost || marker == "" || pages*pageSize < 120 {
						return
					}
					lost = true
					images := w.Images()
					at := slices.IndexFunc(images, func(img simcloud.Image) bool { return img.ID == marker })
					for n := range min(tc.gone, at+1) {
						tc.lose(w, images[at-n].ID)
					}
				})
				got, info, err := w.list(t)
				if err != nil || !lost {
					t.Fatalf("%s, page size %d: lost %t: %v", tc.name, pageSize, lost, err)
				}
				// Hidden images that went before the second walk came to them
				// are rightly missed.
				if got.Images > full || got.Images < full-tc.gone/10-1 {
					t.Errorf("%s, page size %d: %d images were counted in %d requests; there were %d", tc.name, pageSize, got.Images, info.Requests, full)
				}
				w.mustMatchV2(t, "member")
			})
		}
	}
}

func TestServiceThatRefusesEveryMarkerOfV2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{version: "v2", pageSize: 100, cloud: simcloud.Options{Images: 500}})
		w.Inject(simcloud.Fault{Operation: "list", Status: http.StatusForbidden, Unless: func(r *http.Request) bool { return !r.URL.Query().Has("marker") }})
		if _, info := w.mustFail(t, ReasonForbidden); info.Requests > 40 {
			t.Errorf("it took %d requests", info.Requests)
		}
	})
}

// The next page is read where the service is, whatever it says.
func TestLinksToElsewhere(t *testing.T) {
	page := func(next string) string {
		return `{"images":[{"id":"a","visibility":"public","size":1}],"next":"` + next + `"}`
	}
	for _, tc := range []struct {
		name   string
		next   string
		reason Reason // "" where the read succeeds
	}{
		{"another host", "http://keystone.test/v2/images?marker=a", ""},
		{"another scheme", "https://image.test/v2/images?marker=a", ""},
		{"a host without scheme", "//keystone.test/v2/images?marker=a", ""},
		{"the prefix repeated", "/image/v2/images?marker=a", ""},
		{"a query alone", "?marker=a", ""},
		{"another path", "/v2/elsewhere?marker=a", ReasonNotFound},
		{"itself", "/v2/images?limit=1000", ReasonPaging},
		{"no URL", "http://%zz", ReasonPaging},
		{"a query that is none", "/v2/images?%zz", ReasonPaging},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, settings{version: "v2", cloud: simcloud.Options{Prefix: "/image", Images: 5}})
				w.Inject(simcloud.Fault{Operation: "list", Kind: simcloud.Override, Body: page(tc.next), Unless: func(r *http.Request) bool {
					return r.URL.Query().Has("marker") || r.URL.Query().Has("os_hidden")
				}})
				w.Inject(simcloud.Fault{Operation: "list", Kind: simcloud.Override, Body: `{"images":[{"id":"b"}]}`})
				dials := w.net.Dials()
				_, info, err := w.list(t)
				if failure := asError(err); tc.reason == "" && err != nil || tc.reason != "" && (failure == nil || failure.Reason != tc.reason) {
					t.Fatalf("got %v, want %q", err, tc.reason)
				}
				if tc.reason == "" && info.Images != 2 {
					t.Errorf("%d images were counted", info.Images)
				}
				for _, request := range w.Requests("auth") {
					if request.Token != "" {
						t.Errorf("the token went to %s", request.URI)
					}
				}
				if now := w.net.Dials(); now-dials > 3 {
					t.Errorf("there were %d connections", now-dials)
				}
			})
		})
	}
}

func TestPagesMayBeShortOrEmptyAndStillGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{version: "v2", cloud: simcloud.Options{Images: 5}})
		answers := []string{
			`{"next":"/v2/images?marker=1","images":[]}`,
			`{"images":[{"id":"a"}],"next":"/v2/images?marker=2"}`,
			`{"images":[],"next":"/v2/images?marker=3"}`,
			`{"images":[{"id":"b"}],"next":null}`,
			`{"images":[]}`, // hidden ones
		}
		for _, body := range answers {
			w.Inject(simcloud.Fault{Operation: "list", Times: 1, Kind: simcloud.Override, Body: body})
		}
		_, info, err := w.list(t)
		if err != nil || info.Images != 2 || info.Requests != len(answers) {
			t.Errorf("got %v, %d images in %d requests", err, info.Images, info.Requests)
		}
	})
}

func TestEndlessLinksEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{version: "v2", cloud: simcloud.Options{Images: 5}})
		n := 0
		w.Inject(simcloud.Fault{Operation: "list", Kind: simcloud.Override, BodyOf: func(*http.Request) string {
			n++
			return `{"images":[],"next":"/v2/images?marker=` + strings.Repeat("x", n) + `"}`
		}})
		if _, info := w.mustFail(t, ReasonPaging); info.Requests > maxIdle+2 {
			t.Errorf("it took %d requests", info.Requests)
		}
	})
}

// Discovery asks once, and again only when something speaks for a change.
func TestDiscovery(t *testing.T) {
	t.Run("v1.1 is preferred where it is offered", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, settings{version: "auto", cloud: simcloud.Options{Images: 50}})
			for range 3 {
				if info := w.mustMatch(t, "admin"); info.Version != "v1.1" {
					t.Errorf("it was read through %q", info.Version)
				}
			}
			if w.Count("discovery") != 1 || len(w.trace.notices) != 1 {
				t.Errorf("asked for versions %d times, told %q", w.Count("discovery"), w.trace.notices)
			}
			if token := w.Requests("discovery")[0].Token; token != "" {
				t.Error("the version document needs no token")
			}
		})
	})
	t.Run("without a document the list is tried", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, settings{version: "auto", cloud: simcloud.Options{Images: 50, Service: simcloud.Service{NoVersions: true}}})
			if info := w.mustMatch(t, "admin"); info.Version != "v1.1" {
				t.Errorf("it was read through %q", info.Version)
			}
		})
	})
	t.Run("a refusal of our parameters is v1.1 too", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			strict := simcloud.StrictVendor()
			strict.NoVersions, strict.NoV2 = true, true
			w := newWorld(t, settings{version: "auto", cloud: simcloud.Options{Images: 50, Service: strict}})
			w.onlyListed()
			if info := w.mustMatch(t, "admin"); info.Version != "v1.1" {
				t.Errorf("it was read through %q", info.Version)
			}
		})
	})
	for name, fault := range map[string]simcloud.Fault{
		"HTML":         {Kind: simcloud.Override, Body: "<html></html>"},
		"401":          {Status: http.StatusUnauthorized},
		"an odd JSON":  {Kind: simcloud.Override, Body: `{"versions": {"values": []}}`},
		"too much":     {Kind: simcloud.Endless},
		"another JSON": {Kind: simcloud.Override, Body: `[]`},
		"nothing":      {Status: http.StatusNoContent},
		"501":          {Status: http.StatusNotImplemented},
		"a login page": {Kind: simcloud.Redirect, Location: "http://login.test/"},
	} {
		t.Run(name+" is no version document", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, settings{version: "auto", cloud: simcloud.Options{Images: 50, Service: simcloud.Service{NoV11: true}}})
				fault.Operation = "discovery"
				fault.Unless = func(r *http.Request) bool { return r.URL.Path != "/" }
				w.Inject(fault)
				if info := w.mustMatchV2(t, "admin"); info.Version != "v2" || w.Count("auth") != 1 {
					t.Errorf("it was read through %q, with %d logins", info.Version, w.Count("auth"))
				}
			})
		})
	}
	t.Run("trouble is no answer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, settings{version: "auto", cloud: simcloud.Options{Images: 50}})
			w.Inject(simcloud.Fault{Operation: "discovery", Status: 503})
			failure, _ := w.mustFail(t, ReasonServerError)
			if failure.Op != OpDiscovery {
				t.Errorf("got %+v", failure)
			}
			w.ClearFaults()
			w.mustMatch(t, "admin")
		})
	})
	t.Run("a service that offers neither", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, settings{version: "auto", cloud: simcloud.Options{Images: 50, Service: simcloud.Service{NoV11: true, NoV2: true}}})
			w.mustFail(t, ReasonNotFound)
		})
	})
	t.Run("a service that is upgraded", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, settings{version: "auto", cloud: simcloud.Options{Images: 50}})
			w.mustMatch(t, "admin")
			w.SetService(func(s *simcloud.Service) { s.NoV11 = true })
			w.mustFail(t, ReasonNotFound)
			if info := w.mustMatchV2(t, "admin"); info.Version != "v2" {
				t.Errorf("it is read through %q", info.Version)
			}
		})
	})
	t.Run("a cloud that was down at the start", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, settings{version: "auto", cloud: simcloud.Options{Images: 50, Service: simcloud.Service{NoV11: true}}})
			w.Inject(simcloud.Fault{Kind: simcloud.Reset})
			w.mustFail(t, ReasonConnection)
			w.ClearFaults()
			w.mustMatchV2(t, "admin")
		})
	})
}

// A filter means the same in both dialects, but for what one of them shows.
func TestFilteredInventoryOfV2(t *testing.T) {
	for _, filter := range []string{"name=Ubuntu: 24.04, minimal", "disk_format=qcow2", "status=queued", "size_min=20000000000", "changes-since=1999-01-01", "changes-since=1999-06-01T12:00:00.5"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, settings{version: "v2", pageSize: 100, cloud: simcloud.Options{Images: 600}, filters: []string{filter}})
			w.Update(w.Images()[3].ID, func(img *simcloud.Image) { img.Name = new("Ubuntu: 24.04, minimal") })
			all, one := w.filtered("admin", simcloud.V2), w.filtered("admin", simcloud.V11)
			w.mustEqual(t, all)
			if all.Images == 0 || all.Images < one.Images {
				t.Errorf("%s: %d images in v2, %d in v1.1", filter, all.Images, one.Images)
			}
			if strings.HasPrefix(filter, "changes-since") && !strings.Contains(url.PathEscape(w.Requests("list")[0].URI), "updated_at") {
				t.Errorf("%s was not asked for: %s", filter, w.Requests("list")[0].URI)
			}
		})
	}
}
