package simcloud

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// ask makes one request for the list of v1.1, as a user.
func ask(t *testing.T, c *Cloud, user, query string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1.1/images/detail?"+query, http.NoBody)
	r.Header.Set("Accept", "application/json")
	if user != "" {
		r.Header.Set("X-Auth-Token", c.Token(user))
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	c.GlanceHandler().ServeHTTP(w, r)
	return w
}

// listed gives the images of an answer.
func listed(t *testing.T, w *httptest.ResponseRecorder) []map[string]any {
	t.Helper()
	var body struct{ Images []map[string]any }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d: %v: %s", w.Code, err, w.Body)
	}
	return body.Images
}

// What was measured on a Glance of the Queens release.
func TestV11AnswersAsGlanceWasMeasuredTo(t *testing.T) {
	c := New(Options{Images: 1200})
	first := c.Images()[0].ID
	for _, tc := range []struct {
		query  string
		status int
		images int // of a 200; -1: not looked at
	}{
		{"", 200, 25},
		{"limit=3", 200, 3},
		{"limit=3&limit=4", 200, 4},
		{"limit=0", 200, 0},
		{"limit=5000&is_public=None", 200, 1000},
		{"limit=-1", 400, 0},
		{"limit=", 400, 0},
		{"limit=1.5", 400, 0},
		{"limit=ten", 400, 0},
		{"visibility=all&owner=x&nothing", 200, 25},
		{"is_public=nOnE", 200, 25},
		{"is_public=maybe", 400, 0},
		{"marker=nonsense", 400, 0},
		{"marker=00000000-0000-4000-8000-000000000000", 400, 0},
		{"marker=" + strings.ToUpper(first), 400, 0},
		{"limit=1000&is_public=None&marker=" + c.images[0].ID, 200, 0},
		{"name=no-such-name", 200, 0},
		{"name=Ubuntu: x", 500, 0},
		{"name=eq:Ubuntu: x", 200, 0},
		{`name=in:"a,b",c`, 200, 0},
		{"disk_format=QCOW2", 200, 0},
		{"disk_format=qcow2", 200, 25},
		{"disk_format=in:qcow2,raw", 200, 25},
		{"status=deleted", 200, 0},
		{"size_min=1", 200, 25},
		{"size_min=-1", 400, 0},
		{"size_max=abc", 400, 0},
		{"size_max=9223372036854775808", 500, 0},
		{"changes-since=yesterday", 400, 0},
		{"changes-since=2001-01-01T00:00:00Z", 200, 25},
		{"changes-since=2999-01-01T00:00:00", 200, 0},
	} {
		w := ask(t, c, "admin", strings.ReplaceAll(tc.query, " ", "%20"))
		if w.Code != tc.status {
			t.Errorf("%s: got %d: %s", tc.query, w.Code, w.Body)
		} else if w.Code == 200 && len(listed(t, w)) != tc.images {
			t.Errorf("%s: %d images, want %d", tc.query, len(listed(t, w)), tc.images)
		}
		if w.Header().Get("X-Openstack-Request-Id") == "" {
			t.Errorf("%s: no request id", tc.query)
		}
	}
}

