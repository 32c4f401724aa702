package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// A request passes these links, from the outside in:
//
//	observe   times the exchange and counts it, to the body's last byte
//	stamp     sets User-Agent, which gophercloud would extend by its own
//	fence     refuses any URL outside the one origin that the request is for
//	bound     marks errors inside a body as the wire's and limits its length
//	http      connections, TLS, proxies
//
// observe stands outermost so that what the fence refuses shows in the
// metrics; the fence stands inside everything that could still change the URL.
// Tokens and retries are no links: the walk decides over both, since a page is
// asked for again as a whole, also when it breaks off while it is decoded.

// errForeign is a request that would have left its origin.
var errForeign = errors.New("refused to send a request to another origin")

// DialFunc opens connections in place of the network's own dialer.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// newTransport makes the innermost link. A nil dial means the network's own.
// Proxies are those of HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
func newTransport(config *tls.Config, dial DialFunc) *http.Transport {
	if dial == nil {
		dial = (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	}
	return &http.Transport{
		Proxy:               proxy,
		DialContext:         dial,
		TLSClientConfig:     config,
		ForceAttemptHTTP2:   true,
		TLSHandshakeTimeout: 30 * time.Second,
		MaxIdleConnsPerHost: 4, // an image service is read by one connection, Keystone by another
		IdleConnTimeout:     90 * time.Second,
		// An answer's headers are as hostile as its body.
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// proxy gives the proxy for a request. The library's own error would quote the
// variable, which may hold a password.
func proxy(req *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(req)
	if err != nil {
		return nil, errors.New("HTTP_PROXY or HTTPS_PROXY is not the URL of a proxy")
	}
	return u, nil
}

// chain makes the client for one request, or one login, to one origin.
type chain struct {
	transport http.RoundTripper
	userAgent string
	origin    *url.URL
	limit     int64 // bytes of a body; 0: the caller bounds it
	observed  func(code int, took time.Duration)
}

func (c chain) client() http.Client {
	return http.Client{
		Transport: &observe{done: c.observed, next: &stamp{userAgent: c.userAgent, next: &fence{
			origin: c.origin, next: &bound{limit: c.limit, next: c.transport},
		}}},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if !sameOrigin(req.URL, c.origin) {
				return fmt.Errorf("%w: redirect to %s", errForeign, redact(&url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host, Path: req.URL.Path}))
			}
			// Without its query a request for a page is one for another list.
			if req.URL.RawQuery != via[0].URL.RawQuery {
				return errQueryLost
			}
			if len(via) >= maxRedirects {
				return errRedirects
			}
			return nil
		},
	}
}

const maxRedirects = 5

var (
	errRedirects = errors.New("too many redirects")
	errQueryLost = errors.New("refused a redirect that changes the query")
)

// sameOrigin compares scheme, host and port, as RFC 6454 has it.
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && a.Hostname() == b.Hostname() && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

// redact gives a URL for a message: whatever could be a credential is left out.
func redact(u *url.URL) string {
	clean := *u
	clean.User = nil
	clean.Fragment = ""
	return clean.String()
}

type stamp struct {
	userAgent string
	next      http.RoundTripper
}

func (s *stamp) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", s.userAgent)
	return s.next.RoundTrip(req)
}

// fence keeps passwords and tokens where they belong: net/http carries
// X-Auth-Token along when it follows a redirect, and sends a body again.
type fence struct {
	origin *url.URL
	next   http.RoundTripper
}

func (f *fence) RoundTrip(req *http.Request) (*http.Response, error) {
	if !sameOrigin(req.URL, f.origin) {
		return nil, fmt.Errorf("%w: %s", errForeign, redact(req.URL))
	}
	return f.next.RoundTrip(req)
}

// bodyError is an answer that broke off on the wire, where a body that ends
// early but cleanly is the service's own doing.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return "the answer broke off: " + e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

type bound struct {
	limit int64
	next  http.RoundTripper
}

func (b *bound) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(req)
	if err == nil {
		resp.Body = &boundBody{ReadCloser: resp.Body, left: b.limit, limited: b.limit > 0}
	}
	return resp, err
}

type boundBody struct {
	io.ReadCloser
	left    int64
	limited bool
}

func (b *boundBody) Read(p []byte) (int, error) {
	if b.limited && b.left <= 0 {
		return 0, errTooLarge
	}
	if b.limited && int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &bodyError{err}
	}
	return n, err
}

type observe struct {
	done func(code int, took time.Duration)
	next http.RoundTripper
}

func (o *observe) RoundTrip(req *http.Request) (*http.Response, error) {
	began := time.Now()
	resp, err := o.next.RoundTrip(req)
	if err != nil {
		o.done(0, time.Since(began))
		return nil, err
	}
	resp.Body = &observedBody{ReadCloser: resp.Body, done: func() { o.done(resp.StatusCode, time.Since(began)) }}
	return resp, nil
}

// observedBody reports once: at the body's end or, where nobody reads that
// far, when it is closed.
type observedBody struct {
	io.ReadCloser
	done func()
}

func (b *observedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.report()
	}
	return n, err
}

func (b *observedBody) Close() error {
	b.report()
	return b.ReadCloser.Close()
}

func (b *observedBody) report() {
	if b.done != nil {
		b.done()
		b.done = nil
	}
}
