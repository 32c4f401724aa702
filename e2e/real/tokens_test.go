//go:build e2e

package real

import (
	"net/http"
	"testing"
	"time"

	"github.com/glance-exporter/glance_exporter/e2e/harness"
)

// shortTokens starts Keystone with tokens that live for 20 s and lets its three
// parts run side by side for a minute. None sees the images of another.
func (l *lab) shortTokens(t *testing.T) {
	l.keystone.Stop()
	l.startKeystone(t, 20)
	t.Run("a minute of scrapes", l.minuteOfScrapes)
	t.Run("a password changed and changed back", l.passwordChanges)
	t.Run("images come and go", l.imagesComeAndGo)
}

// each calls f now and then every interval, until the time is over or f says
// that it is enough.
func each(interval, within time.Duration, f func() (more bool)) {
	over := time.After(within)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for f() {
		select {
		case <-tick.C:
		case <-over:
			return
		}
	}
}

func (l *lab) minuteOfScrapes(t *testing.T) {
	t.Parallel()
	e := l.startExporter(t, member)
	want := truth(t, l.rows(t, member))
	var last harness.Metrics
	scrapes := 0
	each(2*time.Second, time.Minute, func() bool {
		last = e.scrape(t, enough)
		last.MustShow(t, want)
		scrapes++
		return !t.Failed()
	})
	// A token is renewed when a quarter of its life is left.
	if logins := logins(last, ""); logins < 4 || logins > 6 {
		t.Errorf("%d scrapes have taken %v logins, want 4 to 6", scrapes, logins)
	}
	if refused := last.Value("glance_api_requests_total", "code", "401"); refused != 0 {
		t.Errorf("%v requests were answered 401", refused)
	}
	if retries := last.Value("glance_api_retries_total"); retries != 0 {
		t.Errorf("%v requests were made again", retries)
	}
	t.Logf("%d scrapes, %v logins", scrapes, logins(last, ""))
}

// passwordChanges lets the administrator change a user's password, which revokes
// the user's tokens, and change it back.
func (l *lab) passwordChanges(t *testing.T) {
	t.Parallel()
	e := l.startExporter(t, pat)
	want := truth(t, l.rows(t, pat))
	e.scrape(t, enough).MustShow(t, want)
	asPat := l.as(pat)
	if _, err := asPat.login(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, change := range []struct{ name, password string }{{"changed", "a-new-pw"}, {"changed back", pat.password}} {
		l.as(admin).do(t, http.MethodPatch, "/v3/users/"+asPat.userID, object{"user": object{"password": change.password}}, nil)
		began := time.Now()
		// Glance knows tokens by heart for a while, revoked ones too, so scrapes
		// may go on until the token is to be renewed.
		var shown harness.Metrics
		each(time.Second, 40*time.Second, func() bool {
			shown = e.scrape(t, enough)
			if shown["glance_up"][""] == 1 {
				shown.MustShow(t, want)
			}
			return shown["glance_up"][""] == 1 && !t.Failed()
		})
		shown.MustFail(t, "auth")
		t.Logf("%s: the old password showed after %.1f s", change.name, time.Since(began).Seconds())
		refused := logins(shown, "401") - 1
		for range 10 {
			shown = e.scrape(t, enough)
			shown.MustFail(t, "auth")
		}
		refused = logins(shown, "401") - refused
		if refused > 3 {
			t.Errorf("%v logins with the old password, want 3 at most", refused)
		}
		t.Logf("%s: 11 scrapes with the old password have made %v logins", change.name, refused)
		user := *pat
		user.password = change.password
		e.Reload(t, l.cloudsYAML(&user))
		e.scrape(t, enough).MustShow(t, want)
		if t.Failed() {
			return
		}
	}
}
