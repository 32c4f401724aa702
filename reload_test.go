package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// hangUp sends the program SIGHUP and waits until it has said what came of it.
func (p *exporter) hangUp(want string) {
	p.t.Helper()
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Signal(syscall.SIGHUP)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	for began := time.Now(); !strings.Contains(p.log.String(), want); {
		if time.Since(began) > 10*time.Second {
			p.t.Fatalf("it does not say %q: %s", want, p.log)
		}
		p.get("/-/healthy")
	}
}

func TestProgramReloads(t *testing.T) {
	cloud, file := simulate(t, simcloud.Options{Images: 50})
	p := start(t, "--clouds-file", file, "--cloud=admin")
	mustBeTrue(t, p.scrape(), cloud.Truth("admin"))

	p.hangUp("changed=none") // nothing changed: the token is kept
	mustBeTrue(t, p.scrape(), cloud.Truth("admin"))
	if logins := cloud.Count("auth"); logins != 1 {
		t.Errorf("there were %d logins", logins)
	}

	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(content string) {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("clouds: {other: {}}") // a bad file changes nothing
	p.hangUp("reloading failed")
	families := p.scrape()
	mustBeTrue(t, families, cloud.Truth("admin"))
	mustShow(t, families, 0, "glance_exporter_config_last_reload_successful")

	// A wrong password is refused until SIGHUP brings the right one.
	cloud.SetPassword("admin", "changed")
	cloud.Revoke()
	for range 5 {
		mustShow(t, p.scrape(), 1, "glance_scrape_failed", "reason", "auth")
	}
	if logins := cloud.Count("auth"); logins != 3 {
		t.Errorf("there were %d logins", logins)
	}
	write(strings.Replace(string(good), "adminpw", "changed", 1))
	p.hangUp("changed=admin")
	families = p.scrape()
	mustBeTrue(t, families, cloud.Truth("admin"))
	mustShow(t, families, 1, "glance_exporter_config_last_reload_successful")
	if strings.Contains(p.log.String(), "adminpw") {
		t.Error("a password is in the log")
	}
}

// A reload takes all clouds over at once, and what is gone loses its series.
func TestReloadOfSeveralClouds(t *testing.T) {
	clearEnvironment(t)
	first := serveCloud(t, simcloud.Options{Seed: 1, Images: 20})
	second := serveCloud(t, simcloud.Options{Seed: 2, Images: 30, Regions: []string{"one", "two", "three"}})
	third := serveCloud(t, simcloud.Options{Seed: 3, Images: 40})
	one, other := entry("first", first, "admin", "adminpw"), entry("second", second, "admin", "adminpw", "region_name: one")
	writeClouds(t, one, other)
	p := start(t, "--inventory.refresh-interval=1h")
	mustBeTrue(t, p.probe("cloud=first"), first.Truth("admin"))
	mustBeTrue(t, p.probe("cloud=second"), second.Truth("admin"))
	mustBeTrue(t, p.probe("cloud=second&region=two"), second.Truth("admin"))
	p.refused("?cloud=third")

	t.Run("one that is added, beside others that are as they were", func(t *testing.T) {
		writeClouds(t, one, other, entry("third", third, "admin", "adminpw"))
		p.hangUp("changed=third")
		families := p.scrape()
		mustHave(t, families, "glance_scrapes_total", "cloud", "first", "second", "third")
		mustShow(t, families, 0, "glance_scrapes_total", "cloud", "third")
		mustShow(t, families, 1, "glance_scrapes_total", "region", "two")
		mustBeTrue(t, p.probe("cloud=third"), third.Truth("admin"))
		mustBeTrue(t, p.probe("cloud=second&region=two"), second.Truth("admin"))
		mustShow(t, p.scrape(), 1, "glance_scrapes_total", "region", "two") // the old read is still shown
	})
	t.Run("one that cannot be used any more", func(t *testing.T) {
		for _, bad := range []string{"  third:\n", entry("third", third, "admin", "adminpw", "auth_type: v3kerberos"), "  third: {auth: [s3cret]}\n"} {
			writeClouds(t, one, bad)
			p.log.discard()
			p.hangUp("reloading failed")
			families := p.scrape()
			mustShow(t, families, 0, "glance_exporter_config_last_reload_successful")
			mustHave(t, families, "glance_scrapes_total", "cloud", "first", "second", "third")
			mustBeTrue(t, p.probe("cloud=second"), second.Truth("admin"))
			mustBeTrue(t, p.probe("cloud=third"), third.Truth("admin"))
			if strings.Contains(p.log.String(), "s3cret") {
				t.Error("a secret is in the log")
			}
		}
	})
	t.Run("some that are gone, and one that is another", func(t *testing.T) {
		writeClouds(t, entry("first", third, "member", "memberpw"))
		p.hangUp("changed=first")
		families := p.scrape()
		mustShow(t, families, 1, "glance_exporter_config_last_reload_successful")
		mustHave(t, families, "glance_scrapes_total", "cloud", "first")
		mustHave(t, families, "glance_api_requests_total", "cloud", "first")
		p.refused("?cloud=second")
		mustBeTrue(t, p.probe("cloud=first"), third.Truth("member"))
	})
	if logins := [3]int{first.Count("auth"), second.Count("auth"), third.Count("auth")}; logins != [3]int{1, 1, 2} {
		t.Errorf("there were %v logins", logins)
	}
}

// A read under way ends on the settings that it began with, and those who come
// after the reload do not join it.
func TestReloadDuringARead(t *testing.T) {
	for name, args := range map[string][]string{"on a scrape": nil, "in the background": {"--inventory.refresh-interval=1h"}} {
		t.Run(name, func(t *testing.T) { reloadDuringARead(t, args...) })
	}
}

func reloadDuringARead(t *testing.T, args ...string) {
	t.Helper()
	clearEnvironment(t)
	before := serveCloud(t, simcloud.Options{Seed: 1, Images: 20})
	after := serveCloud(t, simcloud.Options{Seed: 2, Images: 30})
	writeClouds(t, entry("cloud", before, "admin", "adminpw"))
	p := start(t, args...)
	asked, held := make(chan struct{}, 10), make(chan struct{})
	before.OnRequest(func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/detail") {
			asked <- struct{}{}
			<-held
		}
	})
	result := make(chan answer, 1)
	go func() {
		got, err := fetch(t.Context(), oneShot(), "http://"+p.address+"/probe?cloud=cloud")
		if err != nil {
			t.Errorf("the probe under way: %v", err)
		}
		result <- got
	}()
	<-asked
	writeClouds(t, entry("cloud", after, "admin", "adminpw"))
	p.hangUp("changed=cloud")
	mustBeTrue(t, p.probe("cloud=cloud"), after.Truth("admin"))
	close(held)
	mustBeTrue(t, parse(t, (<-result).body), before.Truth("admin"))
	if requests := before.Count("list"); requests > 3 { // the page, the one behind it, and one that checks our parameters
		t.Errorf("the read that was under way took %d requests: it began anew", requests)
	}
	mustBeTrue(t, p.probe("cloud=cloud"), after.Truth("admin"))
}

