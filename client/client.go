// Package client reads the list of images of an OpenStack image service: it
// logs in, finds the service, walks its pages and decodes them one image at a
// time. It speaks HTTP and JSON and knows nothing of metrics.
//
// A [Cloud] holds settings, a [Login] the cloud's token, a [Client] what was
// learned of the service in one region. [Client.List] is one read: bytes become
// one [Image] at a time, which a [Page] takes until its last byte was read.
package client

import (
	"context"
	"net/url"
	"sync"
)

// Config is what a [Client] needs beside its login.
type Config struct {
	// Version is the version of the API to speak, "v1.1" or "v2"; "" means v1.1
	// where the service offers it, else v2. See [Versions].
	Version string
	// Endpoint is the image service's URL, in place of the catalogue's; nil
	// means the catalogue's. Only scheme, host and path count.
	Endpoint *url.URL
	// Region is that of the catalogue's endpoint; "" means the first.
	Region string
	// PageSize is the limit asked for: how many images a page should have. A
	// service may give fewer or more. It must be at least 1.
	PageSize int
	// Properties names the image properties to read, for [Image.Properties].
	Properties []string
	// Filters restrict the list.
	Filters Filters
	// Trace is told of requests, retries and findings. It must not be nil.
	Trace Trace
}

// A Client reads the image list of one region of one cloud, and remembers what
// the service taught it about how it wants to be read. It is safe for
// concurrent use, though nothing is gained by two reads at a time.
type Client struct {
	login  *Login
	config Config

	mu      sync.Mutex
	lessons lessons
	known   Info // version and role, as the last read knew them
	located bool
}

// New makes a client. It makes no request.
func New(login *Login, config Config) *Client {
	return &Client{login: login, config: config}
}

// lessons are what a service has taught, and what is remembered of it from read
// to read: until it answers 300 or 404, which is how one that was upgraded or
// moved is found out.
type lessons struct {
	// bare: it refuses or misreads the parameters that go beyond the documented
	// filters, so they are not sent.
	bare bool
	// whole: its answer is the whole list, whatever is asked for.
	whole bool
	// split: it refuses to list all visibilities at once, and knows these.
	split []string
	// noHidden: it does not tell hidden images from others.
	noHidden bool
	// dialect is the one that it speaks; nil where that has to be found out.
	dialect *dialect
	// checked: that it does not misread our parameters has been looked into.
	checked bool
	// stale is the session whose catalogue led to nobody: the next read asks
	// Keystone for another.
	stale *session
	// toldRegions: that the region was left open and there are several has
	// been told.
	toldRegions bool
}

// List reads the whole list. It calls newPage for each page that it asks for
// and gives it the page's images; a page that is not committed does not count.
// No image is given to two pages that are committed.
//
// The error is an *[Error], or one that wraps [context.Canceled] or whatever
// else was the cause for which ctx was cancelled. Where the cause is
// [context.DeadlineExceeded], it is an *Error with reason timeout. After an
// error, what was committed is a part of the list and of no use.
//
// Info holds what was found out, also with an error.
func (c *Client) List(ctx context.Context, newPage func() Page) (Info, error) {
	r := newRead(ctx, c, newPage)
	err := r.run() //nolint:contextcheck // a read carries its context
	c.learn(r, err)
	return r.info, err
}

// Located tells whether a read, be it under way, has ever found where the
// service is: whether the catalogue has the region at all.
func (c *Client) Located() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.located
}

func (c *Client) locatedAt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.located = true
}

// recall gives what earlier reads have found out.
func (c *Client) recall() (lessons, Info) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lessons, c.known
}

// learn keeps what a read found out. Of a read that failed only the need to
// look again is kept: where the service is, and what it is like.
func (c *Client) learn(r *read, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = Info{Version: r.info.Version, Admin: r.info.Admin}
	l := r.lessons
	switch failure := asError(err); {
	case err == nil:
		c.lessons = l
	case failure == nil || failure.Op == OpAuth:
		c.lessons.toldRegions = l.toldRegions
	case failure.Reason == ReasonNotFound:
		c.lessons = lessons{stale: l.stale, toldRegions: l.toldRegions}
	case failure.Reason == ReasonConnection:
		c.lessons.stale, c.lessons.toldRegions, c.lessons.dialect = l.stale, l.toldRegions, nil
	}
}
