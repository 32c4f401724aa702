// Package dashboards holds what people look at: Grafana dashboards, and rules for
// Prometheus. They are part of the program, so that whoever has it has those that
// fit it; see docs/dashboards.md and docs/alerts.md.
package dashboards

import (
	"embed"
	"io/fs"
	"path"
)

//go:embed *.json rules/*.yml
var embedded embed.FS

// A File is a dashboard or a file of rules, ready to be imported.
type File struct {
	Name    string // such as alerts.yml, without a folder; unique
	Title   string // what it is, in a few words
	Content []byte // must not be changed
}

// titles says what the files are, by their paths, in the order in which they are
// offered.
var titles = []struct{ path, title string }{
	{"image-inventory.json", "Grafana dashboard: image inventory"},
	{"exporter-health.json", "Grafana dashboard: exporter health"},
	{"rules/alerts.yml", "Prometheus alerts"},
	{"rules/alerts-operators.yml", "Prometheus alerts for operators of a cloud"},
}

// Files lists every dashboard and every file of rules. The error says which of
// them is not part of the program, which a test rules out.
func Files() ([]File, error) {
	files := make([]File, 0, len(titles))
	for _, f := range titles {
		content, err := fs.ReadFile(embedded, f.path)
		if err != nil {
			return nil, err
		}
		files = append(files, File{Name: path.Base(f.path), Title: f.title, Content: content})
	}
	return files, nil
}