// A reload keeps the counters of regions that probes find in the meantime.
func TestReloadWhileRegionsAreFound(t *testing.T) {
	clearEnvironment(t)
	var regions []string
	for i := range 60 {
		regions = append(regions, fmt.Sprintf("region-%02d", i))
	}
	cloud := serveCloud(t, simcloud.Options{Images: 5, Regions: regions})
	writeClouds(t, entry("cloud", cloud, "admin", "adminpw", "region_name: region-00"))
	p := start(t, "--web.enable-lifecycle")
	found := make(chan struct{})
	go func() {
		defer close(found)
		var group errgroup.Group
		group.SetLimit(4)
		for _, region := range regions {
			group.Go(func() error {
				p.probe("cloud=cloud&region=" + region)
				return nil
			})
		}
		_ = group.Wait() // probe has told its errors
	}()
	for over := false; !over; {
		select {
		case <-found:
			over = true
		default:
			p.reload()
		}
	}
	families := p.scrape()
	for _, region := range regions {
		mustShow(t, families, 1, "glance_scrapes_total", "region", region)
	}
}

// SIGHUP ends the wait of reads in the background after one that failed.
func TestReloadTriesAgainInTheBackground(t *testing.T) {
	clearEnvironment(t)
	cloud := serveCloud(t, simcloud.Options{Images: 5})
	writeClouds(t, entry("cloud", cloud, "admin", "mended"))
	p := start(t, "--cloud=cloud", "--inventory.refresh-interval=1h", "--web.enable-lifecycle")
	mustShow(t, p.scrape(), 1, "glance_scrape_failed", "reason", "auth")
	cloud.SetPassword("admin", "mended") // at Keystone, so that clouds.yaml is as it was
	p.reload()
	for began := time.Now(); ; {
		if up, _ := sum(p.scrape(), "glance_up"); up == 1 {
			break
		}
		if time.Since(began) > 10*time.Second { // the usual wait is longer
			t.Fatal("it is not read again")
		}
	}
}

func TestReloadOverHTTP(t *testing.T) {
	clearEnvironment(t)
	cloud := serveCloud(t, simcloud.Options{Images: 5})
	post := func(p *exporter) answer {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.address+"/-/reload", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		got, err := do(oneShot(), req)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	writeClouds(t, entry("cloud", cloud, "admin", "adminpw"))
	t.Run("switched off", func(t *testing.T) {
		p := start(t)
		writeClouds(t, entry("cloud", cloud, "admin", "adminpw"), entry("more", cloud, "member", "memberpw"))
		if got := post(p); got.status != http.StatusForbidden || !strings.Contains(got.body, "--web.enable-lifecycle") {
			t.Errorf("%d: %s", got.status, got.body)
		}
		p.refused("?cloud=more")
	})
	t.Run("switched on", func(t *testing.T) {
		p := start(t, "--web.enable-lifecycle")
		writeClouds(t, entry("cloud", cloud, "admin", "adminpw"), entry("another", cloud, "member", "memberpw"))
		if got := post(p); got.status != http.StatusOK {
			t.Errorf("%d: %s", got.status, got.body)
		}
		mustBeTrue(t, p.probe("cloud=another"), cloud.Truth("member"))
		files(t, map[string]string{"clouds.yaml": "clouds:\n  cloud:\n    auth: {password: [s3cret]}\n"})
		if got := post(p); got.status != http.StatusInternalServerError || !strings.Contains(got.body, "clouds.yaml: line 3") || strings.Contains(got.body, "s3cret") {
			t.Errorf("%d: %s", got.status, got.body)
		}
		mustBeTrue(t, p.probe("cloud=another"), cloud.Truth("member"))
		if err := os.Remove("clouds.yaml"); err != nil {
			t.Fatal(err)
		}
		if got := post(p); got.status != http.StatusInternalServerError {
			t.Errorf("%d: %s", got.status, got.body)
		}
		if got := p.get("/-/reload"); got.status != http.StatusMethodNotAllowed {
			t.Errorf("GET: %d", got.status)
		}
	})
}
