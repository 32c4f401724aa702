//go:build e2e

package real

import (
	"testing"
	"time"

	"github.com/glance-exporter/glance_exporter/e2e/harness"
)

// The reason of an outage, told within the scrape's time.
const outageReason = "connection"

// Glance takes 3.5 s to refuse a token that it does not know by heart while
// Keystone is down, and each of its workers has a memory of its own. A scrape with
// less time than that would tell "timeout".
const keystoneOutageTimeout = 8 * time.Second

const glanceOutageTimeout = 3 * time.Second

// keystoneStops stops Keystone while the exporter's token lives for 20 s more:
// Glance knows it by heart, so scrapes go on until it is to be renewed.
func (l *lab) keystoneStops(t *testing.T) {
	want := truth(t, l.rows(t, member))
	knows := l.startExporter(t, member)
	knows.scrape(t, enough).MustShow(t, want)
	l.keystone.Stop()
	stopped := time.Now()
	exact := 0
	var shown harness.Metrics
	each(time.Second, 40*time.Second, func() bool {
		shown = knows.scrape(t, keystoneOutageTimeout)
		if shown["glance_up"][""] != 1 {
			return false
		}
		shown.MustShow(t, want)
		exact++
		return !t.Failed()
	})
	shown.MustFail(t, outageReason)
	t.Logf("%d exact scrapes with Keystone stopped, then none after %.1f s", exact, time.Since(stopped).Seconds())
	late := l.startExporter(t, member)
	late.scrape(t, keystoneOutageTimeout).MustFail(t, outageReason)

	l.startKeystone(t, hour)
	knows.scrape(t, enough).MustShow(t, want)
	late.scrape(t, enough).MustShow(t, want)
}

func (l *lab) glanceStops(t *testing.T) {
	want := truth(t, l.rows(t, member))
	e := l.startExporter(t, member)
	e.scrape(t, enough).MustShow(t, want)
	l.glance.Stop()
	late := l.startExporter(t, member)
	for range 2 {
		e.scrape(t, glanceOutageTimeout).MustFail(t, outageReason)
		late.scrape(t, glanceOutageTimeout).MustFail(t, outageReason)
	}
	l.startGlance(t)
	e.scrape(t, enough).MustShow(t, want)
	late.scrape(t, enough).MustShow(t, want)
}
