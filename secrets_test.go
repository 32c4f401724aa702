package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

const (
	secretPassword   = "s3cret-password"
	secretCredential = "s3cret-credential"
	secretUserinfo   = "s3cret-user:s3cret-of-the-url"
)

// secretClouds serves a cloud whose two accounts have secrets, one a password
// and the other an application credential, and writes its clouds.yaml.
func secretClouds(t *testing.T) *simcloud.Cloud {
	t.Helper()
	clearEnvironment(t)
	cloud := serveCloud(t, simcloud.Options{Images: 5})
	cloud.SetPassword("admin", secretPassword)
	cloud.SetPassword("member", secretCredential)
	address := strings.TrimSuffix(strings.TrimPrefix(authURL(cloud), "http://"), "/identity/v3")
	cloud.SetURLs("http://"+address+"/identity", "http://"+secretUserinfo+"@"+address)
	writeClouds(t, entry("password", cloud, "admin", secretPassword), fmt.Sprintf(`  credential:
    auth_type: v3applicationcredential
    auth: {auth_url: %q, application_credential_id: member-app, application_credential_secret: %s}
`, authURL(cloud), secretCredential))
	return cloud
}

// echo gives back what a request holds, and more that no one should see.
func echo(r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	return fmt.Sprintf("%s %s %s %s", r.Header.Get("X-Auth-Token"), body, r.URL, secretUserinfo)
}

// indiscreet lists faults of every kind, by a service that repeats in body,
// headers and links what it was told.
func indiscreet(secret string) map[string]simcloud.Fault {
	header := http.Header{}
	for _, name := range []string{"X-Openstack-Request-Id", "Www-Authenticate", "Retry-After", "Content-Type", "X-Subject-Token"} {
		header.Set(name, secret)
	}
	faults := map[string]simcloud.Fault{}
	for kind := range simcloud.Deep + 1 {
		faults[fmt.Sprintf("kind %d", kind)] = simcloud.Fault{Kind: kind, Status: map[simcloud.Kind]int{simcloud.HangError: 403, simcloud.Status: 418}[kind], Header: header, Body: secret}
	}
	for _, status := range []int{300, 400, 403, 404, 429, 500, 503, 401} {
		faults[fmt.Sprintf("status %d", status)] = simcloud.Fault{Status: status, Header: header, Body: "you sent " + secret}
		faults[fmt.Sprintf("status %d, JSON", status)] = simcloud.Fault{Status: status, Header: header, Body: fmt.Sprintf(`{"error": {"message": %q}}`, secret)}
		faults[fmt.Sprintf("status %d, cut", status)] = simcloud.Fault{Status: status, Body: strings.Repeat(" ", max(0, 4096-len(secret)+1)) + secret}
	}
	for _, length := range []int{128, 129, 500} { // of an id that is cut off
		long := http.Header{"X-Openstack-Request-Id": {strings.Repeat("a", max(0, length-len(secret))) + secret}}
		faults[fmt.Sprintf("an id of %d", length)] = simcloud.Fault{Status: 403, Header: long}
	}
	for name, location := range map[string]string{
		"user": "http://" + secretUserinfo + "@127.0.0.1:1/", "path": "http://127.0.0.1:1/" + secret, "query": "http://127.0.0.1:1/?t=" + url.QueryEscape(secret),
		"host": "http://" + secret + ".test/", "fragment": "?#" + secret, "no URL": "http://%zz" + secret, "same origin": "/" + secret,
	} {
		faults["redirect, "+name] = simcloud.Fault{Kind: simcloud.Redirect, Status: 307, Location: location, Header: header}
	}
	for name, body := range map[string]string{
		"list": `{"images": [{"id": "a"}], "next": "http://` + secretUserinfo + `@127.0.0.1:1/?marker=` + secret + `"}`,
		"type": `{"images": [{"id": "` + secret + `", "size": "` + secret + `"}]}`, "time": `{"images": [{"id": "a", "created_at": "` + secret + `"}]}`,
		"next": `{"images": [{"id": "a"}], "next": "http://%zz` + secret + `"}`, "key": `{"` + secret + `": ` + secret + `}`,
	} {
		faults["body, "+name] = simcloud.Fault{Kind: simcloud.Override, Body: body, Header: http.Header{"X-Openstack-Request-Id": {secret}}}
	}
	faults["echo"] = simcloud.Fault{Kind: simcloud.Override, BodyOf: echo}
	return faults
}

// reload has the program read clouds.yaml again, so that a login that was refused
// need not wait.
func (p *exporter) reload() {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, "http://"+p.address+"/-/reload", http.NoBody)
	if err != nil {
		p.t.Fatal(err)
	}
	if got, err := do(oneShot(), req); err != nil || got.status != http.StatusOK {
		p.t.Fatalf("%v, %d: %s", err, got.status, got.body)
	}
}

// lastToken is the one that the image service was sent last.
func lastToken(cloud *simcloud.Cloud) string {
	list := cloud.Requests("list")
	return list[len(list)-1].Token
}

// mustHide demands that no secret of the cloud is in a text, nor most of one.
func mustHide(t *testing.T, cloud *simcloud.Cloud, place, text string) {
	t.Helper()
	secrets := []string{"s3cret", url.QueryEscape(secretUserinfo)}
	for _, request := range cloud.Requests("") {
		if token := request.Token; token != "" {
			secrets = append(secrets, token[:24]) // which is what tells it from others
		}
	}
	for _, secret := range secrets {
		if at := strings.Index(text, secret); at >= 0 {
			t.Errorf("%s: %q shows: %s", place, secret, text[max(0, at-300):at+len(secret)])
			return
		}
	}
}

