package main

import "slices"

// column is a column of a table: a query's values, or a label of its series.
type column struct {
	title string
	// expr is empty for a label.
	expr string
	unit string
	// label is the label's name, or for a query the one beside which it stands.
	label string
	// colours are those of a label's values.
	colours palette
	// judged colours the values of a query.
	judged *thresholds
	// hidden keeps a query for the sake of its labels only.
	hidden bool
}

// label makes a column of a label.
func label(name, title string, colours palette) column {
	return column{label: name, title: title, colours: colours}
}

// number makes a column of a query's values.
func number(title, unit, expr string) column { return column{title: title, unit: unit, expr: expr} }

// above colours the values from a threshold on.
func (c column) above(value float64, colour string) column {
	c.judged = from("text", at(value, colour))
	return c
}

// place is where a line of a table is from. Labels that do not exist make no column.
var place = []column{label("cloud", "cloud", nil), label("region", "region", nil), label("instance", "instance", nil)}

// table shows values of now, with a line for each target or for each value of a
// label. Its queries have the same series, so that their lines can be merged.
func table(title, description string, columns ...column) *panel {
	columns = slices.Concat(place, columns)
	var queries []query
	for _, c := range columns {
		if c.expr != "" {
			queries = append(queries, query{c.expr, c.title})
		}
	}
	p := newPanel("table", title, "none", description, queries...).now()
	for i := range p.Targets {
		p.Targets[i].Format = "table"
	}
	p.FieldConfig.Defaults.Color = object{"mode": "thresholds"}
	p.FieldConfig.Defaults.Thresholds = from("text")
	p.FieldConfig.Defaults.Custom = object{"align": "auto", "displayMode": "auto", "filterable": false, "inspect": false}
	p.Options = object{
		"frameIndex": 0, "showHeader": true,
		"footer": object{"show": false, "reducer": []string{"sum"}, "fields": ""},
	}

	// What Prometheus gives beside what is shown.
	exclude := object{"Time": true, "__name__": true, "job": true, "all_together": true}
	index, rename := object{}, object{}
	next := 0
	for position, c := range columns {
		field := c.label
		if c.expr != "" {
			field = "Value #" + p.Targets[next].RefID
			if len(queries) == 1 {
				field = "Value"
			}
			next++
		}
		index[field], rename[field] = position, c.title
		if c.hidden {
			exclude[field] = true
			continue
		}
		if properties := c.properties(); len(properties) > 0 {
			p.override(named(c.title, properties...))
		}
	}
	if len(queries) > 1 {
		p.Transformations = append(p.Transformations, object{"id": "merge", "options": object{}})
	}
	p.Transformations = append(p.Transformations, object{
		"id":      "organize",
		"options": object{"excludeByName": exclude, "indexByName": index, "renameByName": rename},
	})
	return p
}

// properties are what sets the column apart from the others.
func (c column) properties() []property {
	var list []property
	if c.unit != "" {
		list = append(list, property{"unit", c.unit})
	}
	if c.judged != nil {
		list = append(list, property{"thresholds", c.judged}, property{"custom.displayMode", "color-text"})
	}
	if c.colours != nil {
		list = append(list, property{"mappings", c.colours.cells()}, property{"custom.displayMode", "color-text"})
	}
	return list
}

// sorted sorts a table by a column.
func (p *panel) sorted(title string, descending bool) *panel {
	p.Options["sortBy"] = []object{{"displayName": title, "desc": descending}}
	return p
}
