package main

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"github.com/glance-exporter/glance_exporter/client"
	"github.com/glance-exporter/glance_exporter/collector"
)

// An account is a cloud as it is served: its one login, and a target for each
// region that is read with it. It is safe for concurrent use.
type account struct {
	cfg       *config
	telemetry *collector.Telemetry
	cloud     *client.Cloud
	login     *client.Login

	mu      sync.Mutex
	targets map[string]*target // by region, at the catalogue's endpoint
	direct  *target            // at --image.endpoint, for /metrics alone; nil but there
	closed  bool
}

// newAccount makes the account of a cloud. It makes no request.
func newAccount(cfg *config, cloud *client.Cloud, telemetry *collector.Telemetry) *account {
	return &account{
		cfg:       cfg,
		telemetry: telemetry,
		cloud:     cloud,
		login:     client.NewLogin(cloud, client.LoginConfig{UserAgent: userAgent()}),
		targets:   map[string]*target{},
	}
}

// always gives the target of /metrics, which is served from now on: where it
// reads in the background it does so whether it is asked or not.
func (a *account) always(region string) *target {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.targets[region]
	if a.cfg.endpoint != nil {
		t = a.direct
	}
	if t != nil {
		return t
	}
	t = a.newTarget(region, true, a.cfg.endpoint, 0)
	if a.cfg.endpoint != nil {
		a.direct = t
	} else {
		a.targets[region] = t
	}
	t.start()
	return t
}

// borrow gives the target of a region for one probe, which gives it back when it
// was answered; "" means the region that the cloud's settings name. A region
// that only the catalogue can tell of is kept once it was found there: of others
// nothing is.
func (a *account) borrow(region string) (t *target, giveBack func()) {
	region = cmp.Or(region, a.cloud.Region())
	a.mu.Lock()
	defer a.mu.Unlock()
	t = a.targets[region]
	if t == nil {
		kept := slices.Contains(a.configured(), region) && !a.closed
		t = a.newTarget(region, kept, nil, a.cfg.idleStop())
		if a.closed { // a reload came in between
			t.close()
		} else {
			a.targets[region] = t
			t.start()
		}
	}
	t.users++
	return t, func() { a.giveBack(t) }
}

func (a *account) giveBack(t *target) {
	a.mu.Lock()
	t.users--
	if !t.kept && !a.closed && t.client.Located() {
		t.kept = true
		a.telemetry.Keep(t.scope)
	}
	drop := t.users == 0 && !t.kept
	if drop && a.targets[t.region] == t {
		delete(a.targets, t.region)
	}
	a.mu.Unlock()
	if drop {
		t.close()
	}
}

// configured lists the regions that the cloud's settings name, be it "".
func (a *account) configured() []string {
	if regions := a.cloud.Regions(); len(regions) > 0 {
		return regions
	}
	return []string{a.cloud.Region()}
}

// known gives the targets that are kept, by region.
func (a *account) known() map[string]*target {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := maps.Clone(a.targets)
	maps.DeleteFunc(known, func(_ string, t *target) bool { return !t.kept })
	return known
}

// tryAgain ends all waiting for what failed, as when an operator says that it was
// mended: for a login after a refusal, and for the next read in the background.
func (a *account) tryAgain() {
	a.login.Forget()
	for _, t := range a.all() {
		t.tryAgain()
	}
}

// all gives every target, also those that are not kept.
func (a *account) all() []*target {
	a.mu.Lock()
	defer a.mu.Unlock()
	targets := slices.Collect(maps.Values(a.targets))
	if a.direct != nil {
		targets = append(targets, a.direct)
	}
	return targets
}

// Close ends the reads in the background and closes idle connections. Scrapes
// under way are answered.
func (a *account) Close() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	for _, t := range a.all() {
		t.close()
	}
	a.login.Close()
}
