package client

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// packed compresses texts, each by itself, as one body.
func packed(t *testing.T, texts ...string) string {
	t.Helper()
	var body bytes.Buffer
	for _, text := range texts {
		zip := gzip.NewWriter(&body)
		if _, err := io.WriteString(zip, text); err != nil {
			t.Fatal(err)
		}
		if err := zip.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return body.String()
}

// bomb is a gibibyte of one character, in a mebibyte.
func bomb(t *testing.T, char string) string {
	t.Helper()
	return strings.Repeat(packed(t, strings.Repeat(char, 1<<20)), 1<<10)
}

var gzipped = http.Header{"Content-Encoding": {"gzip"}}

// What a body unpacks to is bounded like one that comes unpacked.
func TestGzipBombs(t *testing.T) {
	blanks, text := bomb(t, " "), bomb(t, "x")
	for _, tc := range []struct {
		name      string
		operation string
		body      string
		reason    Reason
	}{
		{"a gibibyte of blanks", "list", blanks, ReasonTooLarge},
		{"a list that begins with them", "list", packed(t, `{"images": [`) + blanks, ReasonTooLarge},
		{"a string without end", "list", packed(t, `{"images": [{"id": "a", "name": "`) + text, ReasonTooLarge},
		{"a key without end", "list", packed(t, `{"images": [{"`) + text, ReasonTooLarge},
		{"a list with more behind it", "list", packed(t, `{"images": []}`, "x"), ReasonDecode},
		{"a list with something else behind it", "list", packed(t, `{"images": []}`) + "x", ReasonConnection},
		{"a list that is cut off", "list", packed(t, `{"images": []}`)[:30], ReasonConnection},
		{"a list that is not packed", "list", `{"images": []}`, ReasonConnection},
		{"blanks from Keystone", "auth", blanks, ReasonTooLarge},
		{"a token without end", "auth", packed(t, `{"token": {"x": "`) + text, ReasonTooLarge},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, settings{cloud: simcloud.Options{Images: 5}})
				w.Inject(simcloud.Fault{Operation: tc.operation, Status: map[string]int{"list": 200, "auth": 201}[tc.operation], Header: gzipped, Body: tc.body})
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				w.mustFail(t, tc.reason)
				runtime.ReadMemStats(&after)
				if took := after.TotalAlloc - before.TotalAlloc; tc.reason == ReasonTooLarge && took > 64<<20 {
					t.Errorf("it took %d bytes of memory", took)
				}
				w.ClearFaults()
				w.mustMatch(t, "admin")
			})
		})
	}
}

// A list without an end takes the time that there is, and no memory. (That of
// images that are ever new ones has a limit, too: see
// TestEndlessListEndsAtALimit.)
func TestEndlessLists(t *testing.T) {
	for name, image := range map[string]func(n int) string{
		"the same image":  func(int) string { return `{"id": "a"},` },
		"ever new images": func(n int) string { return fmt.Sprintf(`{"id": "%d"},`, n) },
	} {
		for _, d := range dialects {
			t.Run(name+" of "+d.version, func(t *testing.T) {
				heap := func() int64 {
					var stats runtime.MemStats
					runtime.ReadMemStats(&stats)
					return int64(stats.HeapAlloc)
				}
				began, highest := heap(), new(atomic.Int64)
				service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					_, err := io.WriteString(w, `{"images": [`)
					var some bytes.Buffer
					for n := 0; err == nil; some.Reset() {
						for range 10_000 {
							some.WriteString(image(n))
							n++
						}
						_, err = w.Write(some.Bytes())
						highest.Store(max(highest.Load(), heap()))
					}
				}))
				defer service.Close()
				login := NewLogin(Standalone(), LoginConfig{UserAgent: "glance_exporter/test"})
				defer login.Close()
				client := New(login, Config{Version: d.version, PageSize: 1000, Endpoint: mustURL(t, service.URL), Trace: &silent{}})
				ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
				defer cancel()
				_, err := client.List(ctx, newDiscard)
				if failure := asError(err); failure == nil || failure.Reason != ReasonTimeout {
					t.Errorf("got %v", err)
				}
				if grown := highest.Load() - began; grown > 128<<20 {
					t.Errorf("it took %d bytes of memory", grown)
				}
			})
		}
	}
}

// A page may be of any length. (A million images pass as well, and take 15 s with
// the race detector.)
func TestAHundredThousandImagesInOnePage(t *testing.T) {
	const images = 100_000
	body := []byte(`{"images": [{"id": "first"}`)
	for n := range images - 1 {
		body = fmt.Appendf(body, `,{"id":"%d"}`, n)
	}
	body = append(body, `]}`...)
	service := &inProcess{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })}
	client := New(loginThrough(service, Standalone()), Config{Version: VersionV11, PageSize: 1000, Endpoint: mustURL(t, "http://image.test"), Trace: &silent{}})
	counted := 0
	info, err := client.List(t.Context(), func() Page { return &counter{into: &counted} })
	if err != nil || counted != images || info.Images != images || info.Pages != 1 {
		t.Errorf("got %v, %d images, %d told, %d pages", err, counted, info.Images, info.Pages)
	}
}

// counter is a page that counts its images.
type counter struct {
	into *int
	n    int
}

