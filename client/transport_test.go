package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func mustURL(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestSameOrigin(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"https://a/x", "https://a:443/y?z", true},
		{"http://a:80", "http://a", true},
		{"http://[::1]:80", "http://[::1]", true},
		{"http://a", "https://a", false},
		{"http://a", "http://b", false},
		{"http://a", "http://a.b", false},
		{"http://a:81", "http://a:82", false},
		{"https://a:80", "http://a", false},
	} {
		if got := sameOrigin(mustURL(t, tc.a), mustURL(t, tc.b)); got != tc.want {
			t.Errorf("%s and %s: got %t", tc.a, tc.b, got)
		}
	}
}

func TestBaseURL(t *testing.T) {
	for endpoint, want := range map[string]string{
		"http://h:9292":             "http://h:9292",
		"http://h:9292/":            "http://h:9292",
		"http://h:9292/v1":          "http://h:9292",
		"http://h:9292/v1.1/":       "http://h:9292",
		"http://h:9292/v2.0/":       "http://h:9292",
		"http://h/image":            "http://h/image",
		"http://h/image/v2/":        "http://h/image",
		"http://h/v2/image":         "http://h/v2/image",
		"http://h/v2/v1":            "http://h/v2",
		"http://h/version2":         "http://h/version2",
		"http://u:p@h/v2?a=b#c":     "http://h",
		"https://ims.example.com//": "https://ims.example.com",
	} {
		if got := BaseURL(mustURL(t, endpoint)).String(); got != want {
			t.Errorf("%s: got %s, want %s", endpoint, got, want)
		}
	}
}

// send makes one request through the chain, and reads its answer.
func send(t *testing.T, target string, transport *http.Transport) (codes []int, err error) {
	t.Helper()
	defer transport.CloseIdleConnections()
	c := chain{
		transport: transport, userAgent: "glance_exporter/test", origin: mustURL(t, target), limit: 1000,
		observed: func(code int, _ time.Duration) { codes = append(codes, code) },
	}.client()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader("s3cret"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", "s3cret")
	resp, err := c.Do(req)
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if err != nil {
		err = transportFailure(t.Context(), Error{Op: OpList, URL: target}, err)
	}
	return codes, err
}

func TestChainNeverLeavesItsOrigin(t *testing.T) {
	leaked := 0
	foreign := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaked++ }))
	defer foreign.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.RedirectHandler(foreign.URL, status))
		codes, err := send(t, server.URL, newTransport(nil, nil))
		server.Close()
		failure := asError(err)
		if failure == nil || failure.Reason != ReasonConnection || failure.retryable() || !errors.Is(err, errForeign) {
			t.Errorf("%d: got %v", status, err)
		}
		if len(codes) != 1 || codes[0] != status {
			t.Errorf("%d: observed %v", status, codes)
		}
	}
	fenced := chain{transport: http.DefaultTransport, origin: mustURL(t, "http://127.0.0.1:1"), observed: func(int, time.Duration) {}}.client()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, foreign.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := fenced.Do(req); !errors.Is(err, errForeign) {
		resp.Body.Close()
		t.Errorf("a request to another origin: %v", err)
	}
	if leaked != 0 {
		t.Errorf("%d requests reached another origin", leaked)
	}
}

func TestChainFollowsWithinItsOriginButNotForEver(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/there", func(_ http.ResponseWriter, r *http.Request) {
		if r.UserAgent() != "glance_exporter/test" || r.Header.Get("X-Auth-Token") == "" {
			t.Errorf("the headers are %v", r.Header)
		}
	})
	mux.Handle("/here", http.RedirectHandler("/there", http.StatusTemporaryRedirect))
	mux.Handle("/loop", http.RedirectHandler("/loop", http.StatusFound))
	server := httptest.NewServer(mux)
	defer server.Close()
	if codes, err := send(t, server.URL+"/here", newTransport(nil, nil)); err != nil || len(codes) != 2 {
		t.Errorf("got %v, observed %v", err, codes)
	}
	codes, err := send(t, server.URL+"/loop", newTransport(nil, nil))
	if failure := asError(err); failure == nil || failure.Reason != ReasonConnection || failure.retryable() || len(codes) > 6 {
		t.Errorf("got %v after %d requests", err, len(codes))
	}
}

func TestTransportFailures(t *testing.T) {
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	authority := x509.NewCertPool()
	authority.AddCert(secure.Certificate())
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("part"))
	}))
	defer cut.Close()
	reset := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer reset.Close()
	long := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 2000))
	}))
	defer long.Close()
	for _, tc := range []struct {
		name   string
		target string
		config *tls.Config
		reason Reason
		retry  bool
		code   int
	}{
		{"nobody listens", "http://127.0.0.1:1", nil, ReasonConnection, true, 0},
		{"no such host", "http://no.such.host.invalid", nil, ReasonConnection, true, 0},
		{"the connection is reset", reset.URL, nil, ReasonConnection, true, 0},
		{"the body breaks off", cut.URL, nil, ReasonConnection, true, 200},
		{"the body is too long", long.URL, nil, ReasonTooLarge, false, 200},
		{"an unknown authority", secure.URL, nil, ReasonConnection, false, 0},
		{"another host's certificate", strings.Replace(secure.URL, "127.0.0.1", "localhost", 1), &tls.Config{RootCAs: authority, ServerName: "other"}, ReasonConnection, false, 0},
		{"plain HTTP where TLS is expected", strings.Replace(reset.URL, "http:", "https:", 1), nil, ReasonConnection, false, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			codes, err := send(t, tc.target, newTransport(tc.config, nil))
			failure := asError(err)
			if failure == nil || failure.Reason != tc.reason || failure.retryable() != tc.retry {
				t.Fatalf("got %v (%+v)", err, failure)
			}
			if strings.Contains(err.Error(), "s3cret") || strings.Count(err.Error(), tc.target) != 1 {
				t.Errorf("the error is %v", err)
			}
			if len(codes) != 1 || codes[0] != tc.code {
				t.Errorf("observed %v", codes)
			}
		})
	}
	if _, err := send(t, secure.URL, newTransport(&tls.Config{RootCAs: authority}, nil)); err != nil {
		t.Errorf("with its authority: %v", err)
	}
}

