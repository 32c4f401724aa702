package main

import (
	"regexp"
	"slices"
	"strconv"
)

// What a colour means, on both dashboards.
const (
	good    = "green"
	warning = "orange"
	bad     = "red"
	neutral = "blue"
	grey    = "#8e8e8e"
)

// shade is the colour of one value of a label.
type shade struct{ value, colour string }

// palette lists the values of a label in the order in which they are shown.
type palette []shade

// The one table of colours: a value has one colour on every panel. "other" and
// "none", which any label may have, are grey everywhere.
var (
	// Active is green, what passes is blue and amber, what failed is red. Purple is
	// what somebody has put out of use.
	statuses = palette{
		{"active", good},
		{"queued", "light-blue"},
		{"uploading", "blue"},
		{"saving", "dark-blue"},
		{"importing", "yellow"},
		{"pending_delete", "orange"},
		{"deactivated", "purple"},
		{"killed", bad},
		{"deleted", "dark-red"},
	}
	// Most clouds have few of these: the common ones are far apart.
	formats = palette{
		{"qcow2", "green"},
		{"raw", "blue"},
		{"vmdk", "orange"},
		{"vhd", "purple"},
		{"vhdx", "light-purple"},
		{"iso", "yellow"},
		{"vdi", "red"},
		{"ploop", "dark-yellow"},
		{"zvhd", "dark-blue"},
		{"zvhd2", "light-blue"},
		{"ami", "light-orange"},
		{"aki", "dark-orange"},
		{"ari", "light-red"},
	}
	// Who may use an image: public ones are to be seen first.
	visibilities = palette{
		{"public", "orange"},
		{"community", "yellow"},
		{"shared", "blue"},
		{"private", "green"},
		{"not public", "green"},
	}
	protections = palette{
		{"protected", "green"},
		{"unprotected", "orange"},
	}
	// Answers by the first digit of their code. Here "none" is no answer at all,
	// which is a failure.
	codes = palette{
		{"2..", "green"},
		{"3..", "blue"},
		{"4..", "orange"},
		{"5..", "red"},
		{"none", "dark-red"},
	}
	operations = palette{
		{"list", "blue"},
		{"discovery", "purple"},
		{"auth", "yellow"},
	}
	// Every reason is a failure, in a shade of its own.
	reasons = palette{
		{"auth", "dark-purple"},
		{"forbidden", "purple"},
		{"rate_limited", "yellow"},
		{"timeout", "orange"},
		{"connection", "red"},
		{"server_error", "dark-red"},
		{"not_found", "light-purple"},
		{"bad_request", "light-orange"},
		{"decode", "dark-orange"},
		{"paging", "light-red"},
		{"too_large", "dark-yellow"},
	}
	// How the last read of an inventory went, beside the reasons.
	states = append(palette{{"whole", good}, {"absent", bad}}, all(reasons, bad)...)
)

// all gives every value of a palette one colour.
func all(p palette, colour string) palette {
	same := make(palette, len(p))
	for i := range p {
		same[i] = shade{p[i].value, colour}
	}
	return same
}

// greyed appends the values that any label may have, where they mean nothing else.
func (p palette) greyed() palette {
	list := slices.Clone(p)
	for _, value := range []string{"other", "none"} {
		if !slices.ContainsFunc(p, func(s shade) bool { return s.value == value }) {
			list = append(list, shade{value, grey})
		}
	}
	return list
}

// series colours the series whose legends begin with the values; the values of
// codes are regular expressions.
func (p palette) series() []override {
	var list []override
	for _, s := range p.greyed() {
		list = append(list, named("/^"+s.value+"( |$)/", property{"color", object{"mode": "fixed", "fixedColor": s.colour}}))
	}
	return list
}

// cells colours the values in a column of a table.
func (p palette) cells() []mapping {
	options := object{}
	for i, s := range p.greyed() {
		options[s.value] = object{"color": s.colour, "index": i, "text": s.value}
	}
	return []mapping{{"value", options}}
}

// words gives numbers a text and a colour each.
func words(p palette) []mapping {
	options := object{}
	for i, s := range p {
		options[strconv.Itoa(i)] = object{"color": s.colour, "index": i, "text": s.value}
	}
	return []mapping{{"value", options}}
}

// noValue shows what is not known as a dash.
var noValue = mapping{"special", object{"match": "null+nan", "result": object{"text": "–", "color": grey, "index": 0}}}

// named matches the fields of a name, or those of a pattern between slashes.
func named(name string, properties ...property) override {
	id := "byName"
	if regexp.MustCompile("^/.*/$").MatchString(name) {
		id = "byRegexp"
	}
	return override{matcher{id, name}, properties}
}

// from makes thresholds: a first colour, and others each from a value on.
func from(first string, steps ...step) *thresholds {
	return &thresholds{"absolute", append([]step{{Color: first}}, steps...)}
}

// at is a threshold's step.
func at(value float64, colour string) step { return step{colour, &value} }