// No secret shows in a log line, even at debug, in a metric, on a page or in an
// error, whatever services say.
func TestSecretsNeverShow(t *testing.T) {
	for _, tc := range []struct {
		account, secret, version string
		operations               []string
	}{
		{"password", secretPassword, "auto", []string{"list", "discovery", "auth"}},
		{"credential", secretCredential, "v2", []string{"list", "auth"}},
	} {
		t.Run("a "+tc.account+" and "+tc.version, func(t *testing.T) {
			cloud := secretClouds(t)
			p := start(t, "--scrape.timeout=100ms", "--web.enable-lifecycle", "--image.api-version="+tc.version)
			path, failed := "/probe?cloud="+tc.account, 0
			for _, operation := range tc.operations {
				for name := range indiscreet("") {
					secret := tc.secret
					p.reload()
					if operation == "auth" {
						cloud.Revoke()
					} else {
						mustBeUp(t, p.get(path, timeoutHeader, "10"))
						secret = lastToken(cloud)
					}
					p.log.discard()
					fault := indiscreet(secret)[name]
					fault.Operation = operation
					cloud.Inject(fault)
					got := p.get(path)
					cloud.ClearFaults()
					if strings.Contains(got.body, "\nglance_up 0\n") {
						failed++
					}
					mustHide(t, cloud, name+" of "+operation, got.body+p.log.String()+p.get("/").body)
				}
			}
			mustHide(t, cloud, "the metrics", p.get("/metrics").body)
			if failed < 80 {
				t.Errorf("only %d reads failed", failed)
			}
		})
	}
}

// mustBeUp demands an inventory.
func mustBeUp(t *testing.T, got answer) {
	t.Helper()
	if got.status != http.StatusOK || !strings.Contains(got.body, "\nglance_up 1\n") {
		t.Fatalf("%d: %s", got.status, got.body)
	}
}

// Neither password nor token reaches another origin, however a service tries to
// lead us there; what the catalogue names gets the token, and nothing more.
func TestSecretsStayAtTheirOrigin(t *testing.T) {
	var mu sync.Mutex
	var trapped []string
	trap := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		trapped = append(trapped, fmt.Sprint(r.Method, r.URL, r.Header, echo(r)))
	}))
	defer trap.Close()
	cloud := secretClouds(t)
	images := httptest.NewServer(cloud.GlanceHandler()) // at a port of its own
	defer images.Close()
	cloud.SetURLs(strings.TrimSuffix(authURL(cloud), "/v3"), images.URL)
	p := start(t, "--scrape.timeout=1s", "--web.enable-lifecycle", "--image.api-version=v2")
	var faults []simcloud.Fault
	for _, operation := range []string{"list", "auth"} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			for _, path := range []string{"/", "/identity/v3/auth/tokens", "/v2/images?limit=1000&member_status=all&visibility=all"} {
				faults = append(faults, simcloud.Fault{Operation: operation, Kind: simcloud.Redirect, Status: status, Location: trap.URL + path})
			}
		}
	}
	for _, next := range []string{trap.URL + "/v2/images?marker=a", strings.TrimPrefix(trap.URL, "http:") + "?marker=a", "@" + strings.TrimPrefix(trap.URL, "http://") + "/"} {
		faults = append(faults, simcloud.Fault{Operation: "list", Kind: simcloud.Override, Times: 1, Body: fmt.Sprintf(`{"images": [{"id": "a"}], "next": %q}`, next)})
	}
	for _, fault := range faults {
		cloud.Revoke()
		cloud.Inject(fault)
		for _, account := range []string{"password", "credential"} {
			p.get("/probe?cloud=" + account)
		}
		cloud.ClearFaults()
	}
	for _, account := range []string{"password", "credential"} {
		mustBeUp(t, p.get("/probe?cloud="+account))
	}
	if len(trapped) > 0 {
		t.Errorf("this went to another origin: %q", trapped)
	}
	if token := lastToken(cloud); token == "" || strings.Contains(token, "s3cret") {
		t.Errorf("the image service was sent the token %q", token)
	}
}

// The password of a proxy that is not there does not show either. A process looks
// at HTTP_PROXY once, so this takes one of its own.
func TestSecretsOfAProxy(t *testing.T) {
	if strings.Contains(os.Getenv("HTTP_PROXY"), secretUserinfo) {
		cloud := secretClouds(t)
		file, err := os.ReadFile("clouds.yaml")
		if err != nil {
			t.Fatal(err)
		}
		address := strings.TrimPrefix(strings.TrimSuffix(authURL(cloud), "/v3"), "http://")
		files(t, map[string]string{"clouds.yaml": strings.ReplaceAll(string(file), address, "keystone.test")}) // loopback needs no proxy
		status, stdout, stderr := execute(t, "--cloud=password", "--once", "--scrape.timeout=100ms")
		mustHide(t, cloud, "standard error", stdout+stderr)
		if status != 1 || !strings.Contains(stderr, "connection: http://keystone.test") || !strings.Contains(stderr, "prox") {
			t.Errorf("status %d, standard error %q", status, stderr)
		}
		return
	}
	self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	self.Env = append(os.Environ(), "HTTP_PROXY=http://"+secretUserinfo+"@127.0.0.1:1")
	if output, err := self.CombinedOutput(); err != nil || !strings.Contains(string(output), "--- PASS: "+t.Name()) {
		t.Errorf("%v: %s", err, output)
	}
}
