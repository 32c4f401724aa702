package client

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// inProcess answers requests by a handler, without any network.
type inProcess struct{ http.Handler }

// RoundTrip implements [http.RoundTripper].
func (h inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, req)
	resp := answer.Result()
	resp.Request = req
	return resp, nil
}

// services are the kinds of image services that can be read whole, whatever
// happens while they are.
var services = []simcloud.Service{
	simcloud.Glance(), simcloud.StrictVendor(), simcloud.LenientVendor(),
	{NoV11: true}, {NoV2: true}, {RefuseAll: true}, {NextFirst: true}, {NoVersions: true}, {NoV11: true, NoVersions: true},
}

// change does to a cloud what a byte says.
func change(cloud *simcloud.Cloud, b byte) {
	images := cloud.Images()
	if len(images) == 0 || b < 32 {
		return // most often nothing happens
	}
	img := images[int(b)%len(images)]
	switch b >> 5 {
	case 1, 2:
		cloud.Delete(img.ID)
	case 3, 4:
		cloud.Purge(img.ID)
	case 5:
		cloud.Update(img.ID, func(img *simcloud.Image) { img.Visibility, img.Owner = "private", new("somebody else") })
	case 6:
		cloud.Update(img.ID, func(img *simcloud.Image) { img.Hidden = !img.Hidden })
	case 7:
		img.ID = fmt.Sprintf("00000000-0000-4000-8000-%012d", cloud.Count("list"))
		img.Created = img.Created.AddDate(0, int(b&3)-1, 0)
		cloud.Add(img)
	}
}

// listed gives the images that a user is to be shown in a dialect, by their ids,
// and on which of the lists they are.
func listed(cloud *simcloud.Cloud, user string, dialect simcloud.Dialect) map[string]string {
	images := map[string]string{}
	cloud.TruthOf(user, dialect, func(img *simcloud.Image) bool {
		images[img.ID] = fmt.Sprintf("%s, hidden %t", img.Visibility, img.Hidden)
		return true
	})
	return images
}

// misreading tells whether a notice says that a service misreads our parameters.
func misreading(notice string) bool {
	return strings.HasSuffix(notice, "they are given up") && !strings.Contains(notice, "refuses")
}

// Images are deleted, made, hidden and withdrawn between the pages of a service:
// a read succeeds all the same, and every image that was there from its beginning
// to its end, as it was, is counted once.
func FuzzWalkWhole(f *testing.F) {
	for service := range services {
		for version := range byte(3) {
			f.Add(version, byte(service), byte(3), byte(20), false, []byte{})
			f.Add(version, byte(service), byte(1), byte(10), true, []byte{0, 40, 100, 200, 0, 240, 130})
			f.Add(version, byte(service), byte(4), byte(40), true, []byte{0, 0, 0, 40, 40, 40, 40, 40, 40, 40, 100, 100, 100, 100})
		}
	}
	accounts := map[bool]*Cloud{}
	for member, user := range map[bool]string{false: "admin", true: "member"} {
		account, err := Environment{
			"OS_AUTH_URL": "http://keystone.test/identity/v3", "OS_USERNAME": user, "OS_PASSWORD": user + "pw", "OS_PROJECT_NAME": "p",
		}.Cloud()
		if err != nil {
			f.Fatal(err)
		}
		accounts[member] = account
	}
	f.Fuzz(func(t *testing.T, version, service, pageSize, images byte, member bool, changes []byte) {
		options := simcloud.Options{Seed: uint64(images), Images: int(images % 32), Service: services[int(service)%len(services)]}
		options.Service.MaxLimit = 1 + int(pageSize>>4) // a page is that or what is asked for, whichever is less
		cloud := simcloud.New(options)
		if options.Service.RefuseUnknown || options.Service.IgnoreUnknown { // which have no community images
			for _, img := range cloud.Images() {
				if img.Visibility == "community" {
					cloud.Purge(img.ID)
				}
			}
		}
		trace, plan := &silent{}, changes
		config := Config{Version: []string{VersionV11, VersionV2, ""}[version%3], PageSize: 1 + int(pageSize%16), Trace: trace}
		client := New(loginThrough(inProcess{cloud.Handler()}, accounts[member]), config)
		user, dialect := "admin", simcloud.V11
		if member {
			user = "member"
		}
		if config.Version == VersionV2 || config.Version == "" && options.Service.NoV11 {
			dialect = simcloud.V2
		}
		steady, changed := map[string]string{}, false
		cloud.OnRequest(func(r *http.Request) {
			if len(changes) == 0 || r.Header.Get("X-Auth-Token") == "" {
				return
			}
			change(cloud, changes[0])
			changes, changed = changes[1:], changed || changes[0] >= 32
			now := listed(cloud, user, dialect)
			maps.DeleteFunc(steady, func(id, list string) bool { return now[id] != list })
		})
		for range 2 { // once without, once with what the first has taught
			steady, changed = listed(cloud, user, dialect), false
			ids, info, err := readThrough(t, client)
			if options.Service.NoV11 && config.Version == VersionV11 || options.Service.NoV2 && config.Version == VersionV2 {
				if failure := asError(err); failure == nil || failure.Reason != ReasonNotFound {
					t.Fatalf("it does not speak %s: got %v", config.Version, err)
				}
				return
			}
			// A list without pages that changes while the client finds that out may
			// look like one that goes round in circles. The next read knows better.
			if options.Service.IgnoreUnknown && changed && asError(err) != nil && asError(err).Reason == ReasonPaging {
				continue
			}
			if err != nil {
				t.Fatalf("after %d requests: %v", info.Requests, err)
			}
			if slices.ContainsFunc(trace.notices, misreading) {
				if changes := len(plan) - len(changes); changes < 3 {
					t.Errorf("after %d changes: %s", changes, trace.notices)
				}
				return // made, gone and made again in three requests on end: that cannot be told from a misreading
			}
			for id, list := range steady {
				if !ids[id] {
					t.Errorf("%s (%s) was there all the time, and is not counted", id, list)
				}
			}
		}
	})
}
