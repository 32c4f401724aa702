package client

import "time"

// Trace is told what a client does while it does it. Its methods are called
// from the goroutine of the read, must not block, and must not call back.
type Trace interface {
	// Request is called when an exchange is over: when the last byte of the
	// answer's body was read, or the body was closed, or no answer came, which
	// is told by a code of 0.
	Request(op Operation, code int, took time.Duration)
	// Retry is called before a request is made again: for which reason, after
	// waiting how long.
	Retry(op Operation, reason Reason, wait time.Duration)
	// Notice is called once for each thing that the client found out about a
	// service and that its operator may want to know; keyvals are pairs in the
	// manner of go-kit/log.
	Notice(msg string, keyvals ...any)
}

// Info tells what a read did and learned. It holds whatever was known when the
// read ended, on error too.
type Info struct {
	Version  string // "v1.1" or "v2"; "" while it is not known
	Admin    Flag   // whether the token's roles hold admin; None without a token
	Requests int    // image API requests made, retries and discovery included, logins not
	Images   int    // images counted so far
	Pages    int    // pages read whole so far
}
