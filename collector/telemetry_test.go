package collector

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/glance-exporter/glance_exporter/client"
)

// newTestTelemetry makes a telemetry and the buffer that it logs to.
func newTestTelemetry() (*Telemetry, *bytes.Buffer) {
	lines := new(bytes.Buffer)
	return NewTelemetry(log.NewLogfmtLogger(lines)), lines
}

// ownExposition gives what the exporter tells about itself.
func ownExposition(t *testing.T, telemetry *Telemetry) []byte {
	t.Helper()
	return expose(t, expfmt.NewFormat(expfmt.TypeTextPlain), telemetry)
}

func TestTelemetryExposition(t *testing.T) {
	t.Run("without a cloud there is nothing", func(t *testing.T) {
		telemetry, _ := newTestTelemetry()
		if text := ownExposition(t, telemetry); len(text) > 0 {
			t.Errorf("got:\n%s", text)
		}
	})
	t.Run("all series are there from the start", func(t *testing.T) {
		telemetry, _ := newTestTelemetry()
		telemetry.For("otc", "eu-de")
		golden(t, "telemetry_start.prom", ownExposition(t, telemetry))
	})
	t.Run("two clouds, one in use", func(t *testing.T) {
		telemetry, _ := newTestTelemetry()
		scope := telemetry.For("otc", "eu-de")
		telemetry.For("envvars", "")
		scope.Request(client.OpAuth, 201, 300*time.Millisecond)
		scope.Request(client.OpList, 503, 20*time.Millisecond)
		scope.Retry(client.OpList, client.ReasonServerError, time.Second)
		scope.Request(client.OpList, 0, 10*time.Second)
		scope.readEnded(refusedRead())
		golden(t, "telemetry_used.prom", ownExposition(t, telemetry))
	})
}

func TestTelemetryPassesTheLinter(t *testing.T) {
	telemetry, _ := newTestTelemetry()
	telemetry.For("otc", "eu-de")
	problems, err := testutil.CollectAndLint(telemetry)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
}

func TestRequestDurationsAreNativeHistogramsToo(t *testing.T) {
	telemetry, _ := newTestTelemetry()
	telemetry.For("otc", "eu-de").Request(client.OpList, 200, time.Second)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(telemetry)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != ownMetrics[requestDuration].Name {
			continue
		}
		for _, sample := range family.Metric {
			if histogram := sample.GetHistogram(); histogram.Schema == nil || len(histogram.Bucket) != len(durationBuckets) {
				t.Errorf("got %v", histogram)
			}
		}
		return
	}
	t.Error("there is none")
}

func TestACloudKeepsItsCountersUntilItIsRemoved(t *testing.T) {
	telemetry, _ := newTestTelemetry()
	first := telemetry.For("otc", "eu-de")
	first.readEnded(wholeRead())
	again := telemetry.For("otc", "eu-de")
	again.readEnded(wholeRead())
	if got := testutil.ToFloat64(first.scrapes); got != 2 {
		t.Errorf("%v reads, want 2", got)
	}

	telemetry.Remove("otc", "eu-de")
	// A read on the old settings may end after the reload.
	first.readEnded(wholeRead())
	first.Request(client.OpList, 418, time.Second)
	if text := ownExposition(t, telemetry); len(text) > 0 {
		t.Errorf("after its removal there is still:\n%s", text)
	}
	if got := testutil.ToFloat64(telemetry.For("otc", "eu-de").scrapes); got != 0 {
		t.Errorf("it comes back with %v reads", got)
	}
}

func TestATentativeScopeShowsOnceItIsKept(t *testing.T) {
	telemetry, _ := newTestTelemetry()
	tentative := telemetry.Tentative("otc", "eu-de")
	tentative.readEnded(wholeRead())
	if text := ownExposition(t, telemetry); len(text) > 0 {
		t.Errorf("it shows:\n%s", text)
	}
	other := telemetry.Tentative("otc", "eu-de")
	if telemetry.Keep(tentative) != tentative || telemetry.Keep(other) != tentative || telemetry.For("otc", "eu-de") != tentative {
		t.Error("the first one to be kept is not the one that shows")
	}
	if got := testutil.ToFloat64(telemetry.Tentative("otc", "eu-de").scrapes); got != 1 {
		t.Errorf("%v reads, want 1", got)
	}
}

