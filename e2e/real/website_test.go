//go:build e2e

package real

import (
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"
)

// A website is where the images lie that Glance imports by web-download.
type website struct {
	port    int
	release func() // lets the answer to /held end
}

const (
	pathHeld    = "/held"    // sends half, and the rest once it is released
	pathMissing = "/missing" // 404
)

// heldBytes is the length of what is held: what lies at /held and the upload
// that holdUpload makes.
const heldBytes = 64 << 10

// newWebsite serves it until the test ends.
func newWebsite(t *testing.T) *website {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	released := make(chan struct{})
	site := &website{port: portOf(t, listener), release: sync.OnceFunc(func() { close(released) })}
	mux := http.NewServeMux()
	mux.HandleFunc(pathHeld, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(heldBytes)) // without it Glance's import fails
		half := make([]byte, heldBytes/2)
		_, _ = w.Write(half) // whoever has gone gets nothing
		_ = http.NewResponseController(w).Flush()
		select {
		case <-released:
			_, _ = w.Write(half)
		case <-r.Context().Done():
		}
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // it ends by Close
	t.Cleanup(func() { _ = server.Close() })
	return site
}
