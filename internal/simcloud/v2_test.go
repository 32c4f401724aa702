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

// askV2 makes one request for the list of v2, as a user.
func askV2(t *testing.T, c *Cloud, user, query string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v2/images?"+query, http.NoBody)
	r.Header.Set("X-Auth-Token", c.Token(user))
	w := httptest.NewRecorder()
	c.GlanceHandler().ServeHTTP(w, r)
	return w
}

// What was measured on a Glance of the Zed release.
func TestV2AnswersAsGlanceWasMeasuredTo(t *testing.T) {
	c := New(Options{Images: 200})
	for _, tc := range []struct {
		query  string
		status int
		images int
		next   bool
	}{
		{"", 200, 25, true},
		{"limit=3", 200, 3, true},
		{"limit=3&limit=4", 200, 0, false},
		{"limit=0", 200, 0, false},
		{"limit=-1", 400, 0, false},
		{"limit=", 400, 0, false},
		{"is_public=true", 200, 0, false}, // a property filter
		{"os_distro=no-such", 200, 0, false},
		{"deleted=true", 200, 25, true},
		{"x_min=1", 500, 0, false},
		{"visibility=all", 200, 25, true},
		{"visibility=secret", 400, 0, false},
		{"os_hidden=both", 400, 0, false},
		{"protected=True", 400, 0, false},
		{"protected=false", 200, 25, true},
		{"changes-since=2026-01-01", 400, 0, false},
		{"updated_at=gt:2999-01-01T00:00:00Z", 200, 0, false},
		{"updated_at=since:2999-01-01T00:00:00Z", 400, 0, false},
		{"status=neq:active", 400, 0, false},
		{"name=like:x", 400, 0, false},
		{"status=in:active,queued", 200, 25, true},
		{"marker=00000000-0000-4000-8000-000000000000", 400, 0, false},
	} {
		w := askV2(t, c, "admin", tc.query)
		if w.Code != tc.status {
			t.Errorf("%s: got %d: %s", tc.query, w.Code, w.Body)
			continue
		}
		if w.Code != 200 {
			continue
		}
		var body struct {
			Images []map[string]any
			Next   string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		if len(body.Images) != tc.images || (body.Next != "") != tc.next {
			t.Errorf("%s: %d images, next %q", tc.query, len(body.Images), body.Next)
		}
		if tc.next && !strings.HasPrefix(body.Next, "/v2/images?") {
			t.Errorf("%s: next is %q", tc.query, body.Next)
		}
	}
}

func TestV2ShowsEveryoneWhatIsTheirs(t *testing.T) {
	c := New(Options{})
	add := func(name, visibility, owner string, hidden bool, members map[string]string) {
		c.Add(Image{
			ID: c.newID(), Name: &name, Status: "active", Visibility: visibility, Owner: &owner, Hidden: hidden,
			Members: members, Size: new(int64(1)), Created: time.Now(), Updated: time.Now(),
		})
	}
	add("public", "public", "x", false, nil)
	add("hidden", "public", "x", true, nil)
	add("own", "private", MemberProject, false, nil)
	add("foreign", "private", "x", false, nil)
	add("accepted", "shared", "x", false, map[string]string{MemberProject: "accepted"})
	add("pending", "shared", "x", false, map[string]string{MemberProject: "pending"})
	add("community", "community", "x", false, nil)
	for _, tc := range []struct{ user, query, want string }{
		{"member", "", "accepted own public"},
		{"member", "visibility=all", "accepted community own public"},
		{"member", "member_status=all", "accepted own pending public"},
		{"member", "visibility=all&member_status=all", "accepted community own pending public"},
		{"member", "os_hidden=true", "hidden"},
		{"member", "visibility=community", "community"},
		{"admin", "", "accepted foreign own pending public"},
		{"admin", "visibility=all", "accepted community foreign own pending public"},
	} {
		names := map[string]bool{}
		for _, img := range listed(t, askV2(t, c, tc.user, tc.query)) {
			names[fmt.Sprint(img["name"])] = true
		}
		for name := range strings.FieldsSeq(tc.want) {
			if !names[name] {
				t.Errorf("%s, %q: %s is not shown", tc.user, tc.query, name)
			}
		}
		if len(names) != len(strings.Fields(tc.want)) {
			t.Errorf("%s, %q: shown %v", tc.user, tc.query, names)
		}
	}
}

func TestV2Markers(t *testing.T) {
	c := New(Options{})
	owner := "x"
	foreign := Image{ID: c.newID(), Status: "active", Visibility: "private", Owner: &owner, Created: time.Now(), Updated: time.Now()}
	public := foreign
	public.ID, public.Visibility = c.newID(), "public"
	c.Add(foreign)
	c.Add(public)
	marker := func(user, id string) int { return askV2(t, c, user, url.Values{"marker": {id}}.Encode()).Code }
	if got := marker("member", foreign.ID); got != http.StatusForbidden {
		t.Errorf("one that is not visible: %d", got)
	}
	c.Delete(public.ID)
	if got := marker("member", public.ID); got != http.StatusBadRequest {
		t.Errorf("a deleted one, for a member: %d", got)
	}
	if got := marker("admin", public.ID); got != http.StatusOK {
		t.Errorf("a deleted one, for an admin: %d", got)
	}
	c.Purge(public.ID)
	if got := marker("admin", public.ID); got != http.StatusBadRequest {
		t.Errorf("a purged one, for an admin: %d", got)
	}
}
