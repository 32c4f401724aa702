package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A whim is an image service without any sense: a script of bytes says what it
// answers to each request.
type whim struct {
	script   []byte
	at       int
	endless  bool // begins the script anew at its end; else all answers are empty then
	requests int

	listed map[string]bool // ids of all lists given
	// open holds those ids of the walk at hand, from its beginning on, that the
	// read must count if it succeeds.
	open   []string
	hidden bool // the walk at hand asks for hidden images
}

// mostRequests is more than any read may make of a whim: each of its 32 ids may
// come after as many empty pages as are borne, in each of 8 walks.
const mostRequests = 8 * 33 * (maxIdle + 2)

func (s *whim) byte() byte {
	if s.at == len(s.script) {
		if !s.endless || len(s.script) == 0 {
			return 0
		}
		s.at = 0
	}
	s.at++
	return s.script[s.at-1]
}

// RoundTrip implements [http.RoundTripper].
func (s *whim) RoundTrip(req *http.Request) (*http.Response, error) {
	s.requests++
	if s.requests > mostRequests {
		return nil, errors.New("there is no end to it")
	}
	query := req.URL.Query()
	behind := query.Has("marker") || query.Has("page")
	if !behind {
		s.hidden = query.Has("os_hidden")
	}
	if !behind && !s.hidden {
		s.open = nil // a walk begins anew, or something is looked into
	}
	status, body := s.answer(req.URL, behind)
	if status == 0 {
		return nil, errors.New("the connection is reset")
	}
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1, Request: req,
	}, nil
}

func (s *whim) answer(target *url.URL, behind bool) (status int, body string) {
	const list = 200
	statuses := []int{list, list, list, list, list, list, list, list, 300, 400, 400, 403, 404, 405, 500, 0}
	kind := s.byte()
	status = statuses[kind%16]
	switch {
	case status != list:
		return status, `{"versions": [{"id": "v2.0"}]}`
	case target.Path == "/":
		return 300, []string{
			`{"versions": [{"id": "v2.0"}, {"id": "v1.1"}]}`, `{"versions": [{"id": "v2.9"}]}`, `{"versions": [{"id": "v1.1"}]}`, `{"versions": []}`, `{}`, ``,
		}[kind>>4%6]
	case kind>>4 == 1:
		return list, "<html></html>"
	case kind>>4 == 2:
		return list, `{"images": [{"id": "a"}`
	}
	return list, s.page(target, behind)
}

// page gives as many images as the service feels like, in an order of its own.
func (s *whim) page(target *url.URL, behind bool) string {
	var images, ids []string
	for range s.byte() % 8 {
		n := s.byte() % 32
		id := fmt.Sprintf("id%d", n)
		hidden, deleted := n%4 == 3, n%16 == 15
		images = append(images, fmt.Sprintf(`{"id": %q, "os_hidden": %t, "deleted": %t}`, id, hidden, deleted))
		s.listed[id] = true
		if (hidden || !s.hidden) && (!deleted || target.Path == v2.path) { // v2 knows no deleted images
			ids = append(ids, id)
		}
	}
	if behind {
		s.open = append(s.open, ids...)
	}
	next := ""
	switch b := s.byte(); b % 8 {
	case 0, 1:
	case 2:
		next = `, "next": "http://elsewhere.test/v2/images?page=` + fmt.Sprint(b) + `"`
	case 3:
		next = `, "next": "/v2/images?` + target.RawQuery + `"` // itself
	case 4:
		next = `, "next": "http://%zz"`
	default:
		next = `, "next": "/v2/images?page=` + fmt.Sprint(s.requests*int(b&8)+int(b>>4)) + `&marker=id0"`
	}
	return `{"images": [` + strings.Join(images, ", ") + `]` + next + `}`
}

// impatient is a context whose time is never over, but always too short for
// waiting.
type impatient struct{ context.Context } //nolint:containedctx // it is a context itself

func (impatient) Deadline() (time.Time, bool) { return time.Now().Add(firstBackoff / 4), true }

