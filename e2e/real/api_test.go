//go:build e2e

package real

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// A user is one of a project, with the password that the project's users have.
type user struct{ name, password, project, role string }

// Each of the plain members has a purpose; admin sees everything.
var (
	admin  = &user{"admin", "admin-pw", "admin", "admin"}
	member = &user{"member", "member-pw", "demo", "member"} // whose inventory is judged
	alt    = &user{"alt", "alt-pw", "alt", "member"}        // who shares with demo
	churn  = &user{"churn", "churn-pw", "churn", "member"}  // whose images come and go
	pat    = &user{"pat", "pat-pw", "demo", "member"}       // whose password changes
	reader = &user{"reader", "reader-pw", "admin", "reader"}
	users  = []*user{member, alt, churn, pat, reader}
)

// httpClient uses no proxy. It keeps no connection: uwsgi closes them without a
// word, and a request on such a one would fail.
var httpClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// An api speaks with the services for one user. It is safe for concurrent use.
type api struct {
	lab  *lab
	user *user

	mu        sync.Mutex
	token     string
	until     time.Time
	projectID string
	userID    string
}

func (l *lab) as(u *user) *api { return &api{lab: l, user: u} }

type object = map[string]any

// A patch changes an image's fields, in JSON that has a type of its own.
type patch []object

// login gives a token that lives for some seconds at least.
func (a *api) login(ctx context.Context) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Now().Before(a.until) {
		return a.token, nil
	}
	domain := object{"id": "default"}
	body := object{"auth": object{
		"identity": object{"methods": []string{"password"}, "password": object{
			"user": object{"name": a.user.name, "domain": domain, "password": a.user.password},
		}},
		"scope": object{"project": object{"name": a.user.project, "domain": domain}},
	}}
	var answer struct {
		Token struct {
			ExpiresAt     time.Time `json:"expires_at"`
			Project, User struct{ ID string }
		}
	}
	header, status, err := exchange(ctx, http.MethodPost, a.lab.KeystoneURL()+"/auth/tokens", "", body, &answer)
	if err != nil || status != http.StatusCreated {
		return "", fmt.Errorf("the login of %s: status %d, %w", a.user.name, status, err)
	}
	a.token = header.Get("X-Subject-Token")
	a.projectID, a.userID = answer.Token.Project.ID, answer.Token.User.ID
	a.until = answer.Token.ExpiresAt.Add(-10 * time.Second)
	return a.token, nil
}

// try makes a request with the user's token: to Keystone where the path begins
// with /v3, else to Glance. A body of bytes is an image's data.
func (a *api) try(ctx context.Context, method, path string, body, into any) (status int, err error) {
	token, err := a.login(ctx)
	if err != nil {
		return 0, err
	}
	url := a.lab.glanceURL() + path
	if rest, found := strings.CutPrefix(path, "/v3"); found {
		url = a.lab.KeystoneURL() + rest
	}
	_, status, err = exchange(ctx, method, url, token, body, into)
	return status, err
}

// do is try for a request that must succeed.
func (a *api) do(t *testing.T, method, path string, body, into any) {
	t.Helper()
	status, err := a.try(t.Context(), method, path, body, into)
	if err != nil {
		t.Fatalf("%s %s as %s: %d, %v", method, path, a.user.name, status, err)
	}
}

// project gives the id of the user's project.
func (a *api) project(t *testing.T) string {
	t.Helper()
	if _, err := a.login(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a.projectID
}

// exchange makes one request. An answer of 4xx or 5xx is an error too.
func exchange(ctx context.Context, method, url, token string, body, into any) (http.Header, int, error) {
	kind := "application/json"
	var reader io.Reader = http.NoBody
	switch body := body.(type) {
	case nil:
	case []byte:
		kind, reader = "application/octet-stream", bytes.NewReader(body)
	case io.Reader:
		kind, reader = "application/octet-stream", body
	default:
		if _, is := body.(patch); is {
			kind = "application/openstack-images-v2.1-json-patch"
		}
		text, err := json.Marshal(body)
		if err != nil {
			return nil, 0, err
		}
		reader = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, reader)
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Accept", "application/json")
	if token != "" {
		req.Header.Set("X-Auth-Token", token)
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
	case resp.StatusCode >= 400:
		err = errors.New(string(text[:min(len(text), 500)]))
	case into != nil:
		err = json.Unmarshal(text, into)
	}
	return resp.Header, resp.StatusCode, err
}

// makeUsers gives Keystone the projects and users, and the catalogue an image
// service in each region.
func (l *lab) makeUsers(t *testing.T) {
	t.Helper()
	keystone := l.as(admin)
	type named struct{ ID, Name string }
	create := func(kind string, fields object) string {
		t.Helper()
		var answer map[string]named
		keystone.do(t, http.MethodPost, "/v3/"+kind+"s", object{kind: fields}, &answer)
		return answer[kind].ID
	}
	var list struct{ Roles []named }
	keystone.do(t, http.MethodGet, "/v3/roles", nil, &list)
	roles := map[string]string{"service": create("role", object{"name": "service"})}
	for _, role := range list.Roles {
		roles[role.Name] = role.ID
	}
	projects := map[string]string{admin.project: keystone.project(t)}
	enrol := func(u *user, roleNames ...string) {
		t.Helper()
		if projects[u.project] == "" {
			projects[u.project] = create("project", object{"name": u.project, "domain_id": "default"})
		}
		id := create("user", object{"name": u.name, "password": u.password, "domain_id": "default"})
		for _, role := range roleNames {
			keystone.do(t, http.MethodPut, fmt.Sprintf("/v3/projects/%s/users/%s/roles/%s", projects[u.project], id, roles[role]), nil, nil)
		}
	}
	enrol(&user{name: "glance", password: l.GlancePassword, project: "service"}, "admin", "service")
	for _, u := range users {
		enrol(u, u.role)
	}
	service := create("service", object{"name": "glance", "type": "image"})
	create("region", object{"id": regionUWSGI})
	for region, url := range map[string]string{regionOwn: l.glanceURL(), regionUWSGI: l.uwsgiURL()} {
		create("endpoint", object{"service_id": service, "interface": "public", "region_id": region, "url": url})
	}
}