func TestTransportFailureTellsWhyTheContextEnded(t *testing.T) {
	over, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	spent, spend := context.WithCancelCause(t.Context())
	spend(errors.Join(errors.New("the budget"), context.DeadlineExceeded))
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	err := errors.New("read tcp: i/o timeout")
	for name, ctx := range map[string]context.Context{"deadline": over, "cause": spent} {
		failure := asError(transportFailure(ctx, Error{Op: OpList, URL: "http://a", Status: 200}, err))
		if failure == nil || failure.Reason != ReasonTimeout || failure.Status != 200 || failure.URL != "http://a" {
			t.Errorf("%s: got %+v", name, failure)
		}
	}
	if got := transportFailure(gone, Error{}, err); asError(got) != nil || !errors.Is(got, context.Canceled) {
		t.Errorf("hung up: got %v", got)
	}
	if failure := asError(transportFailure(t.Context(), Error{}, err)); failure == nil || failure.Reason != ReasonConnection {
		t.Errorf("a time-out below the read's own: got %+v", failure)
	}
}

func TestStatusReasons(t *testing.T) {
	for _, tc := range []struct {
		op     Operation
		status int
		want   Reason
		retry  bool
	}{
		{OpList, 204, ReasonDecode, false},
		{OpList, 300, ReasonNotFound, false},
		{OpList, 304, ReasonDecode, false},
		{OpList, 400, ReasonBadRequest, false},
		{OpList, 401, ReasonAuth, false},
		{OpList, 403, ReasonForbidden, false},
		{OpList, 404, ReasonNotFound, false},
		{OpList, 410, ReasonNotFound, false},
		{OpList, 413, ReasonBadRequest, false},
		{OpList, 414, ReasonBadRequest, false},
		{OpList, 429, ReasonRateLimited, true},
		{OpList, 500, ReasonServerError, true},
		{OpList, 501, ReasonServerError, false},
		{OpList, 502, ReasonServerError, true},
		{OpList, 503, ReasonServerError, true},
		{OpList, 504, ReasonServerError, true},
		{OpList, 599, ReasonServerError, false},
		{OpAuth, 401, ReasonAuth, false},
		{OpAuth, 403, ReasonAuth, false},
		{OpAuth, 404, ReasonNotFound, false},
		{OpAuth, 503, ReasonServerError, true},
	} {
		failure := statusFailure(Error{Op: tc.op, Status: tc.status}, http.Header{}, "")
		if failure.Reason != tc.want || failure.retryable() != tc.retry {
			t.Errorf("%s %d: got %s, retry %t", tc.op, tc.status, failure.Reason, failure.retryable())
		}
	}
}

func TestReasonsAreComplete(t *testing.T) {
	for i, info := range Reasons {
		if info.Help == "" || i > 0 && Reasons[i-1].Name >= info.Name {
			t.Errorf("%s has no help or is out of order", info.Name)
		}
	}
	if len(Reasons) != 11 {
		t.Errorf("there are %d reasons", len(Reasons))
	}
}

func TestExcerpt(t *testing.T) {
	for _, name := range []string{"v1.1-400-bad-filter", "v1.1-400-bad-marker", "v1.1-401", "v1.1-403", "v1.1-414", "v1.1-503-keystone-down"} {
		resp := recorded(t, name+".http")
		got := excerpt(resp.Body, []string{"token"}, func() {})
		resp.Body.Close()
		if strings.ContainsAny(got, "<>\n") || len(got) > excerptShow+3 {
			t.Errorf("%s: %q", name, got)
		}
		t.Logf("%s: %s", name, got)
	}
	for body, want := range map[string]string{
		"no token s3cret\x00\xff here":                        "no token [secret] here",
		"see http://u:p@host/path, or https://host/a@b":       "see http://host/path, or https://host/a@b",
		strings.Repeat(" ", excerptRead-3) + "s3cret":         "",
		strings.Repeat("<b>", excerptRead/3) + "s3cret":       "",
		"an end that only looks like one of them, s":          "an end that only looks like one of them, s",
		"other-secret, s3cret and s3cret again: other-secret": "[secret], [secret] and [secret] again: [secret]",
	} {
		if got := excerpt(strings.NewReader(body), []string{"", "s3cret", "other-secret"}, func() {}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	broken := io.MultiReader(strings.NewReader("you sent s3cre"), iotest.ErrReader(io.ErrUnexpectedEOF))
	if got := excerpt(broken, []string{"s3cret"}, func() {}); got != "you sent" {
		t.Errorf("got %q", got)
	}
}
