package simcloud

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Fault is one way in which requests go wrong.
type Fault struct {
	Operation string // auth, discovery or list; "" means any
	Nth       int    // which request of that operation from now on, counted from 1; 0 means the next
	Times     int    // how many requests; 0 means all from then on
	Kind      Kind

	// Unless spares the requests for which it is true; nil spares none.
	Unless func(*http.Request) bool

	Status   int                        // of Status
	Header   http.Header                // of Status and Redirect
	Body     string                     // of Status and Override
	BodyOf   func(*http.Request) string // of Override, in place of Body
	Location string                     // of Redirect; "" means to itself
	Delay    time.Duration              // of Delay and Throttle
	Until    time.Duration              // of Status: a Retry-After with the date that much later
}

// A Kind is a kind of fault.
type Kind int

// The kinds of faults.
const (
	Status      Kind = iota // an answer of another status
	Override                // 200 with another body
	Reset                   // the connection is reset before an answer
	Cut                     // the connection is reset in the middle of the body
	CutClean                // the body ends early, but properly
	ResetLate               // the connection is reset behind the body
	Hang                    // no answer, until the client gives up
	HangBody                // half a body, until the client gives up
	HangError               // an answer of another status, whose body does not end
	Drip                    // the body comes one byte a second
	Delay                   // the answer comes late
	Throttle                // the body takes so long
	Redirect                // an answer with a Location
	Endless                 // a body of noise without an end
	EndlessList             // a list without an end
	LongString              // a string without an end
	Deep                    // a million nested arrays
	GzipBomb                // a body without an end that costs the sender next to nothing
)

// faultKinds has a line for each kind: what is done in place of, or with, the
// answer.
var faultKinds = map[Kind]func(f *Fault, w http.ResponseWriter, r *http.Request, next http.Handler){
	Status: func(f *Fault, w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		f.headers(w)
		if f.Until > 0 {
			w.Header().Set("Retry-After", time.Now().Add(f.Until).UTC().Format(http.TimeFormat))
		}
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte(f.Body))
	},
	Override: func(f *Fault, w http.ResponseWriter, r *http.Request, _ http.Handler) {
		f.headers(w)
		body := f.Body
		if f.BodyOf != nil {
			body = f.BodyOf(r)
		}
		_, _ = w.Write([]byte(body))
	},
	Reset: func(_ *Fault, w http.ResponseWriter, _ *http.Request, _ http.Handler) { reset(w) },
	Cut: func(_ *Fault, w http.ResponseWriter, r *http.Request, next http.Handler) {
		half(w, r, next, true)
		reset(w)
	},
	CutClean: func(_ *Fault, w http.ResponseWriter, r *http.Request, next http.Handler) { half(w, r, next, false) },
	ResetLate: func(_ *Fault, w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(w, r)
		flush(w)
		reset(w)
	},
	Hang: func(_ *Fault, _ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() },
	HangBody: func(_ *Fault, w http.ResponseWriter, r *http.Request, next http.Handler) {
		half(w, r, next, true)
		<-r.Context().Done()
	},
	HangError: func(f *Fault, w http.ResponseWriter, r *http.Request, _ http.Handler) {
		f.headers(w)
		w.WriteHeader(f.Status)
		flush(w)
		<-r.Context().Done()
	},
	Drip: func(_ *Fault, w http.ResponseWriter, r *http.Request, next http.Handler) {
		slowly(w, r, next, func(int) (int, time.Duration) { return 1, time.Second })
	},
	Delay: func(f *Fault, w http.ResponseWriter, r *http.Request, next http.Handler) {
		if sleep(r.Context(), f.Delay) {
			next.ServeHTTP(w, r)
		}
	},
	Throttle: func(f *Fault, w http.ResponseWriter, r *http.Request, next http.Handler) {
		const parts = 20
		slowly(w, r, next, func(length int) (int, time.Duration) { return length/parts + 1, f.Delay / parts })
	},
	Redirect: func(f *Fault, w http.ResponseWriter, r *http.Request, _ http.Handler) {
		f.headers(w)
		w.Header().Set("Location", cmp.Or(f.Location, r.RequestURI))
		w.WriteHeader(cmp.Or(f.Status, http.StatusFound))
	},
	Endless: func(f *Fault, w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.WriteHeader(cmp.Or(f.Status, http.StatusOK))
		repeat(w, r, "", strings.Repeat(" ", 32<<10))
	},
	EndlessList: func(_ *Fault, w http.ResponseWriter, r *http.Request, _ http.Handler) {
		repeat(w, r, `{"images": [{"id": "x"}`, strings.Repeat(`, {"id": "x"}`, 2000))
	},
	LongString: func(_ *Fault, w http.ResponseWriter, r *http.Request, _ http.Handler) {
		repeat(w, r, `{"images": [{"name": "`, strings.Repeat("x", 32<<10))
	},
	Deep: func(_ *Fault, w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		_, _ = w.Write([]byte(`{"images": [{"x": ` + strings.Repeat("[", 1_000_000)))
	},
	GzipBomb: func(_ *Fault, w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Content-Encoding", "gzip")
		zipped := gzip.NewWriter(w)
		_, err := zipped.Write([]byte(`{"images": [`))
		for spaces := bytes.Repeat([]byte(" "), 1<<20); err == nil && r.Context().Err() == nil; {
			_, err = zipped.Write(spaces)
		}
	},
}

