package client

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

func TestOneLoginServesAllReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{cloud: simcloud.Options{Images: 10}})
		for range 20 {
			w.mustMatch(t, "admin")
		}
		if logins := w.Count("auth"); logins != 1 {
			t.Errorf("there were %d logins", logins)
		}
		for _, request := range w.Requests("") {
			if request.UserAgent != "glance_exporter/test" {
				t.Errorf("%s came from %q", request.URI, request.UserAgent)
			}
			if (request.Token != "") == (request.Operation == "auth") {
				t.Errorf("%s carries the token %q", request.URI, request.Token)
			}
		}
	})
}

// A token is renewed before it expires, by the span between Keystone's own two
// times, however wrong its clock or ours may be.
func TestTokenIsRenewedBeforeItExpires(t *testing.T) {
	for _, skew := range []time.Duration{0, -24 * time.Hour, 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, settings{cloud: simcloud.Options{Images: 10, TokenTTL: 3 * time.Second, ClockSkew: skew}})
			for range 60 {
				if info := w.mustMatch(t, "admin"); info.Requests > 3 {
					t.Errorf("skew %s: a token was refused: %d requests", skew, info.Requests)
				}
				time.Sleep(time.Second)
			}
			if logins := w.Count("auth"); logins < 20 || logins > 31 {
				t.Errorf("skew %s: there were %d logins in a minute", skew, logins)
			}
		})
	}
}

func TestRenewalKeepsAMargin(t *testing.T) {
	began := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for span, want := range map[time.Duration]time.Duration{
		time.Hour:        59 * time.Minute,
		20 * time.Second: 15 * time.Second,
		4 * time.Second:  3 * time.Second,
		-time.Second:     -750 * time.Millisecond, // of no use: renewed at once
	} {
		if got := renewal(began, began.Add(time.Hour), began.Add(time.Hour+span)).Sub(began); got != want {
			t.Errorf("%s: used for %s, want %s", span, got, want)
		}
	}
}

// A token that is revoked while a list is walked is renewed once, and the page
// asked for again.
func TestTokenIsRevokedWhileTheListIsWalked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{pageSize: 100, cloud: simcloud.Options{Images: 500}})
		pages := 0
		w.OnRequest(func(*http.Request) {
			pages++
			if pages == 4 {
				w.Revoke()
			}
		})
		info := w.mustMatch(t, "admin")
		if logins := w.Count("auth"); logins != 2 {
			t.Errorf("there were %d logins", logins)
		}
		if info.Requests != 7 { // the one that was refused, too
			t.Errorf("it took %d requests", info.Requests)
		}
	})
}

func TestReadsAtOnceShareARenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{pageSize: 10, cloud: simcloud.Options{Images: 100}})
		w.mustMatch(t, "admin")
		w.Revoke()
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() { w.mustMatch(t, "admin") })
		}
		group.Wait()
		if logins := w.Count("auth"); logins != 2 {
			t.Errorf("there were %d logins", logins)
		}
	})
}

func TestServiceThatRefusesAFreshToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{cloud: simcloud.Options{Images: 10}})
		w.Inject(simcloud.Fault{Operation: "list", Status: http.StatusUnauthorized})
		failure, info := w.mustFail(t, ReasonAuth)
		if failure.Op != OpList || failure.Status != 401 || info.Requests != 2 || w.Count("auth") != 2 {
			t.Errorf("got %+v after %d requests and %d logins", failure, info.Requests, w.Count("auth"))
		}
	})
}

// A v2 service answers 401 where it cannot ask Keystone: what Keystone says
// then is the reason.
func TestReasonAfterA401ComesFromTheLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{cloud: simcloud.Options{Images: 10}})
		w.mustMatch(t, "admin")
		w.Inject(simcloud.Fault{Operation: "list", Status: http.StatusUnauthorized})
		w.Inject(simcloud.Fault{Operation: "auth", Status: http.StatusInternalServerError})
		failure, _ := w.mustFail(t, ReasonServerError)
		if failure.Op != OpAuth || !strings.Contains(failure.URL, "keystone") {
			t.Errorf("got %+v", failure)
		}
		w.ClearFaults()
		w.mustMatch(t, "admin")
	})
}

