package main

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"

	"github.com/prometheus/common/version"
)

//go:embed landing.html
var landingHTML string

var landingTemplate = template.Must(template.New("landing").Parse(landingHTML))

// newLanding makes the page at /, which says what this is and where to go.
func newLanding(serving *served) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		cloud := serving.target.Load().cloud
		page := struct{ Version, Revision, MetricsPath, Cloud, Region string }{
			Version: version.Version, Revision: version.GetRevision(), MetricsPath: serving.cfg.telemetryPath,
			Cloud: cloud.Name(), Region: cloud.Region(),
		}
		var body bytes.Buffer
		if err := landingTemplate.Execute(&body, page); err != nil {
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(body.Bytes())
	})
}
