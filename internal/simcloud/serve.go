package simcloud

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Handler gives Keystone under /identity and the image service under its
// prefix, or at the root.
func (c *Cloud) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/identity/", http.StripPrefix("/identity", c.KeystoneHandler()))
	mux.Handle("/", c.GlanceHandler())
	return mux
}

// CloudsYAML gives a clouds.yaml with the default users as clouds of their
// names.
func (c *Cloud) CloudsYAML() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	yaml := []byte("clouds:\n")
	for _, name := range []string{"admin", "member", "reader"} {
		u := c.users[name]
		yaml = fmt.Appendf(yaml, `  %s:
    auth:
      auth_url: %s/v3
      username: %s
      password: %q
      project_name: %s
      user_domain_name: Default
      project_domain_name: Default
`, name, c.keystone, name, u.password, u.name)
	}
	return yaml
}

// Serve serves the cloud on a listener until Close is called on what it
// returns, and tells the cloud where it is.
func (c *Cloud) Serve(listener net.Listener) *http.Server {
	base := "http://" + listener.Addr().String()
	c.SetURLs(base+"/identity", base+c.options.Prefix)
	return ServeHandler(listener, c.Handler())
}

// ServeHandler serves a handler on a listener until the server is closed.
func ServeHandler(listener net.Listener, handler http.Handler) *http.Server {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with Close
	return server
}

// A PipeNet is a network inside the process, for synctest bubbles, where real
// sockets would keep time from passing.
type PipeNet struct {
	mu        sync.Mutex
	listeners map[string]*pipeListener
	dials     int
}

// Listen takes an address such as image.test:80.
func (n *PipeNet) Listen(address string) net.Listener {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners == nil {
		n.listeners = map[string]*pipeListener{}
	}
	l := &pipeListener{address: address, connections: make(chan net.Conn), closed: make(chan struct{})}
	n.listeners[address] = l
	return l
}

// Dial connects to an address; it fits an http.Transport's DialContext.
func (n *PipeNet) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[address]
	n.dials++
	n.mu.Unlock()
	refused := &net.OpError{Op: "dial", Net: network, Err: refusedError(address)}
	if l == nil {
		return nil, refused
	}
	near, far := net.Pipe()
	select {
	case l.connections <- far:
		return near, nil
	case <-l.closed:
		return nil, refused
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Dials gives the number of connections asked for so far.
func (n *PipeNet) Dials() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dials
}

type refusedError string

func (e refusedError) Error() string { return string(e) + ": connection refused" }

type pipeListener struct {
	address     string
	connections chan net.Conn
	once        sync.Once
	closed      chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.connections:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr(l.address) }

type pipeAddr string

func (pipeAddr) Network() string  { return "pipe" }
func (a pipeAddr) String() string { return string(a) }