// A wrong password locks no account: after two tries Keystone is left alone for
// 5, 10 and then every 15 minutes, and reads in between fail at once.
func TestRefusedLoginIsTriedEverMoreRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{cloud: simcloud.Options{Images: 10}})
		w.SetPassword("admin", "changed")
		began := time.Now()
		var tries []time.Duration
		for time.Since(began) < time.Hour {
			before := len(w.Requests(""))
			logins := w.Count("auth")
			failure, info := w.mustFail(t, ReasonAuth)
			if w.Count("auth") > logins {
				tries = append(tries, time.Since(began))
				if failure.Status != 401 || failure.RequestID == "" {
					t.Errorf("got %+v", failure)
				}
			} else if len(w.Requests("")) != before || !strings.Contains(failure.Error(), "next try") {
				t.Errorf("got %v", failure)
			}
			if info.Requests != 0 {
				t.Errorf("it took %d requests", info.Requests)
			}
			time.Sleep(10 * time.Second)
		}
		want := []time.Duration{0, 10 * time.Second, 310 * time.Second, 910 * time.Second, 1810 * time.Second, 2710 * time.Second}
		if len(tries) != len(want) {
			t.Fatalf("it was tried after %s, want %s", tries, want)
		}
		for i := range want {
			if tries[i].Round(time.Second) != want[i] {
				t.Errorf("try %d came after %s, want %s", i+1, tries[i], want[i])
			}
		}
		w.SetPassword("admin", "adminpw")
		w.mustFail(t, ReasonAuth)
		w.login.Forget()
		w.mustMatch(t, "admin")
		w.SetPassword("admin", "changed")
		w.Revoke()
		logins := w.Count("auth")
		w.mustFail(t, ReasonAuth)
		w.mustFail(t, ReasonAuth)
		if w.Count("auth") != logins+2 {
			t.Error("a login that works has not ended the wait")
		}
	})
}

// Not even the image service is asked while Keystone is left alone.
func TestRefusedLoginAfterARevokedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{cloud: simcloud.Options{Images: 10}})
		w.mustMatch(t, "admin")
		w.SetPassword("admin", "changed")
		w.Revoke()
		w.mustFail(t, ReasonAuth)
		w.mustFail(t, ReasonAuth)
		before := len(w.Requests(""))
		if _, info := w.mustFail(t, ReasonAuth); info.Requests != 0 || len(w.Requests("")) != before {
			t.Errorf("there were %d requests", len(w.Requests(""))-before)
		}
	})
}

func TestDisabledUserIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{cloud: simcloud.Options{Images: 10}})
		w.Disable("admin", true)
		if failure, _ := w.mustFail(t, ReasonAuth); failure.Status != 403 {
			t.Errorf("got %+v", failure)
		}
		w.Disable("admin", false)
		w.mustMatch(t, "admin")
	})
}

