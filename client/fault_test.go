package client

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// Each fault, on the first, a middle and the last page: ridden out exactly or
// told with its reason, and the next read is right.
func TestListFaults(t *testing.T) {
	t.Parallel()
	for _, tc := range simcloud.ListTroubles() {
		for _, version := range Versions() {
			for page, nth := range map[string]int{"first": 1, "middle": 3, "last": 5} {
				t.Run(tc.Name+", "+page+" page of "+version, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t, settings{version: version, pageSize: 20, cloud: simcloud.Options{Images: 98}})
						w.mustMatch(t, "admin")
						fault := tc.Fault
						fault.Operation, fault.Nth, fault.Times = "list", nth, 1
						w.Inject(fault)
						// v2 answers 403 for a marker that is not visible any more.
						if tc.Once || tc.Fault.Status == 403 && version == VersionV2 && nth > 1 {
							w.mustMatch(t, "admin")
						} else {
							w.mustFail(t, Reason(tc.Reason))
						}
						w.ClearFaults()
						if tc.Reason == "" {
							return
						}
						w.mustMatch(t, "admin")
						fault.Times = 0
						w.mustFailForEver(t, fault, Reason(tc.Reason))
						w.ClearFaults()
						w.mustMatch(t, "admin")
					})
				})
			}
		}
	}
}

// mustFailForEver demands that a fault that stays is told in time, with what
// helps to find it.
func (w *world) mustFailForEver(t *testing.T, fault simcloud.Fault, reason Reason) {
	t.Helper()
	w.Inject(fault)
	began := time.Now()
	failure, info := w.mustFail(t, reason)
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it was told after %s", took)
	}
	path := map[string]string{VersionV11: v11.path, VersionV2: v2.path}[w.client.config.Version]
	if failure.URL == "" || !strings.HasPrefix(failure.URL, "http://image.test"+path+"?") && fault.Location == "" {
		t.Errorf("the error names %q", failure.URL)
	}
	if fault.Kind == simcloud.Status && failure.Status != fault.Status {
		t.Errorf("the error has status %d", failure.Status)
	}
	if info.Pages != fault.Nth-1 {
		t.Errorf("%d pages were read", info.Pages)
	}
}

func TestRedirectLoopEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{cloud: simcloud.Options{Images: 10}})
		w.Inject(simcloud.Fault{Operation: "list", Kind: simcloud.Redirect})
		if _, info := w.mustFail(t, ReasonConnection); info.Requests != maxRedirects {
			t.Errorf("it took %d requests", info.Requests)
		}
	})
}

func TestErrorCarriesTheRequestID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{cloud: simcloud.Options{Images: 10}})
		w.Inject(simcloud.Fault{Operation: "list", Status: 403, Body: "<b>no</b> listing", Header: http.Header{"X-Openstack-Request-Id": {"req-1"}}})
		failure, _ := w.mustFail(t, ReasonForbidden)
		if failure.RequestID != "req-1" || !strings.Contains(failure.Error(), "403 Forbidden: no listing") {
			t.Errorf("got %+v", failure)
		}
	})
}

// An error's body may take for ever, and may repeat what it was sent.
func TestErrorBodiesAreReadWithCare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{cloud: simcloud.Options{Images: 10}})
		w.mustMatch(t, "admin")
		token := w.Requests("list")[0].Token
		w.Inject(simcloud.Fault{Operation: "list", Times: 1, Status: 403, Body: "you sent " + token})
		failure, _ := w.mustFail(t, ReasonForbidden)
		if strings.Contains(failure.Error(), token) || !strings.Contains(failure.Error(), "you sent") {
			t.Errorf("got %v", failure)
		}
		w.Inject(simcloud.Fault{Operation: "list", Kind: simcloud.HangError, Status: 403})
		began := time.Now()
		w.mustFail(t, ReasonForbidden)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the error's body was waited for for %s", took)
		}
	})
}

func TestReadThatNobodyWaitsForHasNoReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{cloud: simcloud.Options{Images: 10}})
		w.Inject(simcloud.Fault{Operation: "list", Kind: simcloud.Hang})
		ctx, hangUp := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, hangUp)
		began := time.Now()
		_, err := w.client.List(ctx, newDiscard)
		if asError(err) != nil || !errors.Is(err, context.Canceled) || time.Since(began) != time.Second {
			t.Errorf("got %v after %s", err, time.Since(began))
		}
	})
}

// A list without an end stops at a limit on the images.
func TestEndlessListEndsAtALimit(t *testing.T) {
	if testing.Short() {
		t.Skip("decodes two million images")
	}
	r := newRead(t.Context(), New(NewLogin(Standalone(), LoginConfig{}), Config{PageSize: 1, Trace: &silent{}}), newDiscard)
	p := &page{content: discard{}}
	img := Image{ID: make([]byte, 8)}
	for n := range maxImages + 1 {
		for i := range img.ID {
			img.ID[i] = byte(n >> (8 * i))
		}
		err := r.meet(p, &img)
		if n == maxImages {
			if failure := asError(err); failure == nil || failure.Reason != ReasonTooLarge {
				t.Errorf("got %v", err)
			}
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
