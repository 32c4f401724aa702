package main

import (
	"mime"
	"net/http"
	"path"
	"slices"

	"github.com/glance-exporter/glance_exporter/dashboards"
)

// downloadsPath is the folder of the dashboards and rules.
const downloadsPath = "/downloads/"

// contentTypes of the files that are offered, by their endings.
var contentTypes = map[string]string{".json": "application/json", ".yml": "application/yaml"}

// newDownloads offers the dashboards and rules that fit this version.
func newDownloads(files []dashboards.File) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i := slices.IndexFunc(files, func(f dashboards.File) bool { return f.Name == r.PathValue("name") })
		if i < 0 {
			http.NotFound(w, r)
			return
		}
		name := files[i].Name
		w.Header().Set("Content-Type", contentTypes[path.Ext(name)])
		w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
		_, _ = w.Write(files[i].Content)
	})
}
