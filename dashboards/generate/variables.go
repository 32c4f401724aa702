package main

// prometheus is the data source that is chosen at the top of the dashboard. It is
// never a fixed one, so that a dashboard may be imported and provisioned.
var prometheus = datasourceRef{"prometheus", "${datasource}"}

// datasource is the variable that chooses it.
func datasource() variable {
	return variable{
		Name: "datasource", Label: "Data source", Type: "datasource", Query: "prometheus", Refresh: 1,
		Description: "The Prometheus that scrapes the exporter.",
		Current:     object{}, Options: []object{},
	}
}

// values lists the values of a label: all of them at first, several to choose.
func values(label, title, selector, description string) variable {
	v := ask(label, title, "label_values("+selector+", "+label+")", description)
	v.Multi, v.IncludeAll, v.AllValue = true, true, ".*"
	v.Current = object{"selected": true, "text": []string{"All"}, "value": []string{"$__all"}}
	return v
}

// ask is a variable whose values come from Prometheus, whenever the time range
// changes.
func ask(name, title, query, description string) variable {
	return variable{
		Name: name, Label: title, Type: "query", Description: description, Datasource: &prometheus,
		Definition: query, Query: object{"query": query, "refId": "StandardVariableQuery"},
		Refresh: 2, Sort: 1, Current: object{}, Options: []object{},
	}
}

// one makes a variable begin with a value.
func (v variable) one(value string) variable {
	v.Current = object{"selected": true, "text": value, "value": value}
	return v
}

// filtered keeps only the values that match.
func (v variable) filtered(regex string) variable {
	v.Regex = regex
	return v
}

// togetherness chooses what sums by group labels keep apart. To group by a label
// that no series has is to sum all.
func togetherness() variable {
	apart := object{"selected": true, "text": "each inventory", "value": inventory}
	together := object{"selected": false, "text": "all together", "value": "all_together"}
	return variable{
		Name: "each", Label: "Show", Type: "custom",
		Description: "Whether composition and growth are shown of each inventory by itself, or summed over all that are selected. Two exporters that read one cloud would count twice.",
		Query:       `each inventory : job\, instance\, cloud\, region,all together : all_together`,
		Current:     apart, Options: []object{apart, together},
	}
}

// related leads to the other dashboards of the exporter, with the same targets and
// time.
func related() []link {
	return []link{{
		Type: "dashboards", Title: "Glance", Icon: "external link", Tags: []string{tag},
		IncludeVars: true, KeepTime: true,
	}}
}

// tag is that of the exporter's dashboards.
const tag = "glance-exporter"