// fault is a Fault on its way through the requests.
type fault struct {
	Fault
	wait int // requests to let pass first
	left int // requests to spoil; below 0 all
}

// Inject makes requests go wrong from now on. Of several faults that fit, the
// one that was injected first is taken.
func (c *Cloud) Inject(f Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, newFault(f))
}

func newFault(f Fault) *fault {
	left := f.Times
	if left == 0 {
		left = -1
	}
	return &fault{Fault: f, wait: max(f.Nth-1, 0), left: left}
}

// ClearFaults ends all faults.
func (c *Cloud) ClearFaults() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = nil
}

// faulty notes the requests of an operation and puts the faults in their way.
func (c *Cloud) faulty(operation string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hook, rewrite := c.note(operation, r)
		if hook != nil {
			hook(r)
		}
		if rewrite != nil {
			rewrite(r)
		}
		if f := c.nextFault(operation, r); f != nil {
			drain(w, r)
			faultKinds[f.Kind](f, w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// drain reads a request's body and puts it back: the server notices that a
// client gave up only once its request was read.
func drain(w http.ResponseWriter, r *http.Request) {
	var body bytes.Buffer
	_, _ = body.ReadFrom(http.MaxBytesReader(w, r.Body, maxRequestBody))
	r.Body = io.NopCloser(&body)
}

const maxRequestBody = 1 << 20

func (c *Cloud) nextFault(operation string, r *http.Request) *Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.faults {
		switch {
		case f.Operation != "" && f.Operation != operation || f.left == 0:
		case f.Unless != nil && f.Unless(r):
		case f.wait > 0:
			f.wait--
		default:
			f.left--
			return &f.Fault
		}
	}
	if f := c.moment; f != nil && operation == "list" && f.left != 0 {
		f.left--
		return &f.Fault
	}
	return nil
}

func (f *Fault) headers(w http.ResponseWriter) {
	maps.Copy(w.Header(), f.Header)
}

// reset ends the connection without another word, as a service that dies does.
// Over TCP that is a reset.
func reset(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}

// slowly writes the answer in pieces: pace gives, by the body's length, how long
// a piece is and how much time passes behind it.
func slowly(w http.ResponseWriter, r *http.Request, next http.Handler, pace func(length int) (piece int, pause time.Duration)) {
	answer := recorded(r, next)
	answer.copyHeaders(w)
	body := answer.body.Bytes()
	for piece, pause := pace(len(body)); len(body) > 0; {
		n := min(piece, len(body))
		_, _ = w.Write(body[:n])
		body = body[n:]
		flush(w)
		if !sleep(r.Context(), pause) {
			return
		}
	}
}

// half writes the first half of the answer, with the length of the whole where
// the cut is to be noticed.
func half(w http.ResponseWriter, r *http.Request, next http.Handler, length bool) {
	answer := recorded(r, next)
	answer.header.Del("Content-Length")
	if length {
		answer.header.Set("Content-Length", strconv.Itoa(answer.body.Len()))
	}
	answer.copyHeaders(w)
	_, _ = w.Write(answer.body.Bytes()[:answer.body.Len()/2])
	flush(w)
}

// repeat writes without an end, until the client gives up.
func repeat(w http.ResponseWriter, r *http.Request, begin, more string) {
	_, err := fmt.Fprint(w, begin)
	for err == nil && r.Context().Err() == nil {
		_, err = fmt.Fprint(w, more)
	}
}

func flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }

// sleep tells whether the time passed before the client gave up.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// recorder takes an answer, to be spoiled.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func recorded(r *http.Request, next http.Handler) *recorder {
	answer := &recorder{header: http.Header{}, status: http.StatusOK}
	next.ServeHTTP(answer, r)
	return answer
}

func (a *recorder) Header() http.Header         { return a.header }
func (a *recorder) Write(p []byte) (int, error) { return a.body.Write(p) }
func (a *recorder) WriteHeader(status int)      { a.status = status }

func (a *recorder) copyHeaders(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
}
