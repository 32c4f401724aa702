//go:build e2e

// Package soak lets the exporter run for a while, with clouds that change all the
// time and get into trouble, and a real Prometheus that scrapes it each second,
// and judges then what Prometheus has stored.
package soak

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/glance-exporter/glance_exporter/e2e/harness"
	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

var duration = flag.Duration("soak", time.Minute, "how long to run")

// slack is what the clocks' readings may be apart: Prometheus stores milliseconds.
const slack = 20 * time.Millisecond

// fingerprint writes the groups of an inventory, their images and bytes.
func fingerprint(counts, sizes map[string]float64) string {
	var b strings.Builder
	for _, labels := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&b, "%s %v %v\n", labels, counts[labels], sizes[labels])
	}
	return b.String()
}

func TestSoak(t *testing.T) {
	clouds := []*churning{
		newChurning("v1", 1, simcloud.V11, simcloud.Glance(), true),
		newChurning("v2", 2, simcloud.V2, simcloud.Service{NoV11: true}, true),
		newChurning("paged", 3, simcloud.V11, simcloud.Service{MaxLimit: 100}, false),
	}
	cloudsYAML := "clouds:\n"
	for _, c := range clouds {
		harness.ServeCloud(t, c.Cloud)
		cloudsYAML += harness.CloudEntry(c.name, c.Cloud)
	}
	e := harness.StartExporter(t, harness.Build(t, t.TempDir()), cloudsYAML)
	p := harness.StartPrometheus(t, config(e.Address, clouds))

	ctx, end := context.WithTimeout(t.Context(), *duration)
	defer end()
	var group sync.WaitGroup
	for i, c := range clouds {
		group.Go(func() { c.live(ctx) })
		group.Go(func() { trouble(ctx, c, rand.New(rand.NewPCG(uint64(i), 2))) })
	}
	group.Wait()
	for _, c := range clouds {
		c.ClearFaults()
	}

	for _, c := range clouds {
		judge(t, p, c)
	}
	flat(t, p)
	p.Stop() // no scrape that is in trouble still is joined then
	for _, c := range clouds {
		exactOnceQuiet(t, e, c)
	}
}

