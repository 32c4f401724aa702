//go:build e2e

package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/glance-exporter/glance_exporter/e2e/harness"
	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

const (
	images    = 900 // at first; about so many stay
	perSecond = 60  // changes of each cloud
)

// A churning is a cloud that changes all the time, and remembers every state that
// it was in.
type churning struct {
	*simcloud.Cloud
	name    string
	version simcloud.Dialect
	// atomic: a read shows one state, since the list is one page. Else it is
	// made of several, and may be off by what changed meanwhile.
	atomic bool

	random *rand.Rand
	ids    []string // of the images that change
	made   int

	mu     sync.Mutex
	states []state
}

// A state is what the cloud's inventory was from one change to the next.
type state struct {
	from   time.Time // a moment before the change that made it
	until  time.Time // a moment behind the one that ended it; zero while it lasts
	groups string    // as fingerprint writes them
	images int
	added  bool // the change that made it added an image
	gone   bool // it took one away
}

func newChurning(name string, seed uint64, version simcloud.Dialect, service simcloud.Service, atomic bool) *churning {
	c := &churning{
		Cloud: simcloud.New(simcloud.Options{Seed: seed, Images: images, Service: service}),
		name:  name, version: version, atomic: atomic, random: rand.New(rand.NewPCG(seed, 1)),
	}
	for _, img := range c.Images() {
		// Hidden images are asked for by a walk of their own on v2, which would
		// see another state: they stay as they are.
		if !img.Hidden {
			c.ids = append(c.ids, img.ID)
		}
	}
	c.note(time.Now(), false, false)
	return c
}

func (c *churning) truth() *simcloud.Truth {
	return c.TruthOf("admin", c.version, func(*simcloud.Image) bool { return true })
}

// live changes the cloud until ctx ends.
func (c *churning) live(ctx context.Context) {
	tick := time.NewTicker(time.Second / perSecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.change()
		case <-ctx.Done():
			return
		}
	}
}

// change makes one change: an image more, one less, or one that is another now.
func (c *churning) change() {
	before := time.Now()
	i := c.random.IntN(len(c.ids))
	switch n := c.random.IntN(3); {
	case n == 0 && len(c.ids) < images+50:
		id := fmt.Sprintf("%08x-0000-4000-a000-%012x", c.random.Uint32(), c.made)
		c.made++
		c.Add(simcloud.Image{
			ID: id, Name: &id, Status: "queued", Visibility: "private", Owner: new(simcloud.AdminProject),
			Created: before.UTC(), Updated: before.UTC(), Properties: map[string]string{},
		})
		c.ids = append(c.ids, id)
		c.note(before, true, false)
	case n == 1 && len(c.ids) > images-50:
		if c.random.IntN(2) == 0 {
			c.Delete(c.ids[i])
		} else {
			c.Purge(c.ids[i])
		}
		c.ids[i] = c.ids[len(c.ids)-1]
		c.ids = c.ids[:len(c.ids)-1]
		c.note(before, false, true)
	default:
		c.Update(c.ids[i], func(img *simcloud.Image) {
			img.Protected = !img.Protected
			img.Size = new(c.random.Int64N(40 << 30))
			img.Status = []string{"active", "queued", "deactivated"}[c.random.IntN(3)]
			img.Updated = before.UTC()
		})
		c.note(before, false, false)
	}
}

// note remembers the state that the cloud is in after a change.
func (c *churning) note(before time.Time, added, gone bool) {
	truth := c.truth()
	m := harness.TruthMetrics(truth)
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.states); n > 0 {
		c.states[n-1].until = time.Now()
	}
	c.states = append(c.states, state{
		from: before, groups: fingerprint(m["glance_images"], m["glance_images_size_bytes"]),
		images: truth.Images, added: added, gone: gone,
	})
}

// during gives the states that the cloud was in within a span of time.
func (c *churning) during(from, until time.Time) []state {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []state
	for _, s := range c.states {
		if s.from.Before(until) && (s.until.IsZero() || s.until.After(from)) {
			found = append(found, s)
		}
	}
	return found
}