func TestRemovingWhatIsNotThereDoesNothing(t *testing.T) {
	telemetry, _ := newTestTelemetry()
	telemetry.For("otc", "eu-de")
	before := ownExposition(t, telemetry)
	telemetry.Remove("otc", "eu-nl")
	telemetry.Remove("eu-de", "otc")
	if after := ownExposition(t, telemetry); !bytes.Equal(before, after) {
		t.Error(differences(before, after))
	}
}

func TestARegionNeedNotBeUTF8(t *testing.T) {
	telemetry, _ := newTestTelemetry()
	telemetry.For("otc", "\xFF")
	if text := ownExposition(t, telemetry); !bytes.Contains(text, []byte("region=\"\uFFFD\"")) {
		t.Errorf("got:\n%s", text)
	}
	telemetry.Remove("otc", "\xFF")
	if text := ownExposition(t, telemetry); len(text) > 0 {
		t.Errorf("got:\n%s", text)
	}
}

// wholeRead is the snapshot of a read that went well.
func wholeRead() *Snapshot {
	return &Snapshot{
		Inventory: &Inventory{},
		Duration:  4 * time.Second,
		Timeout:   9500 * time.Millisecond,
		Info:      client.Info{Version: "v1.1", Requests: 5, Pages: 4, Images: 4000},
	}
}

// refusedRead is the snapshot of a read that was refused on its third page.
func refusedRead() *Snapshot {
	return &Snapshot{
		Err: &client.Error{
			Reason: client.ReasonForbidden, Op: client.OpList, Status: 403, RequestID: "req-1",
			URL: "https://image.example.com/v1.1/images/detail?limit=1000", Err: errors.New("403 Forbidden"),
		},
		Duration: 2 * time.Second,
		Timeout:  9500 * time.Millisecond,
		Info:     client.Info{Version: "v1.1", Requests: 4, Pages: 2, Images: 2000},
	}
}

// timedOutRead is the snapshot of a read that ran out of time before it asked
// anything.
func timedOutRead() *Snapshot {
	return &Snapshot{
		Err:      &client.Error{Reason: client.ReasonTimeout, Err: errors.New("budget spent")},
		Duration: 9500 * time.Millisecond,
		Timeout:  9500 * time.Millisecond,
	}
}

// inBackground makes a read one of the background.
func inBackground(snapshot *Snapshot) *Snapshot {
	snapshot.RefreshInterval = 9500 * time.Millisecond
	return snapshot
}

