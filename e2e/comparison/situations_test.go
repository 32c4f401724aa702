//go:build e2e

package comparison

import (
	"bytes"
	"math"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/glance-exporter/glance_exporter/e2e/harness"
	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

const (
	// patience is the scrape_timeout of the situations.
	patience = 3 * time.Second
	// grace is how long a request to the service may stay when who asked has gone.
	grace = 2 * time.Second
	// pageSize is how many images the services give at a time, at most.
	pageSize = 25
)

// A situation is something out of the ordinary, with one question or more about
// what is shown of it.
type situation struct {
	service   simcloud.Service
	before    func(c *cloud) // what is so before anything is started; nil for nothing
	between   func(c *cloud) // what happens after a good scrape; nil where nothing does
	wrong     bool           // the password is
	more      int            // how many scrapes there are beside the last
	questions []question
}

// A question is a row of the table.
type question struct {
	name  string
	ask   func(a answer) string
	truth func(c *cloud) string // what the exporter itself must answer
}

// An answer is what a scrape, and the time behind it, brought.
type answer struct {
	harness.Metrics
	err    error
	alive  bool // whether the reader is
	open   bool // whether a request for the list was open when grace was over
	logins int  // in all
}

// oddities are the situations, in the order of the table.
var oddities = []situation{
	{questions: []question{
		{"none", answer.whole, upV2},
		{"hidden images", answer.hidden, func(c *cloud) string {
			return c.count(func(img *simcloud.Image) bool { return img.Hidden })
		}},
		{"community images", answer.community, func(c *cloud) string {
			return c.count(func(img *simcloud.Image) bool { return img.Visibility == "community" })
		}},
		{"images without a size", answer.unsized, func(c *cloud) string {
			return c.count(func(img *simcloud.Image) bool { return img.Size == nil })
		}},
	}},
	{
		service:   simcloud.LenientVendor(),
		questions: []question{{"sizes in the property `__image_size`, as IMS has them", answer.bytes, (*cloud).bytes}},
	},
	{
		service:   simcloud.Service{NoV2: true},
		questions: []question{{"a service with v1.1 alone", answer.whole, func(c *cloud) string { return c.up(simcloud.V11) }}},
	},
	{
		before: func(c *cloud) {
			c.Update(c.Images()[0].ID, func(img *simcloud.Image) { img.Name = new("caf\xe9") })
		},
		questions: []question{{"a name that is not UTF-8", answer.whole, upV2}},
	},
	{
		before: func(c *cloud) {
			c.Update(c.Images()[0].ID, func(img *simcloud.Image) { img.VirtualSize = new(int64(math.MaxInt64)) })
		},
		questions: []question{{"an image with a virtual size of 2^63-1", answer.whole, upV2}},
	},
	{
		between: func(c *cloud) {
			c.Inject(simcloud.Fault{Operation: "list", Nth: 7, Times: 1, Status: http.StatusServiceUnavailable})
		},
		questions: []question{{"503 on page 7, once", answer.whole, upV2}},
	},
	{
		between: func(c *cloud) {
			c.Inject(simcloud.Fault{Operation: "list", Nth: 7, Status: http.StatusServiceUnavailable})
		},
		questions: []question{{"503 from page 7 on", answer.whole, down("server_error")}},
	},
	{
		between: func(c *cloud) { c.Inject(simcloud.Fault{Operation: "list", Nth: 7, Kind: simcloud.Hang}) },
		questions: []question{
			{"no answer from page 7 on", answer.whole, down("timeout")},
			{"and 2 s after the scraper has gone", answer.left, func(*cloud) string { return "no request is open" }},
		},
	},
	{wrong: true, more: 9, questions: []question{
		{"a wrong password", answer.whole, down("auth")},
		{"and ten scrapes with it", answer.tries, func(*cloud) string { return "2 logins" }},
	}},
	{between: (*cloud).revoke, questions: []question{
		{"a token that is no longer valid", answer.whole, upV2},
		{"and logins for the two scrapes", answer.tries, func(*cloud) string { return "2 logins" }},
	}},
}

// situations prints what is shown in each, a line for each and a column for each
// reader.
func situations(t *testing.T, page *strings.Builder, readers []reader) {
	t.Helper()
	header, rule := []string{"situation", "true is"}, []string{"---", "---"}
	var shown []reader
	for _, r := range readers {
		switch variant := r.(type) {
		case *theirs:
			if variant.slim {
				continue
			}
		case *own:
			if variant.each {
				continue
			}
			r = &own{binary: variant.binary, args: []string{"--inventory.labels=status,hidden,visibility"}}
		}
		shown = append(shown, r)
		header, rule = append(header, r.name()), append(rule, "---")
	}
	row(page, header...)
	row(page, rule...)
	raw, err := os.ReadFile("../../docs/comparison.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := string(raw)
	for _, s := range oddities {
		cells := make([][]string, len(s.questions))
		for _, r := range shown {
			t.Run(s.questions[0].name+"/"+r.name(), func(t *testing.T) {
				c, a := s.happen(t, r)
				for i, q := range s.questions {
					got, want := q.ask(a), q.truth(c)
					if cells[i] == nil {
						cells[i] = []string{q.name, want}
					}
					cells[i] = append(cells[i], got)
					if _, ours := r.(*own); ours && got != want {
						t.Errorf("%s: the exporter shows %q, want %q", q.name, got, want)
					}
				}
			})
		}
		for _, line := range cells {
			row(page, line...)
			// The exporter is the first reader.
			if said := strings.Join(line[:3], " | "); !strings.Contains(documented, "| "+said+" |") {
				t.Errorf("docs/comparison.md has no row that begins with %s", said)
			}
		}
	}
}

// happen has a reader meet a situation, in a cloud of its own.
func (s *situation) happen(t *testing.T, r reader) (*cloud, answer) {
	t.Helper()
	service := s.service
	service.MaxLimit = pageSize // so that all readers meet the same pages
	service.NoV11 = !service.NoV2 && !service.SizeInProperty
	c := serve(t, simcloud.Options{Seed: 3, Images: 8 * pageSize, Lived: true, Service: service})
	if s.before != nil {
		s.before(c)
	}
	password := simcloud.AdminPassword
	if s.wrong {
		password = "not-this-one"
	}
	session := r.start(t, c, password)
	for range s.more {
		_, _ = session.scrape(t, patience) // the last one is looked at
	}
	if s.between != nil {
		if _, err := session.scrape(t, patience); err != nil {
			t.Fatal(err)
		}
		s.between(c)
	}
	exposition, err := session.scrape(t, patience)
	a := answer{err: err, Metrics: read(t, exposition), logins: c.Count("auth")}
	a.open = !harness.Within(grace, func() bool { return c.lists.Load() == 0 })
	_, ends := session.(*runs) // by itself, each time
	a.alive = err == nil || ends || !harness.Within(grace, func() bool { return !session.alive() })
	return c, a
}

func read(t *testing.T, exposition []byte) harness.Metrics {
	t.Helper()
	m, err := harness.ReadMetrics(bytes.NewReader(exposition))
	if err != nil {
		t.Fatalf("%v\n%s", err, exposition)
	}
	return m
}
