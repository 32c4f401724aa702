package bench

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/glance-exporter/glance_exporter/client"
	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// A page costs a fixed number of allocations, however many images are on it and
// however many pages were before. The counts are those of the whole process,
// the service's included, and hash tables grow now and then: so there is some
// room, of a tenth of what one allocation for each image would be.
func TestPageTakesAFixedNumberOfAllocations(t *testing.T) {
	const small, large = 40, 400
	for _, dialect := range client.Versions() {
		t.Run(dialect, func(t *testing.T) {
			room := float64(large-small) / 10
			few := perPage(t, dialect, small, 5, 10)
			many := perPage(t, dialect, large, 5, 10)
			later := perPage(t, dialect, large, 10, 20)
			if many > few+room {
				t.Errorf("a page of %d images takes %.1f allocations, one of %d images %.1f", small, few, large, many)
			}
			if later > many+room {
				t.Errorf("a page takes %.1f allocations at first, and %.1f later", many, later)
			}
		})
	}
}

// perPage gives the allocations that each of those pages takes by which a long
// list is longer than a short one.
func perPage(t *testing.T, dialect string, images, short, long int) float64 {
	t.Helper()
	cost := func(pages int) float64 {
		in := synthesise(dialect, pages, images)
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer simcloud.ServeHandler(listener, in).Close()
		read := newLister(t, dialect, in, &url.URL{Scheme: "http", Host: listener.Addr().String()})
		return testing.AllocsPerRun(2, func() {
			if found, err := read(t.Context()); err != nil || found != in.Images {
				t.Fatalf("%d images were found, there are %d: %v", found, in.Images, err)
			}
		})
	}
	return (cost(long) - cost(short)) / float64(long-short)
}

// synthesise makes an input of images that are alike but for their ids, so that
// all pages have the same groups.
func synthesise(dialect string, pages, images int) *input {
	in := &input{Images: pages * images, answers: map[answerKey][]byte{}}
	id := func(n int) string { return fmt.Sprintf("%08x-0000-4000-8000-000000000000", n) }
	marker := ""
	for page := range pages {
		var body strings.Builder
		for n := range images {
			if n > 0 {
				body.WriteByte(',')
			}
			fmt.Fprintf(&body, `{"id":"%s","name":"image","status":"active","disk_format":"raw","size":%d,"created_at":"2026-11-23T14:24:21Z"}`,
				id(page*images+n), n)
		}
		last := id(page*images + images - 1)
		next := ""
		if dialect == client.VersionV2 && page < pages-1 {
			next = `,"next":"/v2/images?marker=` + last + `"`
		}
		in.answers[answerKey{marker: marker}] = []byte(`{"images":[` + body.String() + `]` + next + `}`)
		marker = last
	}
	empty := []byte(`{"images":[]}`)
	if dialect == client.VersionV2 {
		in.answers[answerKey{hidden: "true"}] = empty
	} else {
		in.answers[answerKey{marker: marker}] = empty
	}
	return in
}