// config lets Prometheus scrape each second, by the relabelling of examples/.
func config(address string, clouds []*churning) string {
	var names []string
	for _, c := range clouds {
		names = append(names, c.name)
	}
	return fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: exporter
    honor_labels: true
    static_configs: [{targets: ["%[1]s"]}]
  - job_name: glance
    metrics_path: /probe
    static_configs: [{targets: [%[2]s]}]
    relabel_configs:
      - {source_labels: [__address__], target_label: cloud}
      - {source_labels: [cloud], target_label: __param_cloud}
      - {target_label: __address__, replacement: "%[1]s"}
`, address, strings.Join(names, ", "))
}

// trouble puts faults of all kinds into the cloud's way, one after the other,
// until ctx ends: in the list, at the login, and by revoked tokens.
func trouble(ctx context.Context, c *churning, random *rand.Rand) {
	kinds := simcloud.ListTroubles()
	for {
		fault := kinds[random.IntN(len(kinds))].Fault
		fault.Operation, fault.Times, fault.Nth = "list", 1+random.IntN(3), 1+random.IntN(4)
		switch random.IntN(8) {
		case 0:
			c.Revoke()
		case 1: // a login that is refused would be waited after
			c.Revoke()
			c.Inject(simcloud.Fault{Operation: "auth", Status: 503, Times: 1 + random.IntN(2)})
		default:
			c.Inject(fault)
		}
		wait := time.NewTimer(2*time.Second + time.Duration(random.Int64N(int64(4*time.Second))))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return
		}
		c.ClearFaults()
	}
}

// judge holds each inventory that Prometheus has stored of a cloud against the
// states that the cloud was in while it was read.
func judge(t *testing.T, p *harness.Prometheus, c *churning) {
	t.Helper()
	stored := inventories(t, p, c.name)
	whole, failed, wrong := 0, 0, 0
	for at, found := range stored {
		if found.up != 1 {
			failed++
			if len(found.counts) > 0 {
				t.Errorf("%s: at %s there is an inventory, of a read that failed", c.name, at)
			}
			continue
		}
		whole++
		from := time.UnixMicro(int64(found.began * 1e6))
		until := from.Add(time.Duration(found.took * float64(time.Second)))
		if err := c.explains(found, from.Add(-slack), until.Add(slack)); err != nil {
			wrong++
			if wrong <= 5 {
				t.Errorf("%s: at %s: %v", c.name, at, err)
			}
		}
	}
	t.Logf("%s: %d inventories, of %d states; %d reads failed; %d inventories are wrong", c.name, whole, len(c.states), failed, wrong)
	if least := int(duration.Seconds() / 3); whole < least || failed == 0 {
		t.Errorf("%s: %d whole inventories and %d failed reads are too few to judge by", c.name, whole, failed)
	}
}

// explains tells whether an inventory that was read within a span of time is one
// that the cloud may show.
func (c *churning) explains(found *inventory, from, until time.Time) error {
	states := c.during(from, until)
	if len(states) == 0 {
		return fmt.Errorf("no state is known from %s to %s", from, until)
	}
	if c.atomic {
		groups := fingerprint(found.counts, found.sizes)
		for _, s := range states {
			if s.groups == groups {
				return nil
			}
		}
		return fmt.Errorf("the inventory of %v images is none of the %d states", found.images, len(states))
	}
	least, most := states[0].images, states[0].images
	for _, s := range states[1:] {
		if s.added {
			most++
		}
		if s.gone {
			least--
		}
	}
	if found.images < float64(least) || found.images > float64(most) {
		return fmt.Errorf("there are %v images, where at least %d and at most %d were", found.images, least, most)
	}
	return nil
}

// An inventory is what one scrape has shown.
type inventory struct {
	up, began, took, images float64
	counts, sizes           map[string]float64
}

// inventories gives all that Prometheus has stored of a cloud, by the time of the
// scrape.
func inventories(t *testing.T, p *harness.Prometheus, cloud string) map[time.Time]*inventory {
	t.Helper()
	all := map[time.Time]*inventory{}
	gather := func(name string, take func(i *inventory, labels string, value float64)) {
		t.Helper()
		series, err := p.Query(t.Context(), fmt.Sprintf(`%s{job="glance",cloud=%q}[%ds]`, name, cloud, int(duration.Seconds())+60))
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range series {
			labels := harness.Labels("status", one.Labels["status"], "disk_format", one.Labels["disk_format"],
				"public", one.Labels["public"], "protected", one.Labels["protected"])
			for _, sample := range one.Samples {
				if all[sample.At] == nil {
					all[sample.At] = &inventory{counts: map[string]float64{}, sizes: map[string]float64{}}
				}
				take(all[sample.At], labels, sample.Value)
			}
		}
	}
	gather("glance_up", func(i *inventory, _ string, v float64) { i.up = v })
	gather("glance_inventory_timestamp_seconds", func(i *inventory, _ string, v float64) { i.began = v })
	gather("glance_scrape_duration_seconds", func(i *inventory, _ string, v float64) { i.took = v })
	gather("glance_inventory_images", func(i *inventory, _ string, v float64) { i.images = v })
	gather("glance_images", func(i *inventory, labels string, v float64) { i.counts[labels] = v })
	gather("glance_images_size_bytes", func(i *inventory, labels string, v float64) { i.sizes[labels] = v })
	return all
}

// exactOnceQuiet demands the truth, now that nothing changes any more.
func exactOnceQuiet(t *testing.T, e *harness.Exporter, c *churning) {
	t.Helper()
	m := e.Scrape(t, "/probe?cloud="+c.name, 10*time.Second)
	if what := m.Differs(harness.TruthMetrics(c.truth())); what != "" {
		t.Errorf("%s: once it is quiet, %s is not the truth; reason %q", c.name, what, m.Reason())
	}
}

// flat demands that the exporter takes no more in the last third of the time than
// it did in the first.
func flat(t *testing.T, p *harness.Prometheus) {
	t.Helper()
	for _, of := range []struct {
		metric         string
		factor, beyond float64
	}{
		{"go_goroutines", 1, 10},
		{"process_open_fds", 1, 10},
		{"go_memstats_heap_inuse_bytes", 1.5, 4 << 20},
	} {
		third := int(duration.Seconds() / 3)
		query := func(offset string) float64 {
			value, err := p.Value(t.Context(), fmt.Sprintf(`max_over_time(%s{job="exporter"}[%ds]%s)`, of.metric, third, offset))
			if err != nil {
				t.Fatal(err)
			}
			return value
		}
		first, last := query(fmt.Sprintf(" offset %ds", 2*third)), query("")
		t.Logf("%s: %v at most in the first third, %v in the last", of.metric, first, last)
		if last > first*of.factor+of.beyond {
			t.Errorf("%s grows: from %v to %v", of.metric, first, last)
		}
	}
}
