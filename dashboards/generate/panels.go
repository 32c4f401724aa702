package main

// query is an expression and the legend of its series.
type query struct {
	expr   string
	legend string
}

// where ends legends: what tells targets apart. A label that does not exist leaves
// nothing behind.
const where = " {{cloud}} {{region}} {{instance}}"

// newPanel makes a panel with what all of them have.
func newPanel(kind, title, unit, description string, queries ...query) *panel {
	p := &panel{
		Type: kind, Title: title, Description: description, Datasource: &prometheus, PluginVersion: pluginVersion,
		FieldConfig: &fieldConfig{
			Defaults:  fieldDefaults{Unit: unit, Mappings: []mapping{noValue}},
			Overrides: []override{},
		},
	}
	for i, q := range queries {
		p.Targets = append(p.Targets, target{
			RefID: string(rune('A' + i)), Datasource: prometheus, EditorMode: "code",
			Expr: q.expr, LegendFormat: q.legend, Format: "time_series", Range: true,
		})
	}
	return p
}

// now makes the panel ask for the values at the end of the time range only.
func (p *panel) now() *panel {
	for i := range p.Targets {
		p.Targets[i].Instant, p.Targets[i].Range = true, false
	}
	return p
}

// rated makes $__rate_interval fit for intervals of up to 4 minutes between two
// scrapes, whatever the data source says.
func (p *panel) rated() *panel {
	for i := range p.Targets {
		p.Targets[i].Interval = "2m"
	}
	return p
}

// coloured adds the colours of a palette.
func (p *panel) coloured(colours palette) *panel {
	return p.override(colours.series()...)
}

func (p *panel) override(list ...override) *panel {
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, list...)
	return p
}

// judged sets thresholds.
func (p *panel) judged(t *thresholds) *panel {
	p.FieldConfig.Defaults.Thresholds = t
	return p
}

// graph shows values over time. A gap is a gap.
func graph(title, unit, description string, queries ...query) *panel {
	p := newPanel("timeseries", title, unit, description, queries...)
	p.FieldConfig.Defaults.Mappings = []mapping{}
	p.FieldConfig.Defaults.Min = new(float64)
	p.FieldConfig.Defaults.Color = object{"mode": "palette-classic"}
	p.FieldConfig.Defaults.Custom = object{
		"drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 1, "fillOpacity": 10,
		"showPoints": "auto", "pointSize": 4, "spanNulls": false,
		"stacking": object{"mode": "none", "group": "A"}, "axisPlacement": "auto",
	}
	p.Options = object{
		// "last" is nothing for a series that has ended.
		"legend":  object{"displayMode": "table", "placement": "bottom", "showLegend": true, "calcs": []string{"last"}},
		"tooltip": object{"mode": "multi", "sort": "desc"},
	}
	return p
}

// stacked puts a graph's series on top of each other.
func (p *panel) stacked() *panel {
	p.FieldConfig.Defaults.Custom["stacking"] = object{"mode": "normal", "group": "A"}
	p.FieldConfig.Defaults.Custom["fillOpacity"] = 40
	return p
}

// counting draws a graph of events as bars, since most of the time there is none.
func (p *panel) counting() *panel {
	p.stacked().FieldConfig.Defaults.Custom["drawStyle"] = "bars"
	return p
}

// signed lets a graph's axis go below 0.
func (p *panel) signed() *panel {
	p.FieldConfig.Defaults.Min = nil
	return p
}

// limited draws the thresholds of a graph as lines.
func (p *panel) limited(t *thresholds) *panel {
	p.FieldConfig.Defaults.Custom["thresholdsStyle"] = object{"mode": "line"}
	return p.judged(t)
}

// unknown adds to a graph of bytes how many images it does not contain, where there
// are any, on an axis of its own.
func (p *panel) unknown() *panel {
	p.Targets = append(p.Targets, target{
		RefID: "Z", Datasource: prometheus, EditorMode: "code", Format: "time_series", Range: true,
		Expr: unknownSizes(), LegendFormat: "images of unknown size" + where,
	})
	return p.override(aside("/^images of unknown size/", "short")...)
}

// aside gives series an axis of their own at the right, as a dashed line.
func aside(pattern, unit string) []override {
	return []override{named(pattern,
		property{"unit", unit},
		property{"custom.axisPlacement", "right"},
		property{"custom.lineStyle", object{"fill": "dash", "dash": []int{6, 6}}},
		property{"custom.fillOpacity", 0},
		property{"custom.stacking", object{"mode": "none", "group": "B"}},
	)}
}

