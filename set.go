package main

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"github.com/glance-exporter/glance_exporter/client"
	"github.com/glance-exporter/glance_exporter/collector"
)

// A set holds the clouds that are served. A reload puts another generation in
// place of the one at the moment; what was begun on the old one ends on it.
type set struct {
	cfg       *config
	env       client.Environment
	telemetry *collector.Telemetry
	logger    log.Logger
	metrics   *reloadMetrics

	reloading sync.Mutex
	refused   string // what was wrong with clouds.yaml when it was read last; "": nothing
	current   atomic.Pointer[generation]
}

// newSet begins to serve what the plan says.
func newSet(cfg *config, env client.Environment, p *plan, telemetry *collector.Telemetry, logger log.Logger) *set {
	s := &set{cfg: cfg, env: env, telemetry: telemetry, logger: logger, metrics: newReloadMetrics(time.Now())}
	s.current.Store(s.build(p, &generation{}))
	s.warn(p)
	return s
}

// Close ends what the clouds do by themselves.
func (s *set) Close() {
	for _, a := range s.current.Load().accounts {
		a.Close()
	}
}

// A generation is what one reading of clouds.yaml serves. It never changes, but
// for the regions that its accounts find in their catalogues.
type generation struct {
	plan     *plan
	accounts []*account          // of all clouds, each once
	metrics  *target             // of /metrics; nil: no cloud
	probed   map[string]*account // that /probe may be asked for, by name
}

// build makes the generation of a plan. Accounts of the old one whose settings
// are the same live on in it, with their token and what was learned of their
// services.
func (s *set) build(p *plan, old *generation) *generation {
	g := &generation{plan: p, probed: map[string]*account{}}
	serve := func(cloud *client.Cloud) *account {
		same := func(a *account) bool { return a.cloud.Equal(cloud) }
		if i := slices.IndexFunc(g.accounts, same); i >= 0 {
			return g.accounts[i] // it is served on /metrics and on /probe
		}
		if i := slices.IndexFunc(old.accounts, same); i >= 0 {
			g.accounts = append(g.accounts, old.accounts[i])
		} else {
			g.accounts = append(g.accounts, newAccount(s.cfg, cloud, s.telemetry))
		}
		return g.accounts[len(g.accounts)-1]
	}
	if p.metrics != nil {
		g.metrics = serve(p.metrics).always(p.region)
	}
	for _, cloud := range p.probes {
		g.probed[cloud.Name()] = serve(cloud)
	}
	for place := range g.places() {
		s.telemetry.For(place.cloud, place.region)
	}
	return g
}

// A place is a region of a cloud, as metrics name it.
type place struct{ cloud, region string }

// places gives everything that is served, with its target where it was read
// before.
func (g *generation) places() map[place]*target {
	places := map[place]*target{}
	for name, a := range g.probed {
		for _, region := range a.configured() {
			places[place{name, region}] = nil
		}
		for region, t := range a.known() {
			places[place{name, region}] = t
		}
	}
	if g.metrics != nil {
		places[place{g.plan.metrics.Name(), g.plan.region}] = g.metrics
	}
	return places
}

// reload reads clouds.yaml again and takes all of it over at once. A bad one
// changes nothing; the error says what is wrong with it.
func (s *set) reload() error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	old := s.current.Load()
	p, err := s.plan()
	if err != nil {
		s.refused = err.Error()
		s.metrics.failed()
		_ = level.Error(s.logger).Log("msg", "reloading failed; everything stays as it was", "err", oneLine(err.Error()))
		return err
	}
	fresh := s.build(p, old)
	// Those that are replaced are closed first: from then on nothing that they
	// find is kept, and their successors have the series for themselves.
	for _, a := range old.accounts {
		if !slices.Contains(fresh.accounts, a) {
			a.Close()
		}
	}
	s.current.Store(fresh)

	for _, a := range fresh.accounts {
		if slices.Contains(old.accounts, a) {
			a.tryAgain()
		}
	}
	before := old.places() // first: a probe may have a region kept meanwhile, in both
	remaining := fresh.places()
	for place := range before {
		if _, ok := remaining[place]; !ok {
			s.telemetry.Remove(place.cloud, place.region)
		}
	}
	s.refused = ""
	s.metrics.succeeded(time.Now())
	s.warn(p)
	_ = level.Info(s.logger).Log("msg", "reloaded", "probe_clouds", p.probeNames(),
		"changed", fresh.beyond(old, func(a, b *account) bool { return a == b }),
		"removed", old.beyond(fresh, func(a, b *account) bool { return a.cloud.Name() == b.cloud.Name() }))
	return nil
}

// beyond names the clouds that another generation has none like.
func (g *generation) beyond(other *generation, like func(a, b *account) bool) string {
	var names []string
	for _, a := range g.accounts {
		if !slices.ContainsFunc(other.accounts, func(b *account) bool { return like(a, b) }) {
			names = append(names, a.cloud.Name())
		}
	}
	return cmp.Or(strings.Join(names, ","), "none")
}

// A look is what clouds.yaml and what it names asked for at a moment.
type look struct {
	plan *plan
	err  string // what was wrong with it, and then the plan does not count; "": nothing
}

// plan makes the plan of a reload.
func (s *set) plan() (*plan, error) {
	return s.cfg.plan(s.env, slices.Collect(maps.Keys(s.current.Load().probed)))
}

func (s *set) look() look {
	p, err := s.plan()
	if err != nil {
		return look{err: err.Error()}
	}
	return look{plan: p}
}

func (l look) equal(other look) bool {
	return l.err == other.err && (l.err != "" || l.plan.equal(other.plan))
}

// differs tells whether a reload would come out otherwise than the last one did.
func (s *set) differs(seen look) bool {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	return !seen.equal(look{plan: s.current.Load().plan, err: s.refused})
}

// warn tells which clouds of clouds.yaml are not served, though no flag leaves
// them out.
func (s *set) warn(p *plan) {
	for _, err := range p.leftOut {
		_ = level.Warn(s.logger).Log("msg", "not served on /probe", "err", oneLine(err.Error()))
	}
}
