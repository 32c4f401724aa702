//go:build e2e

package real

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/glance-exporter/glance_exporter/e2e/harness"
)

// A churner makes and deletes private images of the project churn, and counts
// what it has begun and what it has done.
type churner struct {
	api               *api
	ids               []string
	making, made      atomic.Int64
	deleting, deleted atomic.Int64
}

// live is how many images there are at the end of churn, and about how many all
// the time.
const live = 60

func (c *churner) make(t *testing.T) {
	t.Helper()
	c.making.Add(1)
	var answer struct{ ID string }
	fields := object{"name": "here today", "visibility": "private", "os_hidden": rand.IntN(4) == 0}
	// SQLite is locked now and then.
	harness.Eventually(t, 10*time.Second, "an image is made", func() bool {
		status, err := c.api.try(t.Context(), http.MethodPost, "/v2/images", fields, &answer)
		return err == nil && status == http.StatusCreated
	})
	c.ids = append(c.ids, answer.ID)
	c.made.Add(1)
}

// remove deletes any of the images. The newest are at the head of the list that
// the exporter walks through, so each may be the marker of a page.
func (c *churner) remove(t *testing.T) {
	t.Helper()
	c.deleting.Add(1)
	i := rand.IntN(len(c.ids))
	harness.Eventually(t, 10*time.Second, "an image is deleted", func() bool {
		status, _ := c.api.try(t.Context(), http.MethodDelete, "/v2/images/"+c.ids[i], nil, nil)
		return status == http.StatusNoContent || status == http.StatusNotFound
	})
	c.ids = append(c.ids[:i], c.ids[i+1:]...)
	c.deleted.Add(1)
}

// run goes on until it is told to stop.
func (c *churner) run(t *testing.T, stop <-chan struct{}) {
	t.Helper()
	for {
		select {
		case <-stop:
			return
		default:
		}
		if t.Failed() {
			return
		}
		if len(c.ids) < live || len(c.ids) < 2*live && rand.IntN(2) == 0 {
			c.make(t)
		} else {
			c.remove(t)
		}
	}
}

// imagesComeAndGo has images made and deleted while an administrator's and
// their owner's exporter read them in small pages, so that markers are deleted
// again and again. To an administrator a deleted marker is as good as any, a plain
// member is refused.
func (l *lab) imagesComeAndGo(t *testing.T) {
	t.Parallel()
	c := &churner{api: l.as(churn)}
	for range live {
		c.make(t)
	}
	exporters := map[*user]exporter{}
	others := map[*user]int64{}
	for u, size := range map[*user]int{admin: 5, churn: 2} {
		exporters[u] = l.startExporter(t, u, fmt.Sprintf("--image.page-size=%d", size))
		others[u] = int64(len(l.rows(t, u)) - live)
	}
	stop := make(chan struct{})
	var churning sync.WaitGroup
	churning.Go(func() { c.run(t, stop) })

	var scraping sync.WaitGroup
	for u, e := range exporters {
		scraping.Go(func() {
			scrapes, requests := 0, 0.0
			var shown harness.Metrics
			each(100*time.Millisecond, 25*time.Second, func() bool {
				made, deleted := c.made.Load(), c.deleted.Load()
				shown = e.scrape(t, enough)
				low, high := made-c.deleting.Load()+others[u], c.making.Load()-deleted+others[u]
				got := int64(shown.Value("glance_images"))
				if shown["glance_up"][""] != 1 || got < low || got > high {
					t.Errorf("%s: glance_up is %v (reason %q) with %d images, want 1 with %d to %d",
						u.name, shown["glance_up"][""], shown.Reason(), got, low, high)
				}
				if total := int64(shown.Value("glance_inventory_images")); total != got {
					t.Errorf("%s: the groups add up to %d, the inventory to %d", u.name, got, total)
				}
				scrapes++
				requests += shown.Value("glance_scrape_requests")
				return !t.Failed()
			})
			t.Logf("%s: %d scrapes of %.0f requests in the middle, %v answered 400 or 403", u.name, scrapes, requests/float64(max(scrapes, 1)),
				shown.Value("glance_api_requests_total", "operation", "list", "code", "400")+
					shown.Value("glance_api_requests_total", "operation", "list", "code", "403"))
		})
	}
	scraping.Wait()
	close(stop)
	churning.Wait()
	t.Logf("%d images were made and %d deleted", c.made.Load()-live, c.deleted.Load())
	if t.Failed() {
		return
	}
	for u, e := range exporters {
		t.Run(fmt.Sprintf("exact once it is quiet, %s", u.name), func(t *testing.T) {
			e.scrape(t, enough).MustShow(t, truth(t, l.rows(t, u)))
		})
	}
}
