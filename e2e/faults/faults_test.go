//go:build e2e

// Package faults holds the exporter, as a process of its own, against everything
// that a list may meet on the wire. One exporter serves a cloud for each kind of
// trouble, so that all of them come at once.
package faults

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/glance-exporter/glance_exporter/e2e/harness"
	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

const (
	// timeout is what a scrape announces, and within which it must be answered.
	timeout = 5 * time.Second
	// maxMemory bounds the exporter's resident set, with all troubles at once.
	maxMemory = 64 << 20
)

// more are troubles of which the simulated network of other tests cannot have
// enough: they keep sender and reader busy until the time is over.
var more = []simcloud.Trouble{
	{Name: "an endless list", Fault: simcloud.Fault{Kind: simcloud.EndlessList}, Reason: "timeout"},
}

// A cloud is one that is in trouble of one kind.
type cloud struct {
	*simcloud.Cloud
	simcloud.Trouble
	name    string
	version simcloud.Dialect
}

// truth is what the exporter must show of it.
func (c *cloud) truth() harness.Metrics {
	return harness.TruthMetrics(c.TruthOf("admin", c.version, func(*simcloud.Image) bool { return true }))
}

// serve starts a cloud of five pages for each kind of trouble, and gives their
// clouds.yaml.
func serve(t *testing.T, version simcloud.Dialect) (clouds []*cloud, cloudsYAML string) {
	t.Helper()
	cloudsYAML = "clouds:\n"
	for i, trouble := range append(simcloud.ListTroubles(), more...) {
		c := &cloud{Trouble: trouble, name: fmt.Sprintf("cloud-%d", i), version: version}
		c.Cloud = simcloud.New(simcloud.Options{Seed: uint64(i), Images: 98, Service: simcloud.Service{NoV11: version == simcloud.V2}})
		harness.ServeCloud(t, c.Cloud)
		cloudsYAML += harness.CloudEntry(c.name, c.Cloud)
		clouds = append(clouds, c)
	}
	return clouds, cloudsYAML
}

func TestTroublesOnTheWire(t *testing.T) {
	binary := harness.Build(t, t.TempDir())
	for name, version := range map[string]simcloud.Dialect{"v1.1": simcloud.V11, "v2": simcloud.V2} {
		t.Run(name, func(t *testing.T) {
			clouds, cloudsYAML := serve(t, version)
			e := harness.StartExporter(t, binary, cloudsYAML, "--image.page-size=20", "--log.level=debug")
			each := func(t *testing.T, what string, test func(c *cloud) error) {
				t.Helper()
				var group sync.WaitGroup
				for _, c := range clouds {
					group.Go(func() {
						if err := test(c); err != nil {
							t.Errorf("%s: %s: %v", c.Name, what, err)
						}
					})
				}
				group.Wait()
			}
			scrape := func(c *cloud) (harness.Metrics, error) {
				return e.TryScrape(t.Context(), "/probe?cloud="+c.name, timeout)
			}
			right := func(c *cloud) error {
				m, err := scrape(c)
				if err == nil && m.Differs(c.truth()) != "" {
					err = fmt.Errorf("%s is not the truth; reason %q", m.Differs(c.truth()), m.Reason())
				}
				return err
			}
			told := func(c *cloud) error {
				m, err := scrape(c)
				if err == nil && (m.Up() || m.Reason() != c.Reason || m["glance_inventory_images"] != nil) {
					err = fmt.Errorf("glance_up is %t with reason %q, want %q", m.Up(), m.Reason(), c.Reason)
				}
				return err
			}

			each(t, "before", right)
			before := e.Scrape(t, "/metrics", timeout)
			for page, nth := range map[string]int{"first": 1, "middle": 3, "last": 5} {
				each(t, "once, on the "+page+" page", func(c *cloud) error {
					fault := c.Fault
					fault.Operation, fault.Nth, fault.Times = "list", nth, 1
					c.Inject(fault)
					// v2 answers 403 for a marker that is not visible any more.
					if c.Once || c.Fault.Status == http.StatusForbidden && version == simcloud.V2 && nth > 1 {
						return right(c)
					}
					return told(c)
				})
				each(t, "after it came once", func(c *cloud) error {
					c.ClearFaults()
					return right(c)
				})
			}
			each(t, "for ever", func(c *cloud) error {
				if c.Reason == "" {
					return nil
				}
				fault := c.Fault
				fault.Operation, fault.Nth = "list", 3
				c.Inject(fault)
				return told(c)
			})
			each(t, "after it was there for ever", func(c *cloud) error {
				c.ClearFaults()
				return right(c)
			})

			if used := e.PeakMemory(t); used > maxMemory {
				t.Errorf("it took %d bytes of memory at most, of %d", used, maxMemory)
			} else {
				t.Logf("it took %.1f MB of memory at most", float64(used)/1e6)
			}
			// Clouds keep some connections alive; no more of them come with troubles.
			harness.Eventually(t, 30*time.Second, "goroutines and descriptors are as many as before", func() bool {
				now := e.Scrape(t, "/metrics", timeout)
				return now.Value("go_goroutines") <= before.Value("go_goroutines") &&
					now.Value("process_open_fds") <= before.Value("process_open_fds")
			})
			noSecrets(t, e.LogText(t), clouds)
		})
	}
}

// noSecrets demands that no password and no token that was in use is in a text.
func noSecrets(t *testing.T, text string, clouds []*cloud) {
	t.Helper()
	if strings.Contains(text, simcloud.AdminPassword) {
		t.Error("the password is in the log")
	}
	tokens := 0
	for _, c := range clouds {
		for _, request := range c.Requests("list") {
			tokens++
			if strings.Contains(text, request.Token) {
				t.Errorf("%s: a token is in the log", c.Name)
			}
		}
	}
	if tokens == 0 || !strings.Contains(text, "level=debug") {
		t.Error("there was nothing to look for, or nothing to look in")
	}
}
