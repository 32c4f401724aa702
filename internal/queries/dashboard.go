// Package queries takes the PromQL out of the dashboards and rules, for the tests
// that prove it: by what Prometheus answers, and by the metrics that there are.
package queries

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// A Query is an expression, and where it stands.
type Query struct {
	File  string
	Title string // of the panel, or the name of the variable or rule
	Ref   string // which of the panel's queries; "" for the only one of a rule
	Expr  string

	Instant  bool   // asked for one moment rather than for a range
	Interval string // the least step; "" for none
	Legend   string // names the series by {{label}}; "" for none
}

// Key names a query of a file for people: by its title and, in a panel, its letter.
func (q *Query) Key() string {
	if q.Ref == "" {
		return q.Title
	}
	return q.Title + " / " + q.Ref
}

func (q *Query) String() string { return path.Base(q.File) + ": " + q.Key() }

// A Dashboard is what the tests need to know of one.
type Dashboard struct {
	File      string
	From      string // the beginning of its time range, such as now-24h
	Variables []Variable
	Queries   []Query
}

// A Variable is one that queries are filled with.
type Variable struct {
	Name       string
	Type       string // query, custom, datasource and so on
	Query      string
	Regex      string // /which of the query's values are taken/; "" for all
	Multi      bool
	IncludeAll bool
	AllValue   string   // stands for all values; "" for all of them, listed
	Options    []string // of a custom one
}

// Dashboards reads all dashboards of a folder.
func Dashboards(fsys fs.FS, folder string) ([]*Dashboard, error) {
	files, err := fs.Glob(fsys, path.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	var all []*Dashboard
	for _, file := range files {
		text, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, err
		}
		d, err := readDashboard(file, text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, d)
	}
	return all, nil
}

// jsonVariable is a variable as Grafana writes it.
type jsonVariable struct {
	Name, Type, Regex, AllValue string
	Multi, IncludeAll           bool
	Query                       json.RawMessage // a text, or an object that holds one
	Options                     []struct{ Value json.RawMessage }
}

func readDashboard(file string, text []byte) (*Dashboard, error) {
	var known struct {
		Time       struct{ From string }
		Templating struct{ List []jsonVariable }
	}
	if err := json.Unmarshal(text, &known); err != nil {
		return nil, err
	}
	d := &Dashboard{File: file, From: known.Time.From}
	for i := range known.Templating.List {
		v := &known.Templating.List[i]
		query, err := variableQuery(v.Query)
		if err != nil {
			return nil, fmt.Errorf("the variable %s: %w", v.Name, err)
		}
		one := Variable{
			Name: v.Name, Type: v.Type, Query: query, Regex: v.Regex,
			Multi: v.Multi, IncludeAll: v.IncludeAll, AllValue: v.AllValue,
		}
		for _, option := range v.Options {
			var value string
			if err := json.Unmarshal(option.Value, &value); err != nil {
				return nil, fmt.Errorf("the variable %s: %w", v.Name, err)
			}
			one.Options = append(one.Options, value)
		}
		d.Variables = append(d.Variables, one)
	}
	var all any
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	d.collect(all, "")
	return d, nil
}

func variableQuery(text json.RawMessage) (string, error) {
	if len(text) == 0 {
		return "", nil
	}
	var plain string
	if json.Unmarshal(text, &plain) == nil {
		return plain, nil
	}
	var object struct{ Query string }
	err := json.Unmarshal(text, &object)
	return object.Query, err
}

// collect finds every query, wherever it is nested: in panels, in panels of
// rows, in annotations.
func (d *Dashboard) collect(value any, title string) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			d.collect(item, title)
		}
	case map[string]any:
		for _, name := range []string{"title", "name"} {
			if own, ok := value[name].(string); ok && own != "" {
				title = own
				break
			}
		}
		if expr, ok := value["expr"].(string); ok {
			q := Query{File: d.File, Title: title, Expr: expr}
			q.Ref, _ = value["refId"].(string)
			q.Instant, _ = value["instant"].(bool)
			q.Interval, _ = value["interval"].(string)
			q.Legend, _ = value["legendFormat"].(string)
			if !strings.Contains(q.Legend, "{{") {
				q.Legend = "" // a text, or __auto
			}
			d.Queries = append(d.Queries, q)
		}
		for name, item := range value {
			if name != "templating" {
				d.collect(item, title)
			}
		}
	}
}
