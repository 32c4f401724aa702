package simcloud

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

type user struct {
	password string
	project  string // id
	name     string // of the project
	roles    []string
	disabled bool
}

type token struct {
	user    string
	project string
	roles   []string
	issued  time.Time
	expires time.Time
}

func (t *token) admin() bool { return slices.Contains(t.roles, "admin") }

// The projects of the default users.
const (
	AdminProject  = "2ad5bd51e02445028f0580f375ce4e0d"
	MemberProject = "7c8a5de1c0f94e0e9a0d1b5b6c1d2e3f"
)

// AdminPassword is the password of the user admin at first.
const AdminPassword = "adminpw"

// defaultUsers are an administrator, a plain member and a reader, each with the
// application credential NAME-app and the same secret.
func defaultUsers() map[string]*user {
	return map[string]*user{
		"admin":  {password: AdminPassword, project: AdminProject, name: "admin", roles: []string{"reader", "member", "admin"}},
		"member": {password: "memberpw", project: MemberProject, name: "demo", roles: []string{"reader", "member"}},
		"reader": {password: "readerpw", project: AdminProject, name: "admin", roles: []string{"reader"}},
	}
}

// SetPassword changes a user's password. Tokens stay valid.
func (c *Cloud) SetPassword(name, password string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users[name].password = password
}

// Disable refuses logins of a user with 403, or no more.
func (c *Cloud) Disable(name string, disabled bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users[name].disabled = disabled
}

// Revoke makes all tokens invalid.
func (c *Cloud) Revoke() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.tokens)
}

// KeystoneHandler gives Keystone, at the root of its path.
func (c *Cloud) KeystoneHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v3/auth/tokens", c.issueToken)
	mux.HandleFunc("GET /v3/auth/tokens", c.showToken)
	mux.HandleFunc("GET /{$}", c.keystoneVersions)
	return c.faulty("auth", mux)
}

func (c *Cloud) keystoneVersions(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusMultipleChoices, object{"versions": object{"values": []object{{
		"id": "v3.14", "status": "stable", "links": []object{{"rel": "self", "href": c.keystone + "/v3/"}},
	}}}})
}

// object is a JSON object to be written.
type object map[string]any

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) //nolint:errchkjson // whoever gave up is told nothing
}

// loginRequest is what Keystone reads of a login.
type loginRequest struct {
	Auth struct {
		Identity struct {
			Methods  []string
			Password struct {
				User struct{ Name, ID, Password string }
			}
			Token                 struct{ ID string }
			ApplicationCredential struct{ ID, Secret string } `json:"application_credential"`
		}
		Scope json.RawMessage
	}
}

func (c *Cloud) issueToken(w http.ResponseWriter, r *http.Request) {
	var login loginRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequestBody)).Decode(&login); err != nil || len(login.Auth.Identity.Methods) != 1 {
		keystoneError(w, http.StatusBadRequest, "Expecting to find identity in auth.")
		return
	}
	c.mu.Lock()
	name, status := c.whoLogsIn(&login)
	var id string
	var t *token
	if status == 0 {
		u := c.users[name]
		now := time.Now().Add(c.options.ClockSkew).UTC()
		t = &token{user: name, project: u.project, roles: u.roles, issued: now, expires: now.Add(c.options.TokenTTL)}
		id = c.newTokenID()
		c.tokens[id] = t
	}
	c.mu.Unlock()
	if status != 0 {
		keystoneError(w, status, "The request you have made requires authentication.")
		return
	}
	c.writeToken(w, http.StatusCreated, id, t)
}

// newTokenID makes a token as long as those of Keystone, which begin alike.
func (c *Cloud) newTokenID() string {
	const length = 180
	c.issued++
	id := fmt.Sprintf("gAAAAAB-%016x-%d-", c.random.Uint64(), c.issued)
	return id + strings.Repeat("x", length-len(id))
}

// whoLogsIn gives the user of a login, or the status that refuses it.
func (c *Cloud) whoLogsIn(login *loginRequest) (name string, status int) {
	identity := &login.Auth.Identity
	var secret string
	switch identity.Methods[0] {
	case "password":
		name, secret = identity.Password.User.Name, identity.Password.User.Password
	case "application_credential":
		for user := range c.users {
			if identity.ApplicationCredential.ID == user+"-app" {
				name, secret = user, identity.ApplicationCredential.Secret
			}
		}
	case "token":
		if t := c.valid(identity.Token.ID); t != nil {
			return t.user, 0
		}
		return "", http.StatusUnauthorized
	}
	switch u := c.users[name]; {
	case u == nil || u.password != secret:
		return "", http.StatusUnauthorized
	case u.disabled:
		return "", http.StatusForbidden
	}
	return name, 0
}

// valid gives a token that has not expired, by Keystone's clock.
func (c *Cloud) valid(id string) *token {
	t := c.tokens[id]
	if t == nil || !time.Now().Add(c.options.ClockSkew).Before(t.expires) {
		return nil
	}
	return t
}

// Token makes a token of a user, as if it had been asked for elsewhere.
func (c *Cloud) Token(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.users[name]
	now := time.Now().Add(c.options.ClockSkew).UTC()
	id := c.newTokenID()
	c.tokens[id] = &token{user: name, project: u.project, roles: u.roles, issued: now, expires: now.Add(c.options.TokenTTL)}
	return id
}

func (c *Cloud) showToken(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	id := r.Header.Get("X-Subject-Token")
	asking, t := c.valid(r.Header.Get("X-Auth-Token")), c.valid(id)
	c.mu.Unlock()
	if asking == nil || t == nil {
		keystoneError(w, http.StatusUnauthorized, "The request you have made requires authentication.")
		return
	}
	c.writeToken(w, http.StatusOK, id, t)
}

const keystoneTime = "2006-01-02T15:04:05.000000Z"

func (c *Cloud) writeToken(w http.ResponseWriter, status int, id string, t *token) {
	roles := []object{}
	for _, role := range t.roles {
		roles = append(roles, object{"id": "role-" + role, "name": role})
	}
	w.Header().Set("X-Subject-Token", id)
	w.Header().Set("Vary", "X-Auth-Token")
	requestID(w)
	c.mu.Lock()
	catalogue := []object{c.catalogueEntry("identity", "keystone", c.keystone+"/v3"), c.catalogueEntry("image", "glance", c.image+c.options.CatalogueSuffix)}
	c.mu.Unlock()
	writeJSON(w, status, object{"token": object{
		"methods": []string{"password"}, "user": object{"name": t.user, "domain": object{"id": "default", "name": "Default"}},
		"issued_at": t.issued.Format(keystoneTime), "expires_at": t.expires.Format(keystoneTime),
		"project": object{"id": t.project}, "roles": roles, "catalog": catalogue,
	}})
}

func (c *Cloud) catalogueEntry(service, name, url string) object {
	endpoints := []object{}
	for _, region := range c.options.Regions {
		for _, iface := range []string{"public", "internal", "admin"} {
			endpoints = append(endpoints, object{"interface": iface, "region": region, "region_id": region, "url": url})
		}
	}
	return object{"type": service, "name": name, "endpoints": endpoints}
}

func keystoneError(w http.ResponseWriter, status int, message string) {
	requestID(w)
	writeJSON(w, status, object{"error": object{"code": status, "message": message, "title": http.StatusText(status)}})
}

func requestID(w http.ResponseWriter) {
	w.Header().Set("X-Openstack-Request-Id", "req-7b1f7e9c-5a53-4c8f-9a53-1f5d8e5b4a10")
}