// Trouble at Keystone is no refusal: the next read tries again.
func TestKeystoneInTrouble(t *testing.T) {
	token := func(body string) simcloud.Fault {
		return simcloud.Fault{Operation: "auth", Status: 201, Header: http.Header{"X-Subject-Token": {"t"}, "Content-Type": {"application/json"}}, Body: body}
	}
	const times = `"issued_at":"2026-11-23T14:00:00.000000Z","expires_at":"2026-11-23T15:00:00.000000Z"`
	withoutHeader := token(`{"token":{` + times + `,"catalog":[{"type":"image","endpoints":[{"interface":"public","url":"http://image.test"}]}]}}`)
	withoutHeader.Header = nil
	for _, tc := range []struct {
		name   string
		fault  simcloud.Fault
		reason Reason
		logins int // 0: it is tried again while there is time
	}{
		{"400", simcloud.Fault{Status: 400}, ReasonBadRequest, 1},
		{"404", simcloud.Fault{Status: 404}, ReasonNotFound, 1},
		{"429", simcloud.Fault{Status: 429}, ReasonRateLimited, 0},
		{"500", simcloud.Fault{Status: 500}, ReasonServerError, 0},
		{"503 with a secret in its body", simcloud.Fault{Status: 503, Body: "adminpw"}, ReasonServerError, 0},
		{"reset", simcloud.Fault{Kind: simcloud.Reset}, ReasonConnection, 0},
		{"cut", simcloud.Fault{Kind: simcloud.Cut}, ReasonConnection, 0},
		{"a body that ends early", simcloud.Fault{Kind: simcloud.CutClean}, ReasonDecode, 0},
		{"no answer", simcloud.Fault{Kind: simcloud.Hang}, ReasonTimeout, 1},
		{"half an answer", simcloud.Fault{Kind: simcloud.HangBody}, ReasonTimeout, 1},
		{"a drip", simcloud.Fault{Kind: simcloud.Drip}, ReasonTimeout, 1},
		{"HTML", token("<html>adminpw</html>"), ReasonDecode, 1},
		{"an array", token(`[]`), ReasonDecode, 1},
		{"a token of another type", token(`{"token":{"expires_at":1}}`), ReasonDecode, 1},
		{"no token header", withoutHeader, ReasonDecode, 1},
		{"no expiry", token(`{"token":{"catalog":[{"type":"image","endpoints":[{"interface":"public","url":"http://image.test"}]}]}}`), ReasonDecode, 1},
		{"no catalogue", token(`{"token":{` + times + `}}`), ReasonDecode, 1},
		{"an endless body", simcloud.Fault{Kind: simcloud.Endless, Status: 201}, ReasonTooLarge, 1},
		{"a redirect to another host", simcloud.Fault{Kind: simcloud.Redirect, Status: 307, Location: "http://image.test/v3/auth/tokens"}, ReasonConnection, 1},
		{"a redirect loop", simcloud.Fault{Kind: simcloud.Redirect, Status: 307}, ReasonConnection, maxRedirects},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, settings{cloud: simcloud.Options{Images: 10}})
				tc.fault.Operation = "auth"
				w.Inject(tc.fault)
				failure, info := w.mustFail(t, tc.reason)
				if failure.Op != OpAuth || info.Requests != 0 || strings.Contains(failure.Error(), "adminpw") {
					t.Errorf("got %+v after %d requests", failure, info.Requests)
				}
				if logins := w.Count("auth"); tc.logins > 0 && logins != tc.logins || tc.logins == 0 && logins < 4 {
					t.Errorf("there were %d logins", logins)
				}
				w.ClearFaults()
				w.mustMatch(t, "admin")
			})
		})
	}
}

func TestCatalogueWithoutImageService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{region: "elsewhere", cloud: simcloud.Options{Images: 10}})
		failure, info := w.mustFail(t, ReasonNotFound)
		if info.Requests != 0 || !strings.Contains(failure.Error(), "elsewhere") {
			t.Errorf("got %v after %d requests", failure, info.Requests)
		}
	})
}

// Reads of regions that may not exist ask an old catalogue's Keystone again, and
// never more often.
func TestRegionThatIsNewIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{cloud: simcloud.Options{Images: 10}})
		w.mustMatch(t, "admin")
		elsewhere := func() *Client {
			return New(w.login, Config{Version: "v1.1", PageSize: 1000, Region: "elsewhere", Trace: w.trace})
		}
		mustMiss := func(logins int) {
			t.Helper()
			for range 10 {
				client := elsewhere()
				if _, err := client.List(t.Context(), newDiscard); asError(err) == nil || asError(err).Reason != ReasonNotFound || client.Located() {
					t.Errorf("got %v, located %t", err, client.Located())
				}
			}
			if got := w.Count("auth"); got != logins {
				t.Errorf("there were %d logins, want %d", got, logins)
			}
		}
		mustMiss(1)
		time.Sleep(catalogueAge + time.Second)
		mustMiss(2)
		w.SetRegions("RegionOne", "elsewhere")
		mustMiss(2)
		time.Sleep(catalogueAge + time.Second)
		client := elsewhere()
		if _, err := client.List(t.Context(), newDiscard); err != nil || !client.Located() {
			t.Errorf("got %v, located %t", err, client.Located())
		}
	})
}

