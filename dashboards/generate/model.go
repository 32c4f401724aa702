package main

import (
	"bytes"
	"encoding/json"
)

// schemaVersion is that of Grafana 9.3, the oldest one that the dashboards are
// for. Later ones bring a dashboard up to date as they load it.
const schemaVersion = 37

// pluginVersion tells a panel from when its options are.
const pluginVersion = "9.3.0"

// object is for those parts of the model that are written down in one place only.
type object = map[string]any

// dashboard is Grafana's JSON model, as far as it is needed.
type dashboard struct {
	UID           string     `json:"uid"`
	Title         string     `json:"title"`
	Description   string     `json:"description"`
	Tags          []string   `json:"tags"`
	SchemaVersion int        `json:"schemaVersion"`
	Version       int        `json:"version"`
	Editable      bool       `json:"editable"`
	GraphTooltip  int        `json:"graphTooltip"` // 1: the crosshair is shared
	Refresh       string     `json:"refresh"`
	Time          timeRange  `json:"time"`
	Timezone      string     `json:"timezone"`
	Links         []link     `json:"links"`
	Annotations   object     `json:"annotations"`
	Templating    templating `json:"templating"`
	Panels        []*panel   `json:"panels"`
}

type timeRange struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// link leads to the dashboards with the tags.
type link struct {
	Type        string   `json:"type"`
	Title       string   `json:"title"`
	Tooltip     string   `json:"tooltip"`
	Icon        string   `json:"icon"`
	Tags        []string `json:"tags"`
	URL         string   `json:"url"`
	AsDropdown  bool     `json:"asDropdown"`
	IncludeVars bool     `json:"includeVars"`
	KeepTime    bool     `json:"keepTime"`
	TargetBlank bool     `json:"targetBlank"`
}

type templating struct {
	List []variable `json:"list"`
}

// variable is a list at the top of a dashboard. Query is a text, but for those
// that ask a data source.
type variable struct {
	Name        string         `json:"name"`
	Label       string         `json:"label"`
	Description string         `json:"description"`
	Type        string         `json:"type"`
	Query       any            `json:"query"`
	Definition  string         `json:"definition,omitempty"`
	Datasource  *datasourceRef `json:"datasource,omitempty"`
	Regex       string         `json:"regex,omitempty"`
	Refresh     int            `json:"refresh,omitempty"` // 1: with the dashboard, 2: with the time range
	Sort        int            `json:"sort,omitempty"`    // 1: by name
	Multi       bool           `json:"multi"`
	IncludeAll  bool           `json:"includeAll"`
	AllValue    string         `json:"allValue,omitempty"`
	Current     object         `json:"current"`
	Options     []object       `json:"options"`
	Hide        int            `json:"hide"`
	SkipURLSync bool           `json:"skipUrlSync"`
}

type datasourceRef struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

// panel is a panel or a row. Collapsed and Panels are a row's.
type panel struct {
	ID              int            `json:"id"`
	Type            string         `json:"type"`
	Title           string         `json:"title"`
	Description     string         `json:"description,omitempty"`
	Datasource      *datasourceRef `json:"datasource,omitempty"`
	GridPos         gridPos        `json:"gridPos"`
	Collapsed       *bool          `json:"collapsed,omitempty"`
	Panels          *[]*panel      `json:"panels,omitempty"`
	PluginVersion   string         `json:"pluginVersion,omitempty"`
	Targets         []target       `json:"targets,omitempty"`
	FieldConfig     *fieldConfig   `json:"fieldConfig,omitempty"`
	Options         object         `json:"options,omitempty"`
	Transformations []object       `json:"transformations,omitempty"`
}

// gridPos is a place in a grid of 24 columns, and lines of 30 pixels.
type gridPos struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

// target is a query.
type target struct {
	RefID        string        `json:"refId"`
	Datasource   datasourceRef `json:"datasource"`
	EditorMode   string        `json:"editorMode"`
	Expr         string        `json:"expr"`
	Format       string        `json:"format"`
	Instant      bool          `json:"instant"`
	Range        bool          `json:"range"`
	LegendFormat string        `json:"legendFormat"`
	// Interval is the shortest time between two samples that is asked for, and
	// what $__rate_interval is made of.
	Interval string `json:"interval,omitempty"`
}

type fieldConfig struct {
	Defaults  fieldDefaults `json:"defaults"`
	Overrides []override    `json:"overrides"`
}

type fieldDefaults struct {
	Unit       string      `json:"unit,omitempty"`
	Decimals   *int        `json:"decimals,omitempty"`
	Min        *float64    `json:"min,omitempty"`
	NoValue    string      `json:"noValue,omitempty"`
	Color      object      `json:"color,omitempty"`
	Mappings   []mapping   `json:"mappings"`
	Thresholds *thresholds `json:"thresholds,omitempty"`
	Custom     object      `json:"custom,omitempty"`
}

// override sets properties of the fields that match.
type override struct {
	Matcher    matcher    `json:"matcher"`
	Properties []property `json:"properties"`
}

type matcher struct {
	ID      string `json:"id"`
	Options string `json:"options"`
}

type property struct {
	ID    string `json:"id"`
	Value any    `json:"value"`
}

// mapping gives values a text and a colour.
type mapping struct {
	Type    string `json:"type"`
	Options object `json:"options"`
}

type thresholds struct {
	Mode  string `json:"mode"`
	Steps []step `json:"steps"`
}

// step is the colour from a value on, nil for the first one.
type step struct {
	Color string   `json:"color"`
	Value *float64 `json:"value"`
}

// encode gives the file of a dashboard, the same one each time.
func encode(d *dashboard) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false) // queries are to be read
	encoder.SetIndent("", "  ")
	err := encoder.Encode(d)
	return out.Bytes(), err
}
