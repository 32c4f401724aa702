//go:build e2e

package comparison

import (
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/glance-exporter/glance_exporter/e2e/harness"
	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// A cloud is a simulated one, whose traffic is counted.
type cloud struct {
	*simcloud.Cloud
	url   string
	sent  atomic.Int64 // bytes
	lists atomic.Int64 // requests for the list that are under way
}

// serve serves a simulated cloud on loopback until the test ends.
func serve(t *testing.T, options simcloud.Options) *cloud {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{Cloud: simcloud.New(options), url: "http://" + listener.Addr().String()}
	c.SetURLs(c.url+"/identity", c.url)
	handler := c.Handler()
	server := simcloud.ServeHandler(&countingListener{listener, &c.sent}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/images") {
			c.lists.Add(1)
			defer c.lists.Add(-1)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { _ = server.Close() })
	return c
}

// cloudsYAML has the administrator, with a password that may be wrong.
func (c *cloud) cloudsYAML(password string) string {
	return strings.ReplaceAll("clouds:\n"+harness.CloudEntry("admin", c.Cloud), simcloud.AdminPassword, password)
}

// revoke makes all tokens invalid, as their end does.
func (c *cloud) revoke() { c.Revoke() }

// countingListener counts what is written to its connections.
type countingListener struct {
	net.Listener
	sent *atomic.Int64
}

func (l *countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &countingConn{conn, l.sent}, nil
}

type countingConn struct {
	net.Conn
	sent *atomic.Int64
}

func (c *countingConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.sent.Add(int64(n))
	return n, err
}
