package queries

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Names are the metrics and labels that an expression speaks of.
type Names struct {
	Selectors []Selector
	Labels    []string // of by, without, on, ignoring, group_left and group_right, and those that functions read
	Made      []string // by label_replace, label_join and count_values
}

// A Selector selects series: of one metric, or of several by __name__.
type Selector struct {
	Metrics  []string
	Matchers []Matcher
}

// A Matcher is one condition of a selector.
type Matcher struct{ Label, Operator, Value string }

// tokens of PromQL. A range in brackets is one, as nothing in it is a name.
var token = regexp.MustCompile(`^(?:` +
	`(?P<space>\s+|#[^\n]*)|` +
	"(?P<text>\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'|`[^`]*`)|" +
	`(?P<range>\[[^\]]*\])|` +
	`(?P<number>[0-9.][0-9a-zA-Z_.]*)|` +
	`(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)|` +
	`(?P<sign>=~|!~|!=|==|<=|>=|[-+*/%^<>=(){},@]))`)

// Words that are no metrics. Functions are told by the parenthesis behind them.
var (
	groupings   = []string{"by", "without", "on", "ignoring", "group_left", "group_right"}
	aggregators = []string{
		"sum", "min", "max", "avg", "group", "stddev", "stdvar", "count", "count_values", "bottomk", "topk", "quantile",
	}
	keywords = append([]string{"bool", "and", "or", "unless", "atan2", "offset", "inf", "nan"}, aggregators...)
)

type word struct{ kind, text string }

// NamesOf finds the names in an expression. It is no parser: it tells names from
// other words, and leaves it to Prometheus to find what makes no sense.
func NamesOf(expr string) (*Names, error) {
	s := &scanner{names: &Names{}}
	for rest := expr; rest != ""; {
		match := token.FindStringSubmatch(rest)
		if match == nil {
			return nil, fmt.Errorf("%q is no PromQL", rest)
		}
		for i, kind := range token.SubexpNames() {
			if kind != "" && kind != "space" && match[i] != "" {
				s.words = append(s.words, word{kind, match[i]})
			}
		}
		rest = rest[len(match[0]):]
	}
	for s.at < len(s.words) {
		if err := s.step(); err != nil {
			return nil, err
		}
	}
	return s.names, nil
}

// A scanner goes through the words of an expression.
type scanner struct {
	words []word
	at    int
	calls []call // the parentheses that are open
	names *Names
}

// A call is a parenthesis, with the function before it; "" for none.
type call struct {
	function string
	argument int
}

func (s *scanner) next() word {
	if s.at == len(s.words) {
		return word{}
	}
	s.at++
	return s.words[s.at-1]
}

func (s *scanner) peek() string {
	if s.at == len(s.words) {
		return ""
	}
	return s.words[s.at].text
}

func (s *scanner) step() error {
	switch w := s.next(); {
	case w.text == "{":
		return s.selector("")
	case w.text == "(":
		s.calls = append(s.calls, call{})
	case w.text == ")":
		if len(s.calls) == 0 {
			return errors.New("there is a ) too many")
		}
		s.calls = s.calls[:len(s.calls)-1]
	case w.text == "," && len(s.calls) > 0:
		s.calls[len(s.calls)-1].argument++
	case w.kind == "text":
		return s.argument(w.text)
	case w.kind != "name":
	case slices.Contains(groupings, w.text) && s.peek() == "(":
		s.next()
		for w := s.next(); w.text != ")"; w = s.next() {
			if w.kind == "name" {
				s.names.Labels = append(s.names.Labels, w.text)
			} else if w.text != "," {
				return fmt.Errorf("%q stands among labels", w.text)
			}
		}
		// What comes behind "topk by (x)" are topk's arguments.
		if s.peek() == "(" && (w.text == "by" || w.text == "without") {
			s.open(s.aggregator())
		}
	case s.peek() == "(":
		s.open(w.text)
	case slices.Contains(groupings, w.text), slices.Contains(keywords, strings.ToLower(w.text)):
	case s.peek() == "{":
		s.next()
		return s.selector(w.text)
	default:
		s.names.Selectors = append(s.names.Selectors, Selector{Metrics: []string{w.text}})
	}
	return nil
}

// open goes into the arguments of a function.
func (s *scanner) open(function string) {
	s.next()
	s.calls = append(s.calls, call{function: function})
}

// aggregator gives the word before the last grouping.
func (s *scanner) aggregator() string {
	for i := s.at - 1; i > 0; i-- {
		if slices.Contains(groupings, s.words[i].text) {
			return s.words[i-1].text
		}
	}
	return ""
}

// selector reads what stands in braces.
func (s *scanner) selector(metric string) error {
	var one Selector
	if metric != "" {
		one.Metrics = []string{metric}
	}
	for w := s.next(); w.text != "}"; w = s.next() {
		if w.text == "," {
			continue
		}
		operator, value := s.next().text, s.next()
		if w.kind != "name" || value.kind != "text" {
			return fmt.Errorf("%q %q %q is no matcher", w.text, operator, value.text)
		}
		text, err := unquote(value.text)
		switch {
		case err != nil:
			return err
		case w.text == "__name__" && (operator == "=" || operator == "=~"):
			one.Metrics = append(one.Metrics, strings.Split(text, "|")...)
		default:
			one.Matchers = append(one.Matchers, Matcher{w.text, operator, text})
		}
	}
	s.names.Selectors = append(s.names.Selectors, one)
	return nil
}

// argument takes the labels that are given to functions as strings.
func (s *scanner) argument(quoted string) error {
	text, err := unquote(quoted)
	if err != nil || len(s.calls) == 0 {
		return err
	}
	switch c := s.calls[len(s.calls)-1]; {
	case (c.function == "label_replace" || c.function == "label_join") && c.argument == 1, c.function == "count_values" && c.argument == 0:
		s.names.Made = append(s.names.Made, text)
	case c.function == "label_replace" && c.argument == 3, c.function == "label_join" && c.argument >= 3:
		s.names.Labels = append(s.names.Labels, text)
	}
	return nil
}

// unquote reads a string in any of the three quotes.
func unquote(text string) (string, error) {
	if text[0] == '\'' {
		text = `"` + strings.ReplaceAll(strings.ReplaceAll(text[1:len(text)-1], `\'`, `'`), `"`, `\"`) + `"`
	}
	plain, err := strconv.Unquote(text)
	if err != nil {
		return "", fmt.Errorf("%s: %w", text, err)
	}
	return plain, nil
}