// ledger takes the ids of pages.
type ledger struct {
	t     *testing.T
	ids   map[string]bool
	names []string // of the page at hand
	whole bool
	all   *ledger // nil for the whole
}

func (l *ledger) newPage() Page { return &ledger{t: l.t, all: l} }

func (l *ledger) Add(img *Image) { l.names = append(l.names, string(img.ID)) }

func (l *ledger) Commit() {
	if l.whole {
		l.t.Error("a page is committed twice")
	}
	l.whole = true
	for _, id := range l.names {
		if l.all.ids[id] {
			l.t.Errorf("%s is committed twice", id)
		}
		l.all.ids[id] = true
	}
}

// loginThrough makes a login whose requests, and those of its reads, are answered
// by a service without any network.
func loginThrough(service http.RoundTripper, cloud *Cloud) *Login {
	login := NewLogin(cloud, LoginConfig{UserAgent: "glance_exporter/fuzz"})
	login.transport.RegisterProtocol("http", service)
	return login
}

// readThrough makes one read that never waits, and checks what holds for every
// read.
func readThrough(t *testing.T, client *Client) (ids map[string]bool, info Info, err error) {
	t.Helper()
	all := &ledger{t: t, ids: map[string]bool{}}
	info, err = client.List(impatient{t.Context()}, all.newPage)
	if err != nil && asError(err) == nil {
		t.Errorf("an error without reason: %v", err)
	}
	if err == nil && info.Images != len(all.ids) {
		t.Errorf("%d images are told, %d were committed", info.Images, len(all.ids))
	}
	return all.ids, info, err
}

// Whatever a service answers: a read ends, counts no image twice and none that
// was not listed, and if it succeeds it has counted all that was listed behind
// its walk's first page.
func FuzzWalk(f *testing.F) {
	f.Add([]byte{0, 3, 0, 0, 2, 1, 2, 0, 0, 2, 3, 4, 0, 0, 0, 0})             // v1.1, two pages and an empty one
	f.Add([]byte{0, 2, 0, 9, 0, 0, 2, 1, 2, 0, 0, 9})                         // v1.1 that refuses parameters and markers
	f.Add([]byte{1, 3, 0, 0, 2, 1, 2, 29, 0, 2, 3, 4, 0, 0, 1, 7, 0})         // v2, two pages and a hidden one
	f.Add([]byte{1, 3, 0, 9, 9, 0, 1, 1, 0, 9, 9, 0, 1, 2, 0, 9, 9, 9, 9, 9}) // v2 that refuses visibilities
	f.Add([]byte{2, 3, 0, 0, 0, 1, 7, 0, 1, 7, 0})                            // auto
	f.Add([]byte{1, 1, 1, 0, 0, 13})                                          // empty pages, and no end
	f.Add([]byte{1, 1, 1, 0, 1, 1, 13, 9, 11})                                // the same page, and lost markers
	f.Add([]byte{0, 1, 1, 0, 1, 1, 0, 9, 0, 1, 2, 0})                         // v1.1 with lost markers, and no end
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) < 3 || len(input) > 1000 {
			return
		}
		service := &whim{script: input[3:], endless: input[2]%2 == 1, listed: map[string]bool{}}
		client := New(loginThrough(service, Standalone()), Config{
			Version: []string{VersionV11, VersionV2, ""}[input[0]%3], PageSize: 1 + int(input[1]%8),
			Endpoint: &url.URL{Scheme: "http", Host: "image.test"}, Trace: &silent{},
		})
		for range 2 { // once without, once with what the first has taught
			service.requests, service.open = 0, nil
			ids, _, err := readThrough(t, client)
			if service.requests > mostRequests {
				t.Fatal("the read does not end")
			}
			for id := range ids {
				if !service.listed[id] {
					t.Errorf("%s was never listed", id)
				}
			}
			if err != nil {
				continue
			}
			for _, id := range service.open {
				if !ids[id] {
					t.Errorf("%s was listed, and is not counted", id)
				}
			}
		}
	})
}
