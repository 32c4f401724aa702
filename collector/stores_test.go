package collector

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/glance-exporter/glance_exporter/client"
)

// inStores is an image of 100 bytes that lies in stores, as v2 lists them.
func inStores(list string) client.Image {
	img := anImage()
	img.Size, img.SizeKnown, img.Stores = 100, true, []byte(list)
	return img
}

// stored are images of v2: in one store, two or none, and one whose import has
// failed.
func stored() []client.Image {
	failed := inStores("")
	failed.FailedImport, failed.Status, failed.SizeKnown = true, []byte("queued"), false
	return []client.Image{inStores("fast"), inStores("fast,cheap"), inStores(""), failed}
}

func TestStores(t *testing.T) {
	for _, tc := range []struct {
		name  string
		lists []string
		want  string
	}{
		{"none", []string{""}, ""},
		{"one", []string{"fast", "fast"}, "fast:2:200"},
		{"two of one image", []string{"fast,cheap"}, "cheap:1:100 fast:1:100"},
		{"one named twice counts once", []string{"fast,cheap,fast"}, "cheap:1:100 fast:1:100"},
		{"blanks and empty names", []string{" fast , ,,cheap "}, "cheap:1:100 fast:1:100"},
		{"a real name other", []string{"other"}, "other:1:100"},
		{"commas without end", []string{strings.Repeat(",", 1000) + "fast"}, ""},
	} {
		images := make([]client.Image, len(tc.lists))
		for i, list := range tc.lists {
			images[i] = inStores(list)
		}
		var got []string
		for _, row := range inventoryOf(Config{}, images...).stores {
			got = append(got, fmt.Sprintf("%s:%d:%.0f", row.store, row.images, row.size.float()))
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
		}
	}
}

// A service that makes stores up has a hundred of them, the first ones, and the
// rest is one more; in whatever order its images come.
func TestStoresAreBounded(t *testing.T) {
	var images []client.Image
	for i := range 1000 {
		images = append(images, inStores(fmt.Sprintf("store-%03d", i)))
	}
	var first []storeRow
	for range 5 {
		rand.Shuffle(len(images), func(i, j int) { images[i], images[j] = images[j], images[i] })
		rows := inventoryOf(Config{}, images...).stores
		if len(rows) != maxStores+1 || rows[0].store != "other" || rows[0].images != 900 || rows[maxStores].store != "store-099" {
			t.Fatalf("there are %d stores, the first is %+v", len(rows), rows[0])
		}
		if first != nil && !reflect.DeepEqual(rows, first) {
			t.Error("another order has another result")
		}
		first = rows
	}
}

func TestFailedImportsShowWithV2Only(t *testing.T) {
	for _, snapshot := range []*Snapshot{whole(Config{}, stored()...), wholeV2(Config{}, stored()...)} {
		shown := 0
		eachMetric(func(m *metric) {
			if m.name == "glance_images_failed_import" {
				m.samples(snapshot, func(value float64, _ ...string) { shown += int(value) })
			}
		})
		if want := map[string]int{client.VersionV11: 0, client.VersionV2: 1}[snapshot.Info.Version]; shown != want {
			t.Errorf("%s: shown %d, want %d", snapshot.Info.Version, shown, want)
		}
	}
}
