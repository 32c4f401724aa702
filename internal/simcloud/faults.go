package simcloud

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
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
	Delay    time.Duration              // of Delay
}

// A Kind is a kind of fault.
type Kind int

// The kinds of faults.
const (
	Status      Kind = iota // an answer of another status
	Override                // 200 with another body
	Reset                   // the connection ends before an answer
	Cut                     // the connection ends in the middle of the body
	CutClean                // the body ends early, but properly
	ResetLate               // the connection ends behind the body
	Hang                    // no answer, until the client gives up
	HangBody                // half a body, until the client gives up
	HangError               // an answer of another status, whose body does not end
	Drip                    // the body comes one byte a second
	Delay                   // the answer comes late
	Redirect                // an answer with a Location
	Endless                 // a body of noise without an end
	EndlessList             // a list without an end
	LongString              // a string without an end
	Deep                    // a million nested arrays
)

// faultKinds has a line for each kind: what is done in place of, or with, the
// answer.
var faultKinds = map[Kind]func(f *Fault, w http.ResponseWriter, r *http.Request, next http.Handler){
	Status: func(f *Fault, w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		f.headers(w)
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
	Reset: func(*Fault, http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) },
	Cut: func(_ *Fault, w http.ResponseWriter, r *http.Request, next http.Handler) {
		half(w, r, next, true)
		panic(http.ErrAbortHandler)
	},
	CutClean: func(_ *Fault, w http.ResponseWriter, r *http.Request, next http.Handler) { half(w, r, next, false) },
	ResetLate: func(_ *Fault, w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(w, r)
		flush(w)
		panic(http.ErrAbortHandler)
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
		answer := recorded(r, next)
		answer.copyHeaders(w)
		for _, b := range answer.body.Bytes() {
			_, _ = w.Write([]byte{b})
			flush(w)
			if !sleep(r.Context(), time.Second) {
				return
			}
		}
	},
	Delay: func(f *Fault, w http.ResponseWriter, r *http.Request, next http.Handler) {
		if sleep(r.Context(), f.Delay) {
			next.ServeHTTP(w, r)
		}
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
	left := f.Times
	if left == 0 {
		left = -1
	}
	c.faults = append(c.faults, &fault{Fault: f, wait: max(f.Nth-1, 0), left: left})
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
	return nil
}

func (f *Fault) headers(w http.ResponseWriter) {
	maps.Copy(w.Header(), f.Header)
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
