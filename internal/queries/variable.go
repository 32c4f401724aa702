package queries

import (
	"fmt"
	"regexp"
	"strings"
)

// An Ask is what the query of a variable asks for.
type Ask struct {
	Query        // of the series; its expression is "" for all
	Label string // whose values are taken; "" for the names of all labels
}

var labelValues = regexp.MustCompile(`^label_values\((?:(.*),)?\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*\)$`)

// Ask reads the query of a variable of a file. It is nil for variables that ask
// for nothing.
func (v *Variable) Ask(file string) (*Ask, error) {
	if v.Type != "query" {
		return nil, nil //nolint:nilnil // there is nothing to ask, and nothing wrong
	}
	ask := &Ask{Query: Query{File: file, Title: "$" + v.Name, Instant: true}}
	if v.Query == "label_names()" {
		return ask, nil
	}
	match := labelValues.FindStringSubmatch(v.Query)
	if match == nil {
		return nil, fmt.Errorf("%s: the query %q is of no known kind", ask, v.Query)
	}
	ask.Expr, ask.Label = strings.TrimSpace(match[1]), match[2]
	return ask, nil
}

// Takes gives those of the values that the variable's regular expression takes,
// or what its first group does of them.
func (v *Variable) Takes(values []string) ([]string, error) {
	if v.Regex == "" {
		return values, nil
	}
	pattern, err := regexp.Compile(strings.Trim(v.Regex, "/"))
	if err != nil {
		return nil, err
	}
	var taken []string
	for _, value := range values {
		switch match := pattern.FindStringSubmatch(value); {
		case match == nil:
		case len(match) > 1:
			taken = append(taken, match[1])
		default:
			taken = append(taken, value)
		}
	}
	return taken, nil
}
