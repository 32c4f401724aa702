package main

import (
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/glance-exporter/glance_exporter/dashboards"
	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// The landing page tells of each cloud how its last read went, and offers to
// probe it.
func TestLandingPage(t *testing.T) {
	clearEnvironment(t)
	cloud := serveCloud(t, simcloud.Options{Images: 5, Regions: []string{"RegionOne", "found"}})
	const odd = `<b>"odd" & 'named'</b>`
	writeClouds(t, entry("good", cloud, "admin", "adminpw", "regions: [RegionOne, found]"),
		entry("wrong", cloud, "admin", "wr0ngpw"), entry("open", cloud, "member", "memberpw"), entry(strings.ReplaceAll(odd, `"`, "'"), cloud, "admin", "adminpw"))
	p := start(t, "--cloud=good")

	row := func(page, cloud, region string) string {
		t.Helper()
		_, rest, found := strings.Cut(page, "<tr><td>"+cloud+"</td><td>"+region+"</td>")
		if !found {
			t.Fatalf("there is no row for %s, %s: %s", cloud, region, page)
		}
		text, _, _ := strings.Cut(rest, "</tr>")
		return text
	}
	must := func(text string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("%q is not in %s", part, text)
			}
		}
	}
	page := p.get("/").body
	must(row(page, "good", "RegionOne"), "not yet", `href="/metrics"`, `href="/probe?cloud=good&amp;region=RegionOne"`)
	must(row(page, "open", "first of the catalogue"), "not yet", `href="/probe?cloud=open"`)
	must(page, `<option value="wrong">wrong</option>`, `<option value="found">`, `<form action="/probe"`)
	if strings.Contains(page, "<b>") {
		t.Errorf("a name is markup: %s", page)
	}

	mustBeTrue(t, p.scrape(), cloud.Truth("admin"))
	mustShow(t, p.probe("cloud=wrong"), 1, "glance_scrape_failed", "reason", "auth")
	mustBeTrue(t, p.probe("cloud=open&region=found"), cloud.Truth("member"))
	p.probe("cloud=open&region=nowhere")
	page = p.get("/").body
	must(row(page, "good", "RegionOne"), "s ago: whole")
	must(row(page, "good", "found"), "not yet")
	must(row(page, "wrong", "first of the catalogue"), "s ago: failed, auth")
	must(row(page, "open", "found"), "s ago: whole")
	mustBeSoundHTML(t, page)
	for _, absent := range []string{"nowhere", "wr0ngpw", "adminpw"} {
		if strings.Contains(page, absent) {
			t.Errorf("%s is on the page: %s", absent, page)
		}
	}
}

// voidElements have no end.
var voidElements = []string{"meta", "input", "link", "br", "img"}

// mustBeSoundHTML demands what a reader may rely on: that each element ends where
// it should, that ids are unique and labels have their fields, that every list,
// link and button leads somewhere, and that nothing needs a script. It is no
// validator: the parser forgives whatever else there is.
func mustBeSoundHTML(t *testing.T, page string) {
	t.Helper()
	var open []string
	ids, wanted := map[string]bool{}, map[string]bool{}
	tokens := html.NewTokenizer(strings.NewReader(page))
	for kind := tokens.Next(); kind != html.ErrorToken; kind = tokens.Next() {
		token := tokens.Token()
		switch {
		case kind == html.EndTagToken && (len(open) == 0 || open[len(open)-1] != token.Data):
			t.Fatalf("</%s> ends nothing: %s are open", token.Data, open)
		case kind == html.EndTagToken:
			open = open[:len(open)-1]
		case kind == html.StartTagToken && !slices.Contains(voidElements, token.Data):
			open = append(open, token.Data)
		}
		if token.Data == "script" && kind == html.StartTagToken {
			t.Error("there is a script")
		}
		seen := map[string]bool{}
		for _, attribute := range token.Attr {
			switch {
			case seen[attribute.Key]:
				t.Errorf("<%s> has %s twice", token.Data, attribute.Key)
			case strings.HasPrefix(attribute.Key, "on"):
				t.Errorf("<%s> has a script in %s", token.Data, attribute.Key)
			case attribute.Key == "id" && ids[attribute.Val]:
				t.Errorf("the id %s is there twice", attribute.Val)
			case attribute.Key == "id":
				ids[attribute.Val] = true
			case attribute.Key == "for", attribute.Key == "list":
				wanted[attribute.Val] = true
			case attribute.Key == "href" && !strings.HasPrefix(attribute.Val, "/"):
				t.Errorf("a link leads to %q", attribute.Val)
			}
			seen[attribute.Key] = true
		}
	}
	if len(open) > 0 || !strings.HasPrefix(page, "<!DOCTYPE html>\n<html lang=") {
		t.Errorf("%s do not end, or the page does not begin as one of HTML", open)
	}
	for id := range wanted {
		if !ids[id] {
			t.Errorf("there is no field %q", id)
		}
	}
}

// The dashboards and rules that the page offers are those of this version.
func TestDownloads(t *testing.T) {
	clearEnvironment(t)
	p := start(t, "--demo", "--demo.images=5")
	files, err := dashboards.Files()
	if err != nil {
		t.Fatal(err)
	}
	page := p.get("/").body
	for _, f := range files {
		if !strings.Contains(page, `<a href="/downloads/`+f.Name+`">`+f.Title+"</a>") {
			t.Errorf("%s is not offered", f.Name)
		}
		got := p.get("/downloads/" + f.Name)
		kind := map[string]string{".json": "application/json", ".yml": "application/yaml"}[path.Ext(f.Name)]
		if got.status != http.StatusOK || got.body != string(f.Content) || kind == "" || got.header.Get("Content-Type") != kind ||
			got.header.Get("Content-Disposition") != "attachment; filename="+f.Name {
			t.Errorf("%s: %d, %v", f.Name, got.status, got.header)
		}
	}
	if len(files) < 4 {
		t.Errorf("there are %d files", len(files))
	}
	for _, name := range []string{"", "nothing", "rules/alerts.yml", "..%2fREADME.md"} {
		if got := p.get("/downloads/" + name); got.status != http.StatusNotFound {
			t.Errorf("%q: %d", name, got.status)
		}
	}
}

func TestLandingPageWithoutClouds(t *testing.T) {
	clearEnvironment(t)
	p := start(t, "--demo", "--demo.images=5")
	if page := p.get("/").body; strings.Contains(page, "<form") || !strings.Contains(page, "<td>demo</td>") {
		t.Errorf("the page is %s", page)
	} else {
		mustBeSoundHTML(t, page)
	}
}
