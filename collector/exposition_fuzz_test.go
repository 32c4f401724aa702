package collector

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/glance-exporter/glance_exporter/client"
)

// imagesFrom makes images of bytes, whatever they are.
func imagesFrom(data []byte) (images []client.Image) {
	take := func(n int) []byte {
		n = min(n, len(data))
		taken := data[:n:n]
		data = data[n:]
		return taken
	}
	text := func() []byte {
		length := take(1)
		if len(length) == 0 {
			return nil
		}
		return take(int(length[0] % 16))
	}
	number := func() int64 {
		var eight [8]byte
		copy(eight[:], take(8))
		return int64(binary.LittleEndian.Uint64(eight[:]))
	}
	for len(data) > 0 && len(images) < 20 {
		img := client.Image{
			ID: text(), Name: text(), Status: text(), DiskFormat: text(), ContainerFormat: text(), Visibility: text(),
			Owner: text(), Checksum: text(), Stores: text(), Properties: [][]byte{text()},
			Size: number(), VirtualSize: number(), MinDisk: number(), MinRAM: number(),
			Created: time.Unix(number()>>16, 0), Updated: time.Unix(number()>>16, 0),
		}
		flags := append(take(1), 0)[0]
		img.SizeKnown, img.FailedImport = flags&1 > 0, flags&2 > 0
		img.Public, img.Protected, img.Hidden = client.Flag(flags>>2%3), client.Flag(flags>>4%3), client.Flag(flags>>6%3)
		images = append(images, img)
	}
	return images
}

// parsed gives an exposition as its reader understands it.
func parsed(t *testing.T, text []byte) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("the exposition does not parse: %v\n%s", err, text)
	}
	return families
}

// sumOf adds the values of a metric's series up.
func sumOf(families map[string]*dto.MetricFamily, name string) (sum float64) {
	for _, metric := range families[name].GetMetric() {
		sum += metric.GetGauge().GetValue()
	}
	return sum
}

// Whatever images are, their exposition is one that Prometheus takes, in both
// formats, and its groups add up to its totals.
func FuzzExposition(f *testing.F) {
	f.Add([]byte("\x02id\x04name\x06active\x05qcow2"), byte(0), true)
	f.Add(bytes.Repeat([]byte("\x03a\xffb\x01\x00\x02\"\\\x01\n"), 40), byte(1), true)
	f.Add(slices.Concat(bytes.Repeat([]byte{2, 'o', 'k'}, 10), bytes.Repeat([]byte{0xff}, 7), []byte{0x7f}, bytes.Repeat([]byte{0x55}, 60)), byte(2), false)
	labels := mustLabels(f, append(LabelNames(), "property:os distro")...)
	f.Fuzz(func(t *testing.T, data []byte, maxGroups byte, perImage bool) {
		images := imagesFrom(data)
		config := Config{Labels: labels, MaxGroups: 1 + int(maxGroups%4), PerImage: perImage}
		totals := NewTotals(config)
		for pages := range slices.Chunk(images, 3) {
			page := totals.NewPage()
			for i := range pages {
				page.Add(&pages[i])
			}
			page.Commit()
		}
		snapshot := wholeV2(config)
		snapshot.Inventory = totals.Inventory(began)

		collected := New(t.Context(), fixed{snapshot}, labels)
		families := parsed(t, expose(t, expfmt.NewFormat(expfmt.TypeTextPlain), collected))
		open := expose(t, expfmt.NewFormat(expfmt.TypeOpenMetrics), collected)
		if again := parsed(t, open); !bytes.HasSuffix(open, []byte("# EOF\n")) || len(again) != len(families) {
			t.Errorf("%d metrics in OpenMetrics, %d in text", len(again), len(families))
		}
		checkSums(t, families, images)
		if rows := len(families["glance_image_info"].GetMetric()); rows > len(images) || !perImage && rows > 0 || perImage && (rows == 0) != (len(images) == 0) {
			t.Errorf("%d images have %d series, per image: %t", len(images), rows, perImage)
		}
	})
}

func checkSums(t *testing.T, families map[string]*dto.MetricFamily, images []client.Image) {
	t.Helper()
	size, virtual, unsized, unprotected := new(big.Int), new(big.Int), 0, 0
	for i := range images {
		if img := &images[i]; img.SizeKnown {
			size.Add(size, big.NewInt(max(img.Size, 0)))
		} else {
			unsized++
		}
		if images[i].VirtualSize >= 0 {
			virtual.Add(virtual, big.NewInt(images[i].VirtualSize))
		}
		if images[i].Protected == client.False {
			unprotected++
		}
	}
	float := func(n *big.Int) float64 {
		value, _ := new(big.Float).SetInt(n).Float64()
		return value
	}
	for name, want := range map[string]float64{
		"glance_inventory_images":          float64(len(images)),
		"glance_images":                    float64(len(images)),
		"glance_inventory_size_bytes":      float(size),
		"glance_images_size_bytes":         float(size),
		"glance_images_virtual_size_bytes": float(virtual),
		"glance_images_without_size":       float64(unsized),
		"glance_images_unprotected":        float64(unprotected),
	} {
		// Each group's sum is rounded to a float's 53 bits, and so is their sum.
		if got := sumOf(families, name); math.Abs(got-want) > want*1e-14 {
			t.Errorf("%s adds up to %v, want %v", name, got, want)
		}
	}
}

// Whatever labels are chosen, they are refused, or their names are ones that
// every Prometheus takes, each once.
func FuzzParseLabels(f *testing.F) {
	f.Add("status,disk_format,public,protected")
	f.Add("owner,property:os_distro,status,property:a.b:c/d")
	f.Add("property:\xff,property:é,property:__name__")
	f.Add("property:a-b,property:a_b,property:")
	f.Fuzz(func(t *testing.T, text string) {
		names := strings.Split(text, ",")
		labels, err := ParseLabels(names)
		if err != nil {
			if len(labels.list) > 0 {
				t.Errorf("%d labels, and the error %q", len(labels.list), err)
			}
			return
		}
		chosen := labels.Names()
		if len(chosen) != len(names) || slices.Contains(names, labelStatus) && chosen[0] != labelStatus {
			t.Errorf("%q became %q", names, chosen)
		}
		for _, name := range chosen {
			if !model.LegacyValidation.IsValidLabelName(name) || strings.HasPrefix(name, model.ReservedLabelPrefix) {
				t.Errorf("%q became the label %q", names, name)
			}
		}
		slices.Sort(chosen)
		if len(slices.Compact(chosen)) != len(names) {
			t.Errorf("%q has a label twice", names)
		}
		registry := prometheus.NewPedanticRegistry()
		if err := registry.Register(New(t.Context(), fixed{whole(Config{Labels: labels}, anImage())}, labels)); err != nil {
			t.Errorf("%q: %v", names, err)
		}
	})
}
