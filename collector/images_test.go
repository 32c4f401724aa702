package collector

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/glance-exporter/glance_exporter/client"
)

// nastyNames are names of every kind that an exposition may stumble over, but
// for NUL, which would make git take the golden files for no text.
var nastyNames = []string{
	"",
	"none",
	`a "quoted" one`,
	"two\nlines", "\r\n", "\t", "\v\f\x1b[31m",
	`back\slash`, `\`, `\\`, `\n`, `"`, `\"`,
	`",status="active"} 7`,
	"} 1 # {", "# EOF", "# HELP glance_images",
	" ", "  both ends  ",
	"Ubuntu: 24.04, minimal",
	"bro\xFFken", "\xC3", "\xE2\x82", "\xED\xA0\x80",
	"\uFEFFmark", "line\u2028separator", "right \u202Eto left", "zero\u200Bwidth",
	"Größe", "镜像", "🐧🐧", "e\u0301",
	strings.Repeat("x", 1025), strings.Repeat("é", 600), strings.Repeat("\xFF", 1000),
	"<script>alert(1)</script>", "%s%n", "$(reboot)", "NaN", "+Inf", "{{ .Name }}",
}

// nastyNamed are images of nasty names, alike but for what tells them apart.
func nastyNamed() []client.Image {
	images := make([]client.Image, len(nastyNames))
	for i, name := range nastyNames {
		images[i] = anImage()
		images[i].ID = fmt.Appendf(nil, "%08x-0000-4000-8000-000000000000", i)
		images[i].Name = []byte(name)
		images[i].Size = int64(i)
	}
	return images
}

// nastyIDs are images of which nothing but the id is right, and some ids are no
// better.
func nastyIDs() []client.Image {
	const huge = math.MaxInt64
	images := nastyImages()
	for i := range images {
		images[i].ID = fmt.Appendf(nil, "id-%d", i)
	}
	images[1].ID = []byte("1\"\n\\")
	images[2].ID = []byte("2\xFF")
	images[3].ID = []byte("2\uFFFD")                           // what becomes of the one before
	images[4].ID = []byte(strings.Repeat("4", 2000))           // cut
	images[5].ID = []byte(strings.Repeat("4", 1024) + "other") // cut to the same
	images[5].Name = []byte("twin")
	images[6].MinDisk, images[6].MinRAM = huge, huge
	images[7].MinDisk, images[7].MinRAM = -1, -1
	return images
}

func TestPerImageOff(t *testing.T) {
	inventory := inventoryOf(Config{Labels: DefaultLabels()}, nastyNamed()...)
	if inventory.single != nil {
		t.Errorf("%d pages of images are kept", len(inventory.single))
	}
}

func TestADroppedPageLeavesNoImages(t *testing.T) {
	totals := NewTotals(Config{PerImage: true})
	first, dropped, second := totals.NewPage(), totals.NewPage(), totals.NewPage()
	images := nastyNamed()
	for i := range images {
		dropped.Add(&images[i])
		if i%2 == 0 {
			first.Add(&images[i])
		} else {
			second.Add(&images[i])
		}
	}
	first.Commit()
	half := totals.Inventory(began)
	second.Commit()
	for _, c := range []struct {
		inventory *Inventory
		want      int
	}{{half, (len(images) + 1) / 2}, {totals.Inventory(began), len(images)}} {
		if got := len(slices.Concat(c.inventory.single...)); got != c.want || c.inventory.Images() != c.want {
			t.Errorf("%d images of %d are kept, want %d", got, c.inventory.Images(), c.want)
		}
	}
}

func TestARepeatedIDMakesNoSecondSeries(t *testing.T) {
	named := func(id, name string) client.Image {
		img := anImage()
		img.ID, img.Name = []byte(id), []byte(name)
		return img
	}
	totals := NewTotals(Config{PerImage: true})
	for _, images := range [][]client.Image{
		{named("1", "a"), named("1", "again"), named("2", "b"), named("bro\xFFken", "c")},
		{named("3", "d"), named("2", "again")},
		{named("bro\uFFFDken", "again")},
		{named("4", "e")},
	} {
		page := totals.NewPage()
		for i := range images {
			page.Add(&images[i])
		}
		page.Commit()
	}
	var names []string
	for _, row := range slices.Concat(totals.Inventory(began).single...) {
		names = append(names, imageLabels.values(row.key)[1])
	}
	if want := []string{"a", "b", "c", "d", "e"}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}