// stat shows the value of now in large.
func stat(title, unit, description, expr string, t *thresholds) *panel {
	p := newPanel("stat", title, unit, description, query{expr, title}).now().judged(t)
	p.FieldConfig.Defaults.Color = object{"mode": "thresholds"}
	p.FieldConfig.Defaults.NoValue = "–"
	p.Options = object{
		"reduceOptions": reduceLast(), "orientation": "auto", "textMode": "value",
		"colorMode": "background", "graphMode": "none", "justifyMode": "center",
	}
	return p
}

func reduceLast() object {
	return object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false}
}

// pie shows the parts of now.
func pie(title, unit, description string, colours palette, queries ...query) *panel {
	p := newPanel("piechart", title, unit, description, queries...).now().coloured(colours)
	p.FieldConfig.Defaults.Color = object{"mode": "palette-classic"}
	p.Options = object{
		"reduceOptions": reduceLast(), "pieType": "donut", "displayLabels": []string{"percent"},
		"legend":  object{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}, "values": []string{}},
		"tooltip": object{"mode": "single", "sort": "desc"},
	}
	return p
}

// bars shows the values of now beside each other.
func bars(title, unit, description string, queries ...query) *panel {
	p := newPanel("bargauge", title, unit, description, queries...).now().judged(from(neutral))
	p.FieldConfig.Defaults.Color = object{"mode": "thresholds"}
	p.FieldConfig.Defaults.Min = new(float64)
	p.Options = object{
		"reduceOptions": reduceLast(), "orientation": "horizontal", "displayMode": "basic",
		"showUnfilled": true, "minVizWidth": 0, "minVizHeight": 10,
	}
	return p
}

// timeline shows states over time, with words for the numbers 0, 1 and so on.
func timeline(title, description string, states palette, queries ...query) *panel {
	p := newPanel("state-timeline", title, "none", description, queries...)
	p.FieldConfig.Defaults.Mappings = words(states)
	p.FieldConfig.Defaults.Color = object{"mode": "thresholds"}
	p.FieldConfig.Defaults.Thresholds = from(grey)
	p.FieldConfig.Defaults.Custom = object{"lineWidth": 0, "fillOpacity": 80, "spanNulls": false}
	p.Options = object{
		"mergeValues": true, "showValue": "auto", "alignValue": "left", "rowHeight": 0.85,
		"legend":  object{"displayMode": "list", "placement": "bottom", "showLegend": false, "calcs": []string{}},
		"tooltip": object{"mode": "single", "sort": "none"},
	}
	return p
}

// heatmap shows how a histogram's values are spread over time. Classic buckets want
// to be read as a heatmap; native ones are one by themselves, in a query of their
// own, which is only there where the classic ones are not.
func heatmap(title, unit, description, histogram string, conditions ...string) *panel {
	classic := "sum by (le) (rate(" + own(histogram+"_bucket", conditions...) + "[$__rate_interval]))"
	native := "sum(rate(" + own(histogram, conditions...) + "[$__rate_interval])) unless on () " + classic
	p := newPanel("heatmap", title, unit, description, query{classic, "{{le}}"}, query{native, "requests a second"}).rated()
	p.Targets[0].Format = "heatmap"
	p.FieldConfig.Defaults.Mappings = []mapping{}
	p.FieldConfig.Defaults.Custom = object{"scaleDistribution": object{"type": "linear"}, "hideFrom": object{"legend": false, "tooltip": false, "viz": false}}
	p.Options = object{
		"calculate": false, "showValue": "never", "cellGap": 1, "cellValues": object{"unit": "reqps"},
		"color":        object{"mode": "scheme", "scheme": "Blues", "scale": "exponential", "exponent": 0.5, "fill": "dark-blue", "steps": 64, "reverse": false},
		"yAxis":        object{"axisPlacement": "left", "unit": unit, "reverse": false},
		"rowsFrame":    object{"layout": "auto", "value": "requests a second"},
		"filterValues": object{"le": 1e-9},
		"exemplars":    object{"color": "rgba(255,0,255,0.7)"},
		"legend":       object{"show": true},
		"tooltip":      object{"show": true, "mode": "single", "yHistogram": true},
	}
	return p
}

// note is a panel of text.
func note(title, description, markdown string) *panel {
	p := newPanel("text", title, "", description)
	p.FieldConfig = nil
	p.Options = object{"mode": "markdown", "content": markdown}
	return p
}
