package client

import (
	"math/big"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

func TestParseFiltersRefuses(t *testing.T) {
	for _, tc := range []struct {
		name  string
		texts []string
		want  string
	}{
		{"no value", []string{"name"}, "KEY=VALUE"},
		{"nothing", []string{""}, "KEY=VALUE"},
		{"an unknown key", []string{"owner=x"}, "known are name, container_format"},
		{"a key in capitals", []string{"Name=x"}, "unknown key"},
		{"a key given twice", []string{"name=x", "name=y"}, "given twice"},
		{"a size that is a word", []string{"size_min=big"}, "integer from 0"},
		{"a size below 0", []string{"size_min=-1"}, "integer from 0"},
		{"a size with a unit", []string{"size_max=1GB"}, "integer from 0"},
		{"a size with a fraction", []string{"size_max=1.5"}, "integer from 0"},
		{"a size of 2^63", []string{"size_max=9223372036854775808"}, "integer from 0"},
		{"an empty size", []string{"size_max="}, "integer from 0"},
		{"a time that is a word", []string{"changes-since=yesterday"}, "ISO 8601"},
		{"a time that is a number", []string{"changes-since=1763900000"}, "ISO 8601"},
		{"a time of another order", []string{"changes-since=31.01.2026"}, "ISO 8601"},
		{"an empty time", []string{"changes-since="}, "ISO 8601"},
	} {
		if _, err := ParseFilters(tc.texts); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %q in it", tc.name, err, tc.want)
		}
	}
}

func mustParseFilters(t *testing.T, texts ...string) Filters {
	t.Helper()
	filters, err := ParseFilters(texts)
	if err != nil {
		t.Fatal(err)
	}
	return filters
}

func TestFiltersPass(t *testing.T) {
	img := Image{
		Name: []byte("Ubuntu: 24.04, minimal"), Status: []byte("active"), DiskFormat: []byte("qcow2"),
		Size: 100, SizeKnown: true, Updated: time.Date(2026, 1, 31, 12, 0, 0, 500, time.UTC),
	}
	unsized := img
	unsized.Size, unsized.SizeKnown = 0, false
	for _, tc := range []struct {
		filter string
		img    *Image
		want   bool
	}{
		{"name=Ubuntu: 24.04, minimal", &img, true},
		{"name=ubuntu: 24.04, minimal", &img, false},
		{"name=Ubuntu", &img, false},
		{"name=in:Ubuntu", &img, false},
		{"name=", &img, false},
		{"container_format=", &img, true},
		{"container_format=bare", &img, false},
		{"disk_format=qcow2", &img, true},
		{"status=active", &img, true},
		{"status=ACTIVE", &img, false},
		{"size_min=100", &img, true},
		{"size_min=101", &img, false},
		{"size_max=100", &img, true},
		{"size_max=99", &img, false},
		{"size_min=0", &unsized, false},
		{"size_max=9223372036854775807", &unsized, false},
		{"changes-since=2026-01-31T12:00:00Z", &img, true},
		{"changes-since=2026-01-31T12:00:00.0000005Z", &img, false},
		{"changes-since=2026-01-31T13:00:00+01:00", &img, true},
		{"changes-since=2026-01-31T12:00:00", &img, true},
		{"changes-since=2026-01-31", &img, true},
		{"changes-since=2026-02-01", &img, false},
	} {
		if got := mustParseFilters(t, tc.filter).pass(tc.img); got != tc.want {
			t.Errorf("%s: got %t", tc.filter, got)
		}
	}
	if !(Filters{}).pass(&img) {
		t.Error("no filter keeps an image back")
	}
}

func TestFiltersAreAskedForWhereTheyAreTakenLiterally(t *testing.T) {
	for filter, want := range map[string]string{
		"name=Ubuntu":                       "name=Ubuntu",
		"name=100% +plus &and=eq #hash;":    "name=" + url.QueryEscape("100% +plus &and=eq #hash;"),
		"name=Ubuntu: 24.04":                "",
		"name=a,b":                          "",
		"name=a\nb":                         "",
		"name=\xff":                         "",
		"name=":                             "",
		"name=" + strings.Repeat("x", 1025): "",
		"status=active":                     "status=active",
		"disk_format=qcow2":                 "disk_format=qcow2",
		"container_format=bare":             "container_format=bare",
		"size_min=1":                        "",
		"size_max=1":                        "",
		"changes-since=2026-01-31T13:00:00.5+01:00": "changes-since=" + url.QueryEscape("2026-01-31T12:00:00Z"),
	} {
		r := &read{client: &Client{config: Config{Filters: mustParseFilters(t, filter)}}, dialect: v11}
		if got := r.filters().Encode(); got != want {
			t.Errorf("%s: asked for by %q, want %q", filter, got, want)
		}
	}
}

// A filter means the same on every kind of service.
func TestFilteredInventory(t *testing.T) {
	t.Parallel()
	const wanted = "Ubuntu: 24.04, minimal"
	for name, service := range map[string]simcloud.Service{
		"a Glance": simcloud.Glance(), "a strict vendor": simcloud.StrictVendor(), "a lenient vendor": simcloud.LenientVendor(),
	} {
		for _, filter := range []string{
			"name=" + wanted, "name=image-5", "disk_format=qcow2", "status=queued", "container_format=",
			"size_min=20000000000", "size_max=20000000000", "changes-since=1999-01-01",
		} {
			t.Run(name+", "+filter, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, settings{pageSize: 100, cloud: simcloud.Options{Images: 600, Service: service}, filters: []string{filter}})
					w.onlyListed()
					images := w.Images()
					for i, name := range []string{wanted, "ubuntu: 24.04, minimal", "Ubuntu", "24.04"} {
						w.Update(images[i].ID, func(img *simcloud.Image) { img.Name = &name })
					}
					for i := 10; i < 20; i++ {
						w.Delete(images[i].ID)
					}
					want := w.filtered("admin", simcloud.V11)
					for range 3 {
						got, info, err := w.list(t)
						if err != nil {
							t.Fatal(err)
						}
						if got.Images != want.Images || got.Size.Cmp(want.Size) != 0 || info.Images != want.Images {
							t.Errorf("%d images of %s bytes were counted, there are %d of %s", got.Images, got.Size, want.Images, want.Size)
						}
						if filter == "name="+wanted && got.Images != 1 {
							t.Errorf("the name was found %d times", got.Images)
						}
						if want.Size.Cmp(new(big.Int)) == 0 && strings.HasPrefix(filter, "size") {
							t.Error("nothing is of that size")
						}
					}
				})
			})
		}
	}
}
