package main

import (
	"net/url"
	"unicode/utf8"
)

// maxRegion is the longest name of a region that Keystone takes.
const maxRegion = 255

// find gives the account of the cloud that the query of a probe names, and the
// region, "" where it names none. Anything else than a cloud that is served, and
// one of its regions, has a refusal: a sentence without a word of the query.
func (g *generation) find(rawQuery string) (a *account, region, refusal string) {
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, "", "The query is malformed; ask for /probe?cloud=NAME or /probe?cloud=NAME&region=REGION."
	}
	for key, values := range query {
		switch {
		case key != "cloud" && key != "region":
			return nil, "", "There is an unknown parameter; ask for /probe?cloud=NAME or /probe?cloud=NAME&region=REGION."
		case len(values) > 1:
			return nil, "", "A parameter is given twice; one probe is about one cloud and one region."
		}
	}
	name, region := query.Get("cloud"), query.Get("region")
	a = g.probed[name]
	switch {
	case len(g.probed) == 0:
		return nil, "", "No cloud is served on /probe."
	case name == "":
		return nil, "", "No cloud is named; ask for /probe?cloud=NAME or /probe?cloud=NAME&region=REGION."
	case a == nil:
		return nil, "", "There is no such cloud among those that are served (clouds.yaml, --probe.cloud)."
	case len(region) > maxRegion || !utf8.ValidString(region):
		return nil, "", "This is not the name of a region."
	case region != "" && !regionAmong(a.cloud.Regions(), region):
		return nil, "", "There is no such region among those that clouds.yaml names for the cloud."
	}
	return a, region, ""
}
