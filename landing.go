package main

import (
	"bytes"
	"cmp"
	_ "embed"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/prometheus/common/version"

	"github.com/glance-exporter/glance_exporter/dashboards"
)

//go:embed landing.html
var landingHTML string

var landingTemplate = template.Must(template.New("landing").Parse(landingHTML))

// A landing is what the page at / shows: what this is, what it serves, and how
// the last reads went.
type landing struct {
	Version, Revision string
	MetricsPath       string
	Rows              []landingRow
	Probed            []string // clouds that may be probed
	Regions           []string // that may be asked for, as far as they are known
	Downloads         []download
}

// A download is a link to a dashboard or to rules.
type download struct{ Path, Title string }

// A landingRow is one region of one cloud.
type landingRow struct {
	Cloud, Region string
	MetricsPath   string        // where its inventory is; "" where only a probe shows it
	ProbePath     string        // how to probe it; "" where that is not possible
	Read          bool          // whether a read has ended
	Age           time.Duration // of the last read
	Reason        string        // why it failed; "" where it did not
}

// newLanding makes the page at /.
func newLanding(serving *set, files []dashboards.File) http.Handler {
	var downloads []download
	for _, f := range files {
		downloads = append(downloads, download{downloadsPath + f.Name, f.Title})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		page := serving.current.Load().landing(serving.cfg.telemetryPath, time.Now())
		page.Downloads = downloads
		var body bytes.Buffer
		if err := landingTemplate.Execute(&body, page); err != nil {
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(body.Bytes())
	})
}

// landing gives what the page shows of a generation.
func (g *generation) landing(telemetryPath string, now time.Time) landing {
	page := landing{
		Version: version.Version, Revision: version.GetRevision(), MetricsPath: telemetryPath,
		Probed: slices.Sorted(maps.Keys(g.probed)),
	}
	regions := map[string]bool{}
	for at, t := range g.places() {
		row := landingRow{Cloud: at.cloud, Region: at.region}
		if g.plan.metrics != nil && at == (place{g.plan.metrics.Name(), g.plan.region}) {
			row.MetricsPath = telemetryPath
		}
		if a := g.probed[at.cloud]; a != nil && regionAmong(a.cloud.Regions(), at.region) {
			query := url.Values{"cloud": {at.cloud}}
			if at.region != "" {
				query.Set("region", at.region)
				regions[at.region] = true
			}
			row.ProbePath = probePath + "?" + query.Encode()
		}
		if t != nil {
			if last := t.scope.Last(); !last.Ended.IsZero() {
				row.Read, row.Age, row.Reason = true, now.Sub(last.Ended).Round(time.Second), string(last.Reason)
			}
		}
		page.Rows = append(page.Rows, row)
	}
	slices.SortFunc(page.Rows, func(a, b landingRow) int {
		return cmp.Or(cmp.Compare(a.Cloud, b.Cloud), cmp.Compare(a.Region, b.Region))
	})
	page.Regions = slices.Sorted(maps.Keys(regions))
	return page
}
