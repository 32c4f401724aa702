package collector

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"
	"go.uber.org/goleak"

	"github.com/glance-exporter/glance_exporter/client"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// began is when the reads of these tests began, unless they run in a bubble.
var began = time.Date(2026, 3, 1, 12, 0, 0, 250_000_000, time.UTC)

// fixed is a source that always gives the same snapshot.
type fixed struct{ snapshot *Snapshot }

func (f fixed) Read(context.Context) *Snapshot { return f.snapshot }

// mustLabels parses labels that are right, or none.
func mustLabels(t testing.TB, names ...string) Labels {
	t.Helper()
	if len(names) == 0 {
		return Labels{}
	}
	labels, err := ParseLabels(names)
	if err != nil {
		t.Fatal(err)
	}
	return labels
}

// inventoryOf sums images up as one page.
func inventoryOf(config Config, images ...client.Image) *Inventory {
	totals := NewTotals(config)
	page := totals.NewPage()
	for i := range images {
		page.Add(&images[i])
	}
	page.Commit()
	return totals.Inventory(began)
}

// whole makes the snapshot of a read that found images.
func whole(config Config, images ...client.Image) *Snapshot {
	return &Snapshot{
		Inventory: inventoryOf(config, images...),
		Began:     began,
		Duration:  1500 * time.Millisecond,
		Timeout:   9500 * time.Millisecond,
		Info:      client.Info{Version: "v1.1", Admin: client.True, Requests: 3, Pages: 1, Images: len(images)},
	}
}

// wholeV2 makes the snapshot of a read through v2.
func wholeV2(config Config, images ...client.Image) *Snapshot {
	snapshot := whole(config, images...)
	snapshot.Info.Version = client.VersionV2
	return snapshot
}

// anImage is an image of which everything is known.
func anImage() client.Image {
	return client.Image{
		ID:              []byte("7a3b0d6c-6a3c-4d1e-9f0e-0d5f3a1c2b4e"),
		Name:            []byte("debian-13"),
		Status:          []byte("active"),
		DiskFormat:      []byte("qcow2"),
		ContainerFormat: []byte("bare"),
		Visibility:      []byte("public"),
		Owner:           []byte("5ef70662f8b34079a6eddb8da9d75fe8"),
		Checksum:        []byte("eb9139e4942121f22bbc2afc0400b2a4"),
		Size:            25165824,
		SizeKnown:       true,
		VirtualSize:     2147483648,
		Public:          client.True,
		Protected:       client.True,
		Hidden:          client.None,
		Created:         time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Updated:         time.Date(2026, 1, 3, 3, 4, 5, 500_000_000, time.UTC),
	}
}

// nastyImages are images as no service should send them.
func nastyImages() []client.Image {
	const huge = 1<<63 - 1
	named := func(status, format string) client.Image {
		img := anImage()
		img.Status, img.DiskFormat = []byte(status), []byte(format)
		return img
	}
	images := []client.Image{
		{VirtualSize: -1}, // null everything
		named(`a "quoted" one`, "line\nbreak\\and backslash"),
		named("bro\xFFken", "\xC3"),
		named("bro\uFFFDken", "\uFFFD"), // the same to the eye, and to a series
		named("none", "other"),
		named("active", strings.Repeat("é", 600)), // 1,200 bytes
		named("active", "raw"),
		named("active", "raw"),
	}
	for _, i := range []int{6, 7} {
		images[i].Size, images[i].VirtualSize = huge, huge
		images[i].Protected, images[i].Checksum = client.False, nil
	}
	images[7].Updated = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	images[7].Created = time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC)
	return images
}

// crowd is an inventory of more groups than a small limit keeps.
func crowd() []client.Image {
	var images []client.Image
	for _, format := range []string{"other", "qcow2", "raw", "ami", "iso", "vmdk"} {
		for _, status := range []string{"active", "queued"} {
			img := anImage()
			img.Status, img.DiskFormat = []byte(status), []byte(format)
			images = append(images, img)
		}
	}
	return images
}

// goldens are the scrapes whose whole exposition is kept in testdata. The labels
// are the default ones unless others are given.
func goldens(t *testing.T) map[string]struct {
	labels   Labels
	snapshot *Snapshot
} {
	t.Helper()
	byDefault := Config{Labels: DefaultLabels()}
	perImage := Config{Labels: DefaultLabels(), PerImage: true}
	all := mustLabels(t, LabelNames()...)
	refused := &Snapshot{
		Err: &client.Error{
			Reason: client.ReasonForbidden, Op: client.OpList, Status: 403,
			URL: "https://image.example.com/v1.1/images/detail", Err: errors.New("403 Forbidden"),
		},
		Began: began, Duration: 20 * time.Millisecond, Timeout: 9500 * time.Millisecond,
		Info: client.Info{Version: "v1.1", Admin: client.False, Requests: 1},
	}
	unreachable := &Snapshot{
		Err:   &client.Error{Reason: client.ReasonConnection, Op: client.OpAuth, Err: errors.New("no such host")},
		Began: began, Duration: 20 * time.Millisecond, RefreshInterval: 5 * time.Minute,
	}
	return map[string]struct {
		labels   Labels
		snapshot *Snapshot
	}{
		"empty":       {byDefault.Labels, whole(byDefault)},
		"one":         {byDefault.Labels, whole(byDefault, anImage())},
		"all_labels":  {all, whole(Config{Labels: all}, anImage())},
		"no_labels":   {Labels{}, whole(Config{}, crowd()...)},
		"per_image":   {byDefault.Labels, whole(perImage, nastyNamed()...)},
		"nasty_ids":   {byDefault.Labels, whole(perImage, nastyIDs()...)},
		"nasty":       {byDefault.Labels, whole(byDefault, nastyImages()...)},
		"overflow":    {byDefault.Labels, whole(Config{Labels: byDefault.Labels, MaxGroups: 4}, crowd()...)},
		"v2":          {byDefault.Labels, wholeV2(byDefault, stored()...)},
		"refused":     {byDefault.Labels, refused},
		"unreachable": {byDefault.Labels, unreachable},
	}
}