// A service is located as soon as the catalogue was read, whatever becomes of
// the rest.
func TestServiceIsLocatedBeforeItIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{region: "RegionOne", cloud: simcloud.Options{Images: 10}})
		w.Inject(simcloud.Fault{Operation: "auth", Times: 1, Kind: simcloud.Hang})
		w.mustFail(t, ReasonTimeout)
		if w.client.Located() {
			t.Error("it is located without a catalogue")
		}
		w.Inject(simcloud.Fault{Operation: "list", Kind: simcloud.Hang})
		w.mustFail(t, ReasonTimeout)
		if !w.client.Located() {
			t.Error("it is not located")
		}
	})
}

func TestFirstRegionIsTakenWhereNoneIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{cloud: simcloud.Options{Images: 10, Regions: []string{"one", "two"}}})
		w.mustMatch(t, "admin")
		w.mustMatch(t, "admin")
		if len(w.trace.notices) != 1 || !strings.Contains(w.trace.notices[0], "several regions") {
			t.Errorf("told %q", w.trace.notices)
		}
	})
}

// A service that moved is found by asking Keystone again, without a restart.
func TestServiceThatMovesIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{cloud: simcloud.Options{Images: 10}})
		w.mustMatch(t, "admin")
		w.SetURLs("http://keystone.test/identity", "http://moved.test")
		server := simcloud.ServeHandler(w.net.Listen("moved.test:80"), w.GlanceHandler())
		defer server.Close()
		w.Inject(simcloud.Fault{Operation: "list", Times: 1, Status: http.StatusNotFound})
		w.mustFail(t, ReasonNotFound)
		w.mustMatch(t, "admin")
		if logins := w.Count("auth"); logins != 2 {
			t.Errorf("there were %d logins", logins)
		}
	})
}

func TestServiceWithoutKeystone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{noAuth: true, endpoint: mustURL(t, "http://image.test/v1/"), cloud: simcloud.Options{Images: 10}})
		failure, _ := w.mustFail(t, ReasonAuth) // the simulated service wants a token
		if failure.Op != OpList || w.Count("auth") != 0 || w.Requests("list")[0].Token != "" {
			t.Errorf("got %+v", failure)
		}
	})
}

func TestLoginIsLeftByThoseWhoseTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{cloud: simcloud.Options{Images: 10}})
		w.Inject(simcloud.Fault{Operation: "auth", Times: 1, Kind: simcloud.Delay, Delay: time.Minute})
		first, hangUp := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := w.client.List(first, newDiscard); !errors.Is(err, context.Canceled) || asError(err) != nil {
				t.Errorf("the first got %v", err)
			}
		})
		synctest.Wait()
		group.Go(func() {
			second, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if _, err := w.client.List(second, newDiscard); asError(err) == nil || asError(err).Reason != ReasonTimeout {
				t.Errorf("the second got %v", err)
			}
		})
		group.Go(func() { // whose own time suffices, and who logs in when the first has gone
			if _, _, err := w.listWithin(t, time.Minute); err != nil {
				t.Errorf("the third got %v", err)
			}
		})
		time.Sleep(20 * time.Second)
		hangUp()
		group.Wait()
	})
}

type discard struct{}

func (discard) Add(*Image) {}
func (discard) Commit()    {}

func newDiscard() Page { return discard{} }
