package client

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// Keystone v2.0 was dropped in Queens, the last release with v1.1 of the image
// API: a cloud of that age may have both.
func TestLoginAtKeystoneV2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network simcloud.PipeNet
		server := simcloud.ServeHandler(network.Listen(keystoneAddress), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost || r.URL.Path != "/v2.0/tokens" {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"access": {
				"token": {"id": "t", "issued_at": "2026-11-23T14:24:39.123456", "expires": "2026-11-23T15:24:39Z"},
				"user": {"roles": [{"name": "admin"}]},
				"serviceCatalog": [{"type": "image", "name": "glance", "endpoints": [
					{"region": "one", "publicURL": "http://image.test/v1", "internalURL": "http://inside.test", "adminURL": "http://admin.test"}]}]}}`))
		}))
		defer func() { _ = server.Close() }()
		cloud, err := Environment{
			"OS_AUTH_URL": "http://keystone.test/v2.0", "OS_USERNAME": "u", "OS_PASSWORD": "x", "OS_TENANT_NAME": "p",
		}.Cloud()
		if err != nil {
			t.Fatal(err)
		}
		login := NewLogin(cloud, LoginConfig{UserAgent: "x", Dial: network.Dial})
		defer login.Close()
		began := time.Now()
		s, err := login.session(t.Context(), &silent{})
		if err != nil {
			t.Fatal(err)
		}
		if life := s.renewAt.Sub(began).Round(time.Second); s.token != "t" || s.admin != True || life != 59*time.Minute {
			t.Errorf("got the token %q, admin %s, for %s", s.token, s.admin, life)
		}
		base, region, _, err := imageEndpoint(s.endpoints, "public", "one")
		if err != nil || base.String() != "http://image.test" || region != "one" {
			t.Errorf("got %v, %s in %q", err, base, region)
		}
	})
}