// expose gives the whole exposition of one scrape, from a registry that checks
// what it collects against what was described.
func expose(t *testing.T, format expfmt.Format, collectors ...prometheus.Collector) []byte {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collectors...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	encoder := expfmt.NewEncoder(&text, format)
	for _, family := range families {
		if err := encoder.Encode(family); err != nil {
			t.Fatal(err)
		}
	}
	if closer, ok := encoder.(expfmt.Closer); ok {
		if err := closer.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return text.Bytes()
}

// golden compares an exposition with the file that holds the expected one.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test ./collector -update renews it):\n%s", path, differences(want, got))
	}
}

// differences lists the lines that only one of two texts has.
func differences(want, got []byte) string {
	var lines strings.Builder
	only := func(mark string, in, notIn []byte) {
		others := strings.Split(string(notIn), "\n")
		for line := range strings.SplitSeq(string(in), "\n") {
			if !slices.Contains(others, line) {
				fmt.Fprintln(&lines, mark, line)
			}
		}
	}
	only("-", want, got)
	only("+", got, want)
	return lines.String()
}

func TestExposition(t *testing.T) {
	formats := map[string]expfmt.Format{
		".prom":        expfmt.NewFormat(expfmt.TypeTextPlain),
		".openmetrics": expfmt.NewFormat(expfmt.TypeOpenMetrics),
	}
	for name, c := range goldens(t) {
		for ending, format := range formats {
			t.Run(name+ending, func(t *testing.T) {
				golden(t, name+ending, expose(t, format, New(t.Context(), fixed{c.snapshot}, c.labels)))
			})
		}
	}
}

func TestExpositionPassesTheLinter(t *testing.T) {
	for name, c := range goldens(t) {
		t.Run(name, func(t *testing.T) {
			problems, err := testutil.CollectAndLint(New(t.Context(), fixed{c.snapshot}, c.labels))
			if err != nil {
				t.Fatal(err)
			}
			for _, problem := range problems {
				t.Errorf("%s: %s", problem.Metric, problem.Text)
			}
		})
	}
}

func TestNothingIsShownToAReaderThatHasGone(t *testing.T) {
	if text := expose(t, expfmt.NewFormat(expfmt.TypeTextPlain), New(t.Context(), fixed{nil}, DefaultLabels())); len(text) > 0 {
		t.Errorf("got:\n%s", text)
	}
}

func TestAnInventoryOutlivesTheReadThatFailedAfterIt(t *testing.T) {
	snapshot := *whole(Config{Labels: DefaultLabels()}, anImage())
	snapshot.Began = began.Add(time.Hour)
	snapshot.Err = &client.Error{Reason: client.ReasonServerError, Err: errors.New("503")}
	text := string(expose(t, expfmt.NewFormat(expfmt.TypeTextPlain), New(t.Context(), fixed{&snapshot}, DefaultLabels())))
	for _, line := range []string{
		"glance_up 0\n",
		"glance_scrape_failed{reason=\"server_error\"} 1\n",
		"glance_inventory_images 1\n",
		fmt.Sprintf("glance_inventory_timestamp_seconds %v\n", float64(began.UnixMilli())/1000),
	} {
		if !strings.Contains(text, line) {
			t.Errorf("missing: %s", line)
		}
	}
}

func TestMetricsAreDescribedAsTheyAreExposed(t *testing.T) {
	labels := DefaultLabels()
	text := string(expose(t, expfmt.NewFormat(expfmt.TypeTextPlain),
		New(t.Context(), fixed{wholeV2(Config{Labels: labels}, stored()...)}, labels)))
	for _, doc := range Metrics(labels) {
		for _, line := range []string{
			"# HELP " + doc.Name + " " + doc.Help + "\n",
			"# TYPE " + doc.Name + " " + doc.Type + "\n",
		} {
			if !strings.Contains(text, line) {
				t.Errorf("missing: %s", line)
			}
		}
		for _, label := range doc.Labels {
			if series := doc.Name + "{"; !strings.Contains(text, series) || !strings.Contains(text, label+"=\"") {
				t.Errorf("%s has no label %s", doc.Name, label)
			}
		}
	}
}