func (c *counter) Add(*Image) { c.n++ }
func (c *counter) Commit()    { *c.into += c.n }

// No redirect, be it Keystone's or the image service's, makes the client send
// password or token, or anything at all, to another origin. A catalogue does: it
// is Keystone's word that the service is there.
func TestRedirectsToOtherOrigins(t *testing.T) {
	places := map[string]string{
		"another host": "http://trap.test", "another port": "http://%s:81", "another scheme": "https://%s", "another scheme alone": "https://%s:80", "a user": "http://u:p@trap.test",
		"a host without scheme": "//trap.test", "another case and port": "HTTP://%s:8080",
	}
	for operation, host := range map[string]string{"list": "image.test", "discovery": "image.test", "auth": "keystone.test"} {
		for place, target := range places {
			for _, status := range []int{301, 302, 303, 307, 308} {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, settings{version: "auto", cloud: simcloud.Options{Images: 5}})
					reached := 0
					trap := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ })
					for _, address := range []string{"trap.test:80", host + ":81", host + ":443", host + ":8080"} {
						server := simcloud.ServeHandler(w.net.Listen(address), trap)
						t.Cleanup(func() { server.Close() })
					}
					if strings.Contains(target, "%s") {
						target = fmt.Sprintf(target, host)
					}
					path := map[string]string{"list": "/v1.1/images/detail?is_public=None&limit=1000", "discovery": "/", "auth": "/identity/v3/auth/tokens"}[operation]
					w.Inject(simcloud.Fault{Operation: operation, Kind: simcloud.Redirect, Status: status, Location: target + path})
					const dials = 2 // of Keystone and the image service
					if operation == "discovery" {
						w.mustMatch(t, "admin") // it has no version document, that is all
					} else if failure, _ := w.mustFail(t, ReasonConnection); strings.Contains(failure.Error(), "u:p") {
						t.Errorf("the error is %v", failure)
					}
					if now := w.net.Dials(); reached > 0 || now > dials {
						t.Errorf("%s by %d of %s: %d connections, %d requests to the other origin", place, status, operation, now, reached)
					}
				})
			}
		}
	}
}

// Whatever stands in a field, the image is read with it or refused as a whole:
// each field of each dialect takes one type of values and null, and of a field
// that comes twice the last value counts.
func TestFieldsOfWrongTypes(t *testing.T) {
	values := []struct{ name, json string }{
		{"text", `"x"`}, {"nasty text", "\"\\u0000\xff\\ud800\\u0001\""}, {"number as text", `"1"`},
		{"time", `"2026-11-23T14:24:21Z"`}, {"number", `1`}, {"2^63-1", `9223372036854775807`}, {"400 digits", strings.Repeat("9", 400)},
		{"exponent", `1e400`}, {"fraction", `1.5`}, {"below 0", `-1`}, {"flag", `true`}, {"null", `null`}, {"array", `["x"]`}, {"object", `{"a": "b"}`},
	}
	kinds := map[string][]string{
		"text":       {"text", "nasty text", "number as text", "time", "null"},
		"time":       {"time", "null"},
		"integer":    {"number", "2^63-1", "null"},
		"flag":       {"flag", "null"},
		"properties": {"null", "object"},
		"id":         {"text", "nasty text", "number as text", "time"},
	}
	skipped := make([]string, 0, len(values))
	for _, value := range values {
		skipped = append(skipped, value.name)
	}
	kinds["skipped"] = skipped
	for _, d := range dialects {
		for name := range d.fields {
			var taken []string
			decode := func(fields string) error {
				_, _, err := decodeIn(d, strings.NewReader(`{"images": [{"id": "a", `+fields+`}]}`), "p")
				if failure := asError(err); err != nil && (failure == nil || failure.Reason != ReasonDecode || !failure.Final) {
					t.Errorf("%s: %s: got %v", d.version, fields, err)
				}
				return err
			}
			for _, value := range values {
				if decode(fmt.Sprintf("%q: %s", name, value.json)) == nil {
					taken = append(taken, value.name)
				}
			}
			kind := ""
			for candidate, takes := range kinds {
				if slices.Equal(taken, takes) {
					kind = candidate
				}
			}
			if kind == "" || (kind == "id") != (name == "id") {
				t.Errorf("%s of %s takes %q", name, d.version, taken)
				continue
			}
			right := values[slices.IndexFunc(values, func(v struct{ name, json string }) bool { return v.name == kinds[kind][0] })]
			for _, value := range values {
				if err := decode(fmt.Sprintf("%q: %s, %q: %s", name, value.json, name, right.json)); err != nil {
					t.Errorf("%s of %s: a %s before a %s: %v", name, d.version, value.name, right.name, err)
				}
				if err := decode(fmt.Sprintf("%q: %s, %q: %s", name, right.json, name, value.json)); (err == nil) != slices.Contains(taken, value.name) {
					t.Errorf("%s of %s: a %s behind a %s: %v", name, d.version, value.name, right.name, err)
				}
			}
			for _, none := range []string{"NaN", "Infinity", "01", "+1", "'x'", "\"\n\"", "\"\x00\"", "tru", ""} {
				if decode(fmt.Sprintf("%q: %s", name, none)) == nil {
					t.Errorf("%s of %s takes %q, which is no JSON", name, d.version, none)
				}
			}
		}
	}
}