func TestV11IsWrittenAsGlanceWritesIt(t *testing.T) {
	c := New(Options{})
	created := time.Date(2026, 11, 23, 14, 51, 15, 945019000, time.UTC)
	c.Add(Image{
		ID: "113cb038-2067-4846-8e12-44f70ccb5ab1", Name: new("ünï\"\\\n😀"), Status: "queued", Visibility: "public",
		Created: created, Updated: created, Properties: map[string]string{"OS-Distro": "debian"},
	})
	body := ask(t, c, "admin", "").Body.String()
	for _, want := range []string{
		`"name": "\u00fc` + `n\u00ef\"\\\n\ud83d\ude00"`, `"disk_format": null`, `"size": null`, `"is_public": true`,
		`"created_at": "2026-11-23T14:51:15.945019"`, `"deleted_at": null`, `"deleted": false`, `"os_distro": "debian"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is not in %s", want, body)
		}
	}
}

func TestV11ShowsEveryoneWhatIsTheirs(t *testing.T) {
	c := New(Options{})
	add := func(name, visibility, owner string, members map[string]string) {
		c.Add(Image{
			ID: c.newID(), Name: &name, Status: "active", Visibility: visibility, Owner: &owner, Members: members,
			Size: new(int64(1)), Created: time.Now(), Updated: time.Now(),
		})
	}
	add("public", "public", "x", nil)
	add("own", "private", MemberProject, nil)
	add("foreign", "private", "x", nil)
	add("shared", "shared", "x", map[string]string{MemberProject: "pending"})
	add("unshared", "shared", "x", nil)
	add("community", "community", "x", nil)
	for _, tc := range []struct{ user, query, want string }{
		{"member", "", "own public shared"},
		{"member", "is_public=None", "own public shared"},
		{"admin", "", "public"},
		{"admin", "is_public=None", "foreign own public shared unshared"},
		{"admin", "is_public=True", "public"},
	} {
		names := map[string]bool{}
		for _, img := range listed(t, ask(t, c, tc.user, tc.query)) {
			names[fmt.Sprint(img["name"])] = true
		}
		want := strings.Fields(tc.want)
		for _, name := range want {
			if !names[name] {
				t.Errorf("%s, %q: %s is not shown", tc.user, tc.query, name)
			}
		}
		if len(names) != len(want) {
			t.Errorf("%s, %q: shown %v", tc.user, tc.query, names)
		}
	}
	if truth := c.Truth("member"); truth.Images != 3 {
		t.Errorf("the truth for the member is %d images", truth.Images)
	}
	if truth := c.Truth("admin"); truth.Images != 5 {
		t.Errorf("the truth for the admin is %d images", truth.Images)
	}
}

func TestV11DeletedImages(t *testing.T) {
	c := New(Options{Images: 60})
	images := c.Images()
	var mine string
	for _, img := range images {
		if img.Visibility == "public" {
			mine = img.ID
		}
	}
	c.Delete(mine)
	if w := ask(t, c, "admin", "marker="+mine); w.Code != 200 {
		t.Errorf("a deleted marker, for an admin: %d", w.Code)
	}
	if w := ask(t, c, "member", "marker="+mine); w.Code != 400 {
		t.Errorf("a deleted marker, for a member: %d", w.Code)
	}
	since := url.Values{"changes-since": {"2001-01-01T00:00:00Z"}, "limit": {"1000"}, "marker": {mine}}
	if w := ask(t, c, "member", since.Encode()); w.Code != 200 {
		t.Errorf("a deleted marker among changes, for a member: %d", w.Code)
	}
	since.Del("marker")
	found := false
	for _, img := range listed(t, ask(t, c, "admin", since.Encode())) {
		if img["id"] == mine {
			found = fmt.Sprint(img["deleted"]) == "true" && img["deleted_at"] != nil && fmt.Sprint(img["properties"]) == "map[]"
		}
	}
	if !found {
		t.Error("changes-since does not bring the deleted image as deleted")
	}
}

func TestV11Errors(t *testing.T) {
	c := New(Options{Images: 5})
	if w := ask(t, c, "", ""); w.Code != 401 || w.Header().Get("Www-Authenticate") == "" || w.Header().Get("X-Openstack-Request-Id") != "" {
		t.Errorf("without token: %d, %v", w.Code, w.Header())
	}
	for accept, want := range map[string]string{"application/json": "application/json", "*/*": "text/html; charset=UTF-8", "text/plain": "text/plain; charset=UTF-8"} {
		if got := ask(t, c, "admin", "limit=x", "Accept", accept).Header().Get("Content-Type"); got != want {
			t.Errorf("%s: an error is %s", accept, got)
		}
	}
	c.SetService(func(s *Service) { s.NoV11 = true })
	if w := ask(t, c, "admin", ""); w.Code != 300 || strings.Contains(w.Body.String(), "v1.1") || w.Header().Get("X-Openstack-Request-Id") != "" {
		t.Errorf("without v1.1: %d: %s", w.Code, w.Body)
	}
}
