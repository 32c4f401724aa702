package client

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Reason names why a read failed, in the words of the label "reason".
type Reason string

// The reasons. What each covers is told by [Reasons].
const (
	ReasonAuth        Reason = "auth"
	ReasonBadRequest  Reason = "bad_request"
	ReasonConnection  Reason = "connection"
	ReasonDecode      Reason = "decode"
	ReasonForbidden   Reason = "forbidden"
	ReasonNotFound    Reason = "not_found"
	ReasonPaging      Reason = "paging"
	ReasonRateLimited Reason = "rate_limited"
	ReasonServerError Reason = "server_error"
	ReasonTimeout     Reason = "timeout"
	ReasonTooLarge    Reason = "too_large"
)

// ReasonInfo is one line of the table [Reasons].
type ReasonInfo struct {
	Name Reason
	// Retry tells whether an error of this reason may be met by asking again.
	// An [Error] may still be final: see [Error.Final].
	Retry bool
	// Help says in a sentence what the reason means.
	Help string
}

// Reasons lists every reason, in the order of their names. Metrics, retries
// and documentation are made from it.
var Reasons = []ReasonInfo{
	{ReasonAuth, false, "Keystone refused the login, or the image service refused a fresh token"},
	{ReasonBadRequest, false, "the service refused the request as malformed (4xx other than those below)"},
	{ReasonConnection, true, "no answer, or one that broke off: DNS, TCP, TLS, certificates, a refused redirect"},
	{ReasonDecode, true, "the answer is not the JSON that the API documents"},
	{ReasonForbidden, false, "the service's policy denies the listing to this user"},
	{ReasonNotFound, false, "no image endpoint in the catalogue or region, or no image API at it"},
	{ReasonPaging, false, "the service repeats its pages, so the list has no end that can be trusted"},
	{ReasonRateLimited, true, "the service answers 429"},
	{ReasonServerError, true, "the service answers 5xx"},
	{ReasonTimeout, false, "the time for the read was over while a request was under way"},
	{ReasonTooLarge, false, "the answer is beyond a limit that protects the exporter's memory"},
}

// An Operation is what a request is for, in the words of the label "operation".
type Operation string

// The operations.
const (
	OpAuth      Operation = "auth"      // a login at Keystone
	OpDiscovery Operation = "discovery" // the image service's version document
	OpList      Operation = "list"      // a page of the image list
)

// Operations lists every [Operation], in the order of their names.
var Operations = []Operation{OpAuth, OpDiscovery, OpList}

// Error is why a read failed: what every error of this package is or wraps.
// Neither it nor anything that it wraps holds a password or a token.
type Error struct {
	Reason    Reason
	Op        Operation
	URL       string // of the request, without credentials; "" where none was made
	Status    int    // of the answer; 0 where none came
	RequestID string // X-Openstack-Request-Id; "" where the service sent none
	Final     bool   // asking again is of no use, whatever the reason's rule
	Err       error  // never nil

	retryAfter time.Duration // what the answer asks for; 0 where it does not
}

// Error gives the reason and the cause in one line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", e.Reason)
	if e.URL != "" {
		fmt.Fprintf(&b, "%s: ", e.URL)
	}
	b.WriteString(e.Err.Error())
	return b.String()
}

// is tells whether the error is of an operation and one of the statuses. It may
// be asked of nil.
func (e *Error) is(op Operation, statuses ...int) bool {
	return e != nil && e.Op == op && slices.Contains(statuses, e.Status)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }
