package queries

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// A Rule is an alerting or a recording rule.
type Rule struct {
	Query
	Record string // the metric that it makes; "" for an alert
	// Texts are queries in the alert's texts, with a word in place of each label's
	// value, which is known only once it fires.
	Texts []Query
	// Labels are those that the alert's texts name.
	Labels []string
}

// Rules reads all rule files of a folder.
func Rules(fsys fs.FS, folder string) ([]Rule, error) {
	files, err := fs.Glob(fsys, path.Join(folder, "*.yml"))
	if err != nil {
		return nil, err
	}
	var all []Rule
	for _, file := range files {
		rules, err := RulesOf(fsys, file)
		if err != nil {
			return nil, err
		}
		all = append(all, rules...)
	}
	return all, nil
}

// RulesOf reads one rule file.
func RulesOf(fsys fs.FS, file string) ([]Rule, error) {
	text, err := fs.ReadFile(fsys, file)
	if err != nil {
		return nil, err
	}
	var content struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Record, Expr, For string
				Labels, Annotations      map[string]string
			}
			Interval string
		}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&content); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var all []Rule
	for _, group := range content.Groups {
		for _, r := range group.Rules {
			rule := Rule{Query: Query{File: file, Title: r.Alert + r.Record, Expr: r.Expr, Instant: true}, Record: r.Record}
			for _, texts := range []map[string]string{r.Labels, r.Annotations} {
				for name, text := range texts {
					if err := rule.addText(name, text); err != nil {
						return nil, fmt.Errorf("%s: %s: %s: %w", file, rule.Title, name, err)
					}
				}
			}
			slices.Sort(rule.Labels)
			rule.Labels = slices.Compact(rule.Labels)
			all = append(all, rule)
		}
	}
	return all, nil
}

var (
	labelInText = regexp.MustCompile(`\$labels\.([a-zA-Z0-9_]+)`)
	queryInText = regexp.MustCompile(`(?s)("(?:[^"\\]|\\.)*")[^"{}]*\|\s*query`)
	verb        = regexp.MustCompile(`%[a-z]`)
)

// addText takes the labels and queries out of a template.
func (r *Rule) addText(name, text string) error {
	for _, match := range labelInText.FindAllStringSubmatch(text, -1) {
		r.Labels = append(r.Labels, match[1])
	}
	for _, match := range queryInText.FindAllStringSubmatch(text, -1) {
		expr, err := strconv.Unquote(match[1])
		if err != nil {
			return err
		}
		q := r.Query
		q.Ref = name
		q.Expr = verb.ReplaceAllStringFunc(expr, func(verb string) string {
			if verb == "%q" {
				return `"value"`
			}
			return "value"
		})
		r.Texts = append(r.Texts, q)
	}
	return nil
}
