package simcloud

import (
	"net/http"
	"time"
)

// A Trouble is a fault that a request for the list may meet, and what whoever
// reads the list is to make of it.
type Trouble struct {
	Name   string
	Fault  Fault  // its operation, page and number are the test's to choose
	Reason string // what is told when the fault stays; "" where it is no failure
	Once   bool   // ridden out, with the inventory exact, when it comes once
}

// ListTroubles gives every kind of trouble.
func ListTroubles() []Trouble {
	later := func(header string) http.Header { return http.Header{"Retry-After": {header}} }
	list := func(body string) Fault { return Fault{Kind: Override, Body: body} }
	return []Trouble{
		{"500", Fault{Status: 500}, "server_error", true},
		{"501", Fault{Status: 501}, "server_error", false},
		{"502", Fault{Status: 502}, "server_error", true},
		{"503", Fault{Status: 503}, "server_error", true},
		{"504", Fault{Status: 504}, "server_error", true},
		{"429", Fault{Status: 429}, "rate_limited", true},
		{"429 for two seconds", Fault{Status: 429, Header: later("2")}, "rate_limited", true},
		{"429 until a date", Fault{Status: 429, Until: 2 * time.Second}, "rate_limited", true},
		{"429 for an hour", Fault{Status: 429, Header: later("3600")}, "rate_limited", false},
		{"403", Fault{Status: 403, Body: "<html>denied</html>"}, "forbidden", false},
		{"404", Fault{Status: 404}, "not_found", false},
		{"300", Fault{Status: 300, Body: `{"versions": []}`}, "not_found", false},
		{"418", Fault{Status: 418}, "bad_request", false},
		{"204", Fault{Status: 204}, "decode", false},
		{"a reset before the answer", Fault{Kind: Reset}, "connection", true},
		{"a reset in the body", Fault{Kind: Cut}, "connection", true},
		{"a reset behind the body", Fault{Kind: ResetLate}, "", true},
		{"a body that ends early", Fault{Kind: CutClean}, "decode", true},
		{"no answer", Fault{Kind: Hang}, "timeout", false},
		{"half a body", Fault{Kind: HangBody}, "timeout", false},
		{"a drip", Fault{Kind: Drip}, "timeout", false},
		{"two seconds late", Fault{Kind: Delay, Delay: 2 * time.Second}, "", true},
		{"a body of two seconds", Fault{Kind: Throttle, Delay: 2 * time.Second}, "", true},
		{"HTML", list("<html></html>"), "decode", false},
		{"null", list("null"), "decode", false},
		{"a list of lists", list(`{"images":[[]]}`), "decode", false},
		{"another type", list(`{"images":[{"id":"a","size":"1"}]}`), "decode", false},
		{"a size of NaN", list(`{"images":[{"id":"a","size":NaN}]}`), "decode", false},
		{"an endless body", Fault{Kind: Endless}, "too_large", false},
		{"an endless string", Fault{Kind: LongString}, "too_large", false},
		{"a gzip bomb", Fault{Kind: GzipBomb}, "too_large", false},
		{"a million levels", Fault{Kind: Deep}, "decode", false},
		{"a redirect to another host", Fault{Kind: Redirect, Location: "http://elsewhere.test/"}, "connection", false},
		{"a redirect that loses the query", Fault{Kind: Redirect, Location: "?"}, "connection", false},
		{"a redirect to itself", Fault{Kind: Redirect}, "", true},
	}
}