func TestTheLastReadIsRemembered(t *testing.T) {
	telemetry, _ := newTestTelemetry()
	scope := telemetry.For("otc", "")
	at := func(offset time.Duration, snapshot *Snapshot) *Snapshot {
		snapshot.Began = began.Add(offset)
		return snapshot
	}
	cases := []struct {
		name string
		tell func()
		want LastRead
	}{
		{"none", func() {}, LastRead{}},
		{"whole", func() { scope.readEnded(at(0, wholeRead())) }, LastRead{began.Add(4 * time.Second), ""}},
		{"a scrape that gave up is none", func() { scope.gaveUp(at(time.Hour, timedOutRead())) }, LastRead{began.Add(4 * time.Second), ""}},
		{"refused", func() { scope.readEnded(at(time.Minute, refusedRead())) }, LastRead{began.Add(62 * time.Second), client.ReasonForbidden}},
		{"whole again", func() { scope.readEnded(at(time.Hour, wholeRead())) }, LastRead{began.Add(time.Hour + 4*time.Second), ""}},
	}
	for _, c := range cases {
		c.tell()
		if got := scope.Last(); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestEachReadIsOneLine(t *testing.T) {
	cases := []struct {
		name string
		tell func(*Scope)
		want []string
	}{
		{
			"whole",
			func(s *Scope) { s.readEnded(wholeRead()) },
			[]string{`level=debug msg="read the inventory" cloud=otc region=eu-de duration=4s requests=5 pages=4 images=4000`},
		},
		{
			"refused",
			func(s *Scope) { s.readEnded(refusedRead()) },
			[]string{`level=error msg="reading the inventory failed" cloud=otc region=eu-de reason=forbidden operation=list ` +
				`url="https://image.example.com/v1.1/images/detail?limit=1000" status=403 request_id=req-1 err="403 Forbidden" ` +
				`duration=2s requests=4 pages=2 images=2000`},
		},
		{
			"timed out, before any was whole",
			func(s *Scope) { s.readEnded(timedOutRead()) },
			[]string{`level=error msg="reading the inventory failed" cloud=otc region=eu-de reason=timeout err="budget spent" ` +
				`duration=9.5s requests=0 pages=0 images=0 timeout=9.5s last_whole_read=none ` +
				`hint="--inventory.refresh-interval reads in the background, without regard to the time that a scrape has"`},
		},
		{
			"timed out, after one that was whole",
			func(s *Scope) { s.readEnded(wholeRead()); s.readEnded(timedOutRead()) },
			[]string{"level=debug", "level=error * timeout=9.5s last_whole_read=4s " +
				`hint="--inventory.refresh-interval reads in the background, without regard to the time that a scrape has"`},
		},
		{
			"timed out in the background, where there is nothing to hint at",
			func(s *Scope) { s.readEnded(inBackground(timedOutRead())) },
			[]string{"level=error * timeout=9.5s last_whole_read=none"},
		},
		{
			"a scrape that did not wait for the first read in the background",
			func(s *Scope) { s.gaveUp(inBackground(timedOutRead())) },
			[]string{`level=error msg="a scrape ran out of time while the first inventory is being read in the background" * timeout=9.5s last_whole_read=none`},
		},
		{
			"recovery is told once",
			func(s *Scope) {
				s.readEnded(refusedRead())
				s.readEnded(timedOutRead())
				s.readEnded(wholeRead())
				s.readEnded(wholeRead())
			},
			[]string{
				"level=error", "level=error",
				`level=info msg="the inventory can be read again" cloud=otc region=eu-de duration=4s requests=5 pages=4 images=4000`,
				"level=debug",
			},
		},
		{
			"a scrape that gave up is no failed read",
			func(s *Scope) { s.gaveUp(timedOutRead()); s.readEnded(wholeRead()) },
			[]string{`level=error msg="a scrape ran out of time while others go on waiting for the inventory" cloud=otc`, "level=debug"},
		},
		{
			"a notice",
			func(s *Scope) { s.Notice("the service does not page", "images", 3) },
			[]string{`level=info msg="the service does not page" cloud=otc region=eu-de images=3`},
		},
		{
			"requests and retries are not logged",
			func(s *Scope) {
				s.Request(client.OpList, 200, time.Second)
				s.Retry(client.OpList, client.ReasonConnection, time.Second)
			},
			nil,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			telemetry, lines := newTestTelemetry()
			c.tell(telemetry.For("otc", "eu-de"))
			got := strings.Split(strings.TrimSuffix(lines.String(), "\n"), "\n")
			if lines.Len() == 0 {
				got = nil
			}
			if len(got) != len(c.want) {
				t.Fatalf("got:\n%s", lines)
			}
			for i, want := range c.want {
				start, end, _ := strings.Cut(want, "*")
				if !strings.HasPrefix(got[i], start) || !strings.HasSuffix(got[i], end) {
					t.Errorf("got  %s\nwant %s", got[i], want)
				}
			}
		})
	}
}

func TestOnlyRequestsToTheImageServiceAreOnesOfTheRead(t *testing.T) {
	telemetry, _ := newTestTelemetry()
	scope := telemetry.For("otc", "")
	for _, op := range client.Operations {
		scope.Request(op, 200, time.Second)
	}
	if got := scope.requestCount(); got != 2 {
		t.Errorf("got %d, want 2", got)
	}
}

func TestTelemetryIsDescribedAsItIsExposed(t *testing.T) {
	telemetry, _ := newTestTelemetry()
	telemetry.For("otc", "eu-de")
	text := string(ownExposition(t, telemetry))
	for _, doc := range TelemetryMetrics() {
		for _, line := range []string{
			"# HELP " + doc.Name + " " + doc.Help + "\n",
			"# TYPE " + doc.Name + " " + doc.Type + "\n",
		} {
			if !strings.Contains(text, line) {
				t.Errorf("missing: %s", line)
			}
		}
	}
}
