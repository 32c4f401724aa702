package queries

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A Choice is what somebody has chosen for a variable.
type Choice struct {
	Values []string // of All: every one that there is
	All    bool
}

// Times are those that Grafana knows when it asks.
type Times struct {
	Range    time.Duration // that the dashboard shows
	Scrape   time.Duration // the data source's scrape interval
	Interval time.Duration // between two points
}

// reference is a variable in one of its three spellings.
var reference = regexp.MustCompile(`\$(\w+)|\$\{(\w+)(?:\.[^:^}]+)?(?::([^}]+))?\}|\[\[(\w+)\]\]`)

// Fill puts values in place of a query's variables, as Grafana's data source for
// Prometheus does. Unknown ones stay as they are, such as the $1 of a regular
// expression.
func (d *Dashboard) Fill(q *Query, choices map[string]Choice, times Times) string {
	least := times.Scrape
	if own, err := time.ParseDuration(q.Interval); err == nil {
		least = own
	}
	step := max(times.Interval, least)
	builtIn := map[string]time.Duration{
		"__interval": step, "__range": times.Range, "__rate_interval": max(step+least, 4*least),
	}
	return reference.ReplaceAllStringFunc(q.Expr, func(text string) string {
		match := reference.FindStringSubmatch(text)
		name := match[1] + match[2] + match[4]
		if span, ok := builtIn[name]; ok {
			return strconv.FormatInt(span.Milliseconds(), 10) + "ms"
		}
		if span, ok := builtIn[strings.TrimSuffix(name, "_ms")]; ok {
			return strconv.FormatInt(span.Milliseconds(), 10)
		}
		if span, ok := builtIn[strings.TrimSuffix(name, "_s")]; ok {
			return strconv.Itoa(int(span.Seconds()))
		}
		for i := range d.Variables {
			if choice, chosen := choices[name]; chosen && d.Variables[i].Name == name {
				return d.Variables[i].text(choice, match[3])
			}
		}
		return text
	})
}

// text writes a choice in a format, "" for the data source's own one.
func (v *Variable) text(choice Choice, format string) string {
	if choice.All && v.AllValue != "" {
		return v.AllValue
	}
	escape := escapeRegexp
	switch {
	case format == "raw", format == "pipe", format == "csv":
		escape = func(s string) string { return s }
	case !v.Multi && !v.IncludeAll:
		escape = escapeText
	}
	values := make([]string, len(choice.Values))
	for i, value := range choice.Values {
		values[i] = escape(value)
	}
	switch {
	case format == "csv":
		return strings.Join(values, ",")
	case len(values) == 1 || format == "pipe":
		return strings.Join(values, "|")
	default:
		return "(" + strings.Join(values, "|") + ")"
	}
}

// Of a variable of several values the query is taken for a regular expression in
// a string, of another for a string.
var (
	special    = regexp.MustCompile(`[$^*{}\[\]'+?.()|]`)
	escapeText = strings.NewReplacer(`\`, `\\`, `'`, `\\'`).Replace
)

func escapeRegexp(text string) string {
	return special.ReplaceAllString(strings.ReplaceAll(text, `\`, `\\\\`), `\\$0`)
}
