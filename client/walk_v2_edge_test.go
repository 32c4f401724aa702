package client

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// refuse answers 400 to the requests that fit, so many times.
func refuse(times int, fits func(*http.Request) bool) simcloud.Fault {
	return simcloud.Fault{
		Operation: "list", Times: times, Status: http.StatusBadRequest,
		Unless: func(r *http.Request) bool { return !fits(r) },
	}
}

func asks(parameter, value string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.URL.Query().Get(parameter) == value }
}

// An empty first page leaves nothing to step back to.
func TestEmptyFirstPageWhoseNextIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{version: "v2", cloud: simcloud.Options{Images: 5}})
		w.Inject(simcloud.Fault{Operation: "list", Times: 1, Kind: simcloud.Override, Body: `{"images":[],"next":"/v2/images?marker=1"}`})
		w.Inject(simcloud.Fault{Operation: "list", Status: http.StatusBadRequest})
		w.mustFail(t, ReasonBadRequest)
	})
}

// One refusal says nothing about a visibility, and one in the middle of a walk
// is a failure.
func TestRefusalsWhereVisibilitiesAreAskedForOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{version: "v2", pageSize: 20, cloud: simcloud.Options{Images: 300, Service: simcloud.Service{RefuseAll: true}}})
		w.Inject(refuse(1, asks("visibility", "public")))
		w.mustMatchV2(t, "admin")
		w.ClearFaults()
		w.Inject(refuse(0, func(r *http.Request) bool { return asks("visibility", "private")(r) && r.URL.Query().Has("marker") }))
		if _, _, err := w.list(t); asError(err) == nil {
			t.Errorf("a walk that breaks off in the middle: got %v", err)
		}
		w.ClearFaults()
		w.mustMatchV2(t, "admin")
		w.Inject(refuse(0, asks("visibility", "shared"))) // known once, it is missed now
		w.mustFail(t, ReasonBadRequest)
	})
}

func TestServiceThatRefusesAYoungVisibility(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{version: "v2", cloud: simcloud.Options{Images: 300, Service: simcloud.Service{RefuseAll: true}}})
		w.onlyListed()
		w.Inject(refuse(0, asks("visibility", "community")))
		for range 2 {
			w.mustMatchV2(t, "admin")
		}
	})
}

func TestServiceThatRefusesTheOtherParametersOfV2(t *testing.T) {
	for name, fits := range map[string]func(*http.Request) bool{
		"os_hidden":     asks("os_hidden", "true"),
		"member_status": asks("member_status", "all"),
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, settings{version: "v2", cloud: simcloud.Options{Images: 300}})
			w.onlyListed()
			for _, img := range w.Images() {
				w.Update(img.ID, func(img *simcloud.Image) { img.Hidden = false })
			}
			w.Inject(refuse(0, fits))
			w.mustMatchV2(t, "admin")
			if info := w.mustMatchV2(t, "admin"); info.Requests != 1 {
				t.Errorf("%s: the second read took %d requests", name, info.Requests)
			}
		})
	}
}

// Of a list of hidden images that holds others too, the hidden ones count.
func TestHiddenImagesAmongOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{version: "v2", cloud: simcloud.Options{Images: 5}})
		w.Inject(simcloud.Fault{Operation: "list", Times: 1, Kind: simcloud.Override, Body: `{"images":[{"id":"a"},{"id":"b"}]}`})
		w.Inject(simcloud.Fault{Operation: "list", Times: 1, Kind: simcloud.Override, Body: `{"images":[{"id":"c","os_hidden":true},{"id":"d"}]}`, Unless: func(r *http.Request) bool {
			return !r.URL.Query().Has("os_hidden")
		}})
		w.Inject(simcloud.Fault{Operation: "list", Kind: simcloud.Override, Body: `{"images":[{"id":"a"},{"id":"b"}]}`})
		got, info, err := w.list(t)
		if err != nil || got.Images != 3 || info.Images != 3 {
			t.Errorf("got %v, %d images, %d told", err, got.Images, info.Images)
		}
	})
}

// What one version of a service has taught does not hold for the next.
func TestLessonsDoNotOutliveTheVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		strict := simcloud.StrictVendor()
		strict.NoV2 = true
		w := newWorld(t, settings{version: "auto", cloud: simcloud.Options{Images: 300, Service: strict}})
		for range 2 {
			if _, _, err := w.list(t); err != nil {
				t.Fatal(err)
			}
		}
		w.SetService(func(s *simcloud.Service) {
			*s = simcloud.Service{NoV11: true, DefaultLimit: 25, MaxLimit: 1000}
		})
		w.Inject(simcloud.Fault{Operation: "list", Kind: simcloud.Reset})
		w.mustFail(t, ReasonConnection)
		w.ClearFaults()
		w.mustMatchV2(t, "admin")
	})
}

// An empty list cannot prove that our parameters are understood.
func TestParametersAreCheckedOnceThereIsAnImage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{version: "v2", cloud: simcloud.Options{Service: simcloud.Service{PropertyFilters: true}}})
		w.mustMatchV2(t, "admin")
		other := simcloud.New(simcloud.Options{Images: 10})
		for _, img := range other.Images() {
			img.Hidden = false
			w.Add(img)
		}
		w.mustMatchV2(t, "admin")
	})
}

// A service that repeats the token in headers and links does not get it into
// our log.
func TestErrorsHideTheToken(t *testing.T) {
	for _, fault := range []simcloud.Fault{
		{Status: 403},
		{Kind: simcloud.Redirect, Location: "http://elsewhere.test/?t=TOKEN"},
		{Kind: simcloud.Override, Body: `{"images":[{"id":"a"}],"next":"/v2/images?marker=TOKEN"}`},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, settings{version: "v2", cloud: simcloud.Options{Images: 5}})
			w.mustMatchV2(t, "admin")
			token := w.Requests("list")[0].Token
			fault.Operation = "list"
			fault.Header = http.Header{"X-Openstack-Request-Id": {token}}
			fault.Location = strings.ReplaceAll(fault.Location, "TOKEN", token)
			fault.Body = strings.ReplaceAll(fault.Body, "TOKEN", token)
			w.Inject(fault)
			_, _, err := w.list(t)
			failure := asError(err)
			if failure == nil {
				t.Fatal("the read succeeded")
			}
			if strings.Contains(failure.Error()+failure.URL+failure.RequestID, token) {
				t.Errorf("the token is in %v (%s)", failure, failure.RequestID)
			}
		})
	}
}