func TestAnImageThatIsKeptIsACopy(t *testing.T) {
	totals := NewTotals(Config{PerImage: true})
	page := totals.NewPage()
	img := anImage()
	page.Add(&img)
	for _, text := range [][]byte{img.ID, img.Name, img.Status, img.Owner} {
		clear(text)
	}
	page.Commit()
	if got, want := totals.Inventory(began), inventoryOf(Config{PerImage: true}, anImage()); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAnImageThatIsKeptIsOneAllocation(t *testing.T) {
	page := NewTotals(Config{Labels: DefaultLabels(), PerImage: true}).NewPage()
	img := anImage()
	page.Add(&img)
	// Its text, and now and then a longer list.
	if allocs := testing.AllocsPerRun(1000, func() { page.Add(&img) }); allocs > 1 {
		t.Errorf("%v allocations", allocs)
	}
}

// The words of an exposition must come back from a parser as they are, and the
// images one by one must add up to their groups.
func TestSingleImagesAddUp(t *testing.T) {
	images := append(nastyNamed(), crowd()...)
	for i := range crowd() {
		images[len(nastyNames)+i].ID = fmt.Appendf(nil, "crowd-%d", i)
	}
	const withNUL = "NUL \x00 within"
	images[len(nastyNames)].Name = []byte(withNUL)
	config := Config{Labels: DefaultLabels(), MaxGroups: 3, PerImage: true}
	text := expose(t, expfmt.NewFormat(expfmt.TypeTextPlain), New(t.Context(), fixed{whole(config, images...)}, config.Labels))
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	sum := func(name string) (total float64) {
		for _, sample := range families[name].GetMetric() {
			total += sample.GetGauge().GetValue()
		}
		return total
	}
	if got, want := sum("glance_image_info"), sum("glance_images"); got != want || got != float64(len(images)) {
		t.Errorf("%v images one by one, %v in groups, want %d", got, want, len(images))
	}
	if got, want := sum("glance_image_size_bytes"), sum("glance_images_size_bytes"); got != want || got == 0 {
		t.Errorf("%v bytes one by one, %v in groups", got, want)
	}
	names := map[string]bool{}
	for _, sample := range families["glance_image_info"].GetMetric() {
		for _, pair := range sample.GetLabel() {
			if pair.GetName() == "name" {
				names[pair.GetValue()] = true
			}
		}
	}
	for _, name := range append(nastyNames, withNUL) {
		if want := string(appendText(nil, []byte(name))); !names[want] {
			t.Errorf("%q does not come back", want)
		}
	}
}

func TestTenThousandImages(t *testing.T) {
	const images = 10_000
	config := Config{Labels: DefaultLabels(), PerImage: true}
	totals := NewTotals(config)
	var page client.Page
	for i := range images {
		if i%1000 == 0 {
			page = totals.NewPage()
		}
		img := anImage()
		img.ID, img.Name = fmt.Appendf(nil, "id-%d", i), []byte(nastyNames[i%len(nastyNames)])
		page.Add(&img)
		if i%1000 == 999 {
			page.Commit()
		}
	}
	snapshot := &Snapshot{Inventory: totals.Inventory(began), Began: began}
	registry := prometheus.NewRegistry()
	registry.MustRegister(New(t.Context(), fixed{snapshot}, config.Labels))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if strings.HasPrefix(family.GetName(), "glance_image_") && len(family.GetMetric()) != images {
			t.Errorf("%d series of %s", len(family.GetMetric()), family.GetName())
		}
		if _, err := expfmt.MetricFamilyToOpenMetrics(io.Discard, family); err != nil {
			t.Error(err)
		}
	}
}

func TestImagesInOtherUnits(t *testing.T) {
	shown := func(metric string, img client.Image) []float64 {
		var values []float64
		for i := range imageMetrics {
			if imageMetrics[i].name == metric {
				imageMetrics[i].samples(whole(Config{PerImage: true}, img), func(v float64, _ ...string) { values = append(values, v) })
			}
		}
		return values
	}
	cases := []struct {
		metric string
		image  client.Image
		want   []float64
	}{
		{"glance_image_size_bytes", client.Image{Size: 5, SizeKnown: true}, []float64{5}},
		{"glance_image_size_bytes", client.Image{SizeKnown: true}, []float64{0}},
		{"glance_image_size_bytes", client.Image{Size: -5, SizeKnown: true}, []float64{0}},
		{"glance_image_size_bytes", client.Image{Size: 5}, nil},
		{"glance_image_virtual_size_bytes", client.Image{VirtualSize: 0}, []float64{0}},
		{"glance_image_virtual_size_bytes", client.Image{VirtualSize: -1}, nil},
		{"glance_image_min_disk_bytes", client.Image{MinDisk: 40}, []float64{42949672960}},
		{"glance_image_min_disk_bytes", client.Image{}, []float64{0}},
		{"glance_image_min_disk_bytes", client.Image{MinDisk: math.MaxInt64}, []float64{math.Ldexp(1, 93)}},
		{"glance_image_min_disk_bytes", client.Image{MinDisk: -1}, []float64{0}},
		{"glance_image_min_ram_bytes", client.Image{MinRAM: 512}, []float64{536870912}},
		{"glance_image_min_ram_bytes", client.Image{MinRAM: math.MaxInt64}, []float64{math.Ldexp(1, 83)}},
		{"glance_image_created_timestamp_seconds", client.Image{Created: time.UnixMilli(1500)}, []float64{1.5}},
		{"glance_image_created_timestamp_seconds", client.Image{Updated: began}, nil},
		{"glance_image_updated_timestamp_seconds", client.Image{Updated: time.Unix(-1, 0)}, []float64{-1}},
		{"glance_image_updated_timestamp_seconds", client.Image{Created: began}, nil},
	}
	for _, c := range cases {
		if got := shown(c.metric, c.image); !slices.Equal(got, c.want) {
			t.Errorf("%s of %+v: got %v, want %v", c.metric, c.image, got, c.want)
		}
	}
}
