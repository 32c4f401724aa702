package client

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// recorded gives an answer of a real service, as it came over the wire.
func recorded(t testing.TB, name string) *http.Response {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// describe writes an image as one line per field.
func describe(img *Image) string {
	var b strings.Builder
	fmt.Fprintf(&b, "id %s\n", img.ID)
	fmt.Fprintf(&b, "  name %q status %q disk %q container %q visibility %q owner %q checksum %q\n",
		img.Name, img.Status, img.DiskFormat, img.ContainerFormat, img.Visibility, img.Owner, img.Checksum)
	fmt.Fprintf(&b, "  size %d known %t virtual %d min_disk %d min_ram %d public %s protected %s hidden %s deleted %t\n",
		img.Size, img.SizeKnown, img.VirtualSize, img.MinDisk, img.MinRAM, img.Public, img.Protected, img.Hidden, img.deleted)
	fmt.Fprintf(&b, "  stores %q failed import %t\n", img.Stores, img.FailedImport)
	fmt.Fprintf(&b, "  created %s updated %s properties %q\n", img.Created, img.Updated, img.Properties)
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s (renew it with -update):\n%s", path, got)
	}
}

func decodeAll(body io.Reader, properties ...string) (images []string, err error) {
	images, _, err = decodeIn(v11, body, properties...)
	return images, err
}

func decodeIn(d *dialect, body io.Reader, properties ...string) (images []string, next string, err error) {
	next, err = newDecoder(d, properties).page(body, func(img *Image) error {
		images = append(images, describe(img))
		return nil
	})
	return images, next, err
}

func TestDecodeRecordedV11(t *testing.T) {
	for _, name := range []string{"v1.1-detail-admin", "v1.1-detail-page1", "v1.1-detail-page2", "v1.1-detail-empty-page"} {
		t.Run(name, func(t *testing.T) {
			resp := recorded(t, name+".http")
			defer resp.Body.Close()
			images, err := decodeAll(iotest.OneByteReader(resp.Body), "Architecture", "os-distro", "kernel_id")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".golden", strings.Join(images, ""))
		})
	}
}

func TestDecodeRecordedV2(t *testing.T) {
	for name, wantNext := range map[string]string{
		"v2-images-page1":      "/v2/images?limit=3&marker=",
		"v2-images-page2":      "/v2/images?limit=3&marker=",
		"v2-images-last-page":  "",
		"v2-images-empty-page": "",
		"v2-images-hidden":     "",
		"v2-images-odd-names":  "",
		"v2-images-statuses":   "",
		"v2-images-limit-cap":  "/v2/images?limit=1000&marker=",
		"v2-images-no-length":  "/v2/images?limit=2&marker=",
	} {
		t.Run(name, func(t *testing.T) {
			resp := recorded(t, name+".http")
			defer resp.Body.Close()
			images, next, err := decodeIn(v2, iotest.OneByteReader(resp.Body), "os_distro", "a.b:c/d", "architecture")
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(next, wantNext) || (next == "") != (wantNext == "") {
				t.Errorf("the next page is %q, want %q", next, wantNext)
			}
			golden(t, name+".golden", strings.Join(images, ""))
		})
	}
}

// On v2 an image's properties stand among its fields, under any name.
func TestDecodeV2Properties(t *testing.T) {
	for _, tc := range []struct {
		name string
		body string // of one image
		want string // part of its description
	}{
		{"a property", `"os_distro":"debian"`, `properties ["debian"]`},
		{"its name is taken as it is", `"OS-Distro":"debian"`, `properties [""]`},
		{"one that is no string is empty", `"os_distro":["debian"]`, `properties [""]`},
		{"names of v1.1's fields mean nothing", `"is_public":"yes","deleted":true,"properties":["x"]`, `public none protected none hidden none deleted false`},
		{"a property of a field's name stands before it", `"size":"big","name":["x"],"size":7,"name":"n"`, `name "n"`},
		{"that holds for its value", `"created_at":"yesterday","min_ram":1.5,"size":-5,"created_at":"2026-11-23T14:24:21Z","min_ram":1,"size":7`, `size 7 known true`},
		{"that holds for its type", `"size":"big","size":7`, `size 7 known true`},
		{"visibility tells who may see it", `"visibility":"public"`, `visibility "public"`},
		{"and so whether it is public", `"visibility":"community"`, `public false`},
		{"no visibility is no answer", `"visibility":null`, `public none`},
		{"hidden", `"os_hidden":true`, `hidden true`},
		{"stores", `"stores":"fast,cheap"`, `stores "fast,cheap"`},
		{"a failed import", `"os_glance_failed_import":"fast"`, `failed import true`},
		{"no failed import", `"os_glance_failed_import":""`, `failed import false`},
		{"__image_size", `"__image_size":"42","size":0`, `size 42 known true`},
		{"locations and tags are skipped", `"locations":[{"url":"x","metadata":{}}],"tags":["a"]`, `name ""`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			images, _, err := decodeIn(v2, strings.NewReader(`{"next":"/x","images":[{"id":"a",`+tc.body+`}]}`), "os_distro")
			if err != nil {
				t.Fatal(err)
			}
			if len(images) != 1 || !strings.Contains(images[0], tc.want) {
				t.Errorf("got %s, want %s in it", images, tc.want)
			}
		})
	}
	for _, body := range []string{`"size":7,"size":"big"`, `"visibility":7`, `"stores":["fast"]`, `"os_hidden":"yes"`} {
		_, _, err := decodeIn(v2, strings.NewReader(`{"images":[{"id":"a",`+body+`}]}`))
		if failure := asError(err); failure == nil || failure.Reason != ReasonDecode || !failure.Final {
			t.Errorf("%s: got %v", body, err)
		}
	}
	if _, _, err := decodeIn(v2, strings.NewReader(`{"images":[],"next":7}`)); asError(err) == nil {
		t.Error("a next that is a number was taken")
	}
}

func TestDecodeField(t *testing.T) {
	const id = `"id":"a",`
	for _, tc := range []struct {
		name string
		body string // of one image
		want string // part of its description
	}{
		{"null texts are empty", id + `"name":null,"disk_format":null`, `name "" status "" disk ""`},
		{"escapes are undone", id + `"name":"a\"b\\c\n\u00fc\ud83d\ude00"`, `name "a\"b\\c\nü😀"`},
		{"a text that is not UTF-8 passes", id + "\"name\":\"a\xffb\"", `name "a\xffb"`},
		{"nor does it fail behind an escape", id + "\"name\":\"\\n\xff\"", `name "\n�"`},
		{"the last of a repeated key counts", id + `"name":"x","name":"y"`, `name "y"`},
		{"size null is unknown", id + `"size":null`, `size 0 known false`},
		{"size 0 of a queued image is known", id + `"size":0,"status":"queued"`, `size 0 known true`},
		{"size 0 of an active image says nothing", id + `"size":0,"status":"active"`, `size 0 known false`},
		{"__image_size stands in for size 0", id + `"size":0,"status":"active","properties":{"__image_size":"42"}`, `size 42 known true`},
		{"__image_size stands in for null, before it", id + `"properties":{"__image_size":"42"},"size":null`, `size 42 known true`},
		{"__image_size as a number", id + `"size":0,"properties":{"__image_size":42}`, `size 42 known true`},
		{"a size there is wins", id + `"size":7,"properties":{"__image_size":"42"}`, `size 7 known true`},
		{"__image_size that is no size", id + `"size":0,"status":"active","properties":{"__image_size":"4 GB"}`, `known false`},
		{"__image_size beyond 2^63-1", id + `"size":null,"properties":{"__image_size":"9223372036854775808"}`, `known false`},
		{"__image_size null", id + `"size":0,"status":"active","properties":{"__image_size":null}`, `known false`},
		{"virtual size of 2^63-1", id + `"virtual_size":9223372036854775807`, `virtual 9223372036854775807`},
		{"no virtual size", id + `"virtual_size":null`, `virtual -1`},
		{"flags", id + `"is_public":true,"protected":false`, `visibility "public"`},
		{"a flag that is null", id + `"is_public":null`, `public none`},
		{"time without zone is UTC", id + `"created_at":"2026-11-23T14:51:15.945019"`, `created 2026-11-23 14:51:15.945019 +0000 UTC`},
		{"time with Z", id + `"created_at":"2026-11-23T14:24:21Z"`, `created 2026-11-23 14:24:21 +0000 UTC`},
		{"time with an offset", id + `"created_at":"2026-11-23T14:24:21+02:00"`, `created 2026-11-23 12:24:21 +0000 UTC`},
		{"time before 1970", id + `"updated_at":"1969-12-31T23:59:59"`, `updated 1969-12-31 23:59:59 +0000 UTC`},
		{"no time", id + `"updated_at":null`, `updated 0001-01-01`},
		{"a property is found by its v1.1 name", id + `"properties":{"os_distro":"debian"}`, `properties ["debian"]`},
		{"a property that is null is empty", id + `"properties":{"os_distro":null}`, `properties [""]`},
		{"so is one that is no string", id + `"properties":{"os_distro":{"a":[1]}}`, `properties [""]`},
		{"no properties", id + `"properties":null`, `properties [""]`},
		{"unknown keys of any type are skipped", id + `"x":[{"y":[1,2,{}]}],"z":1e400,"name":"n","w":"\u0000"`, `name "n"`},
		{"a deleted image says so", id + `"deleted":true`, `deleted true`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			images, err := decodeAll(strings.NewReader(`{"links":{},"images":[{`+tc.body+`}],"next":17}`), "OS-Distro")
			if err != nil {
				t.Fatal(err)
			}
			if len(images) != 1 || !strings.Contains(images[0], tc.want) {
				t.Errorf("got %s, want %s in it", images, tc.want)
			}
		})
	}
}

// Properties that mean something here can be asked for as well, and two names
// that v1.1 lists as one are both served.
func TestDecodeWantedProperties(t *testing.T) {
	body := `{"images":[{"id":"a","size":0,"properties":{"os_distro":"debian","__image_size":"42","os_glance_failed_import":"fast"}}]}`
	images, err := decodeAll(strings.NewReader(body), "os-distro", "OS_Distro", "__image_size", "os_glance_failed_import", "none")
	want := `properties ["debian" "debian" "42" "fast" ""]`
	if err != nil || !strings.Contains(images[0], want) || !strings.Contains(images[0], "size 42") {
		t.Errorf("got %v, %s, want %s", err, images, want)
	}
}

func TestDecodeAnImageKeepsNothingOfTheOneBefore(t *testing.T) {
	images, err := decodeAll(strings.NewReader(`{"images":[
		{"id":"a","name":"n","status":"active","disk_format":"raw","container_format":"bare","owner":"o","checksum":"c","size":1,
		 "virtual_size":2,"min_disk":3,"min_ram":4,"is_public":true,"protected":true,"deleted":true,
		 "created_at":"2026-11-23T14:24:21","updated_at":"2026-11-23T14:24:21","properties":{"p":"v","__image_size":"9"}},
		{"id":"b"}]}`), "p")
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := decodeAll(strings.NewReader(`{"images":[{"id":"b"}]}`), "p")
	if err != nil {
		t.Fatal(err)
	}
	if images[1] != fresh[0] {
		t.Errorf("the second image is\n%swant\n%s", images[1], fresh[0])
	}
}

func TestDecodeRefuses(t *testing.T) {
	image := func(fields string) string { return `{"images":[{"id":"a",` + fields + `}]}` }
	for _, tc := range []struct {
		name   string
		body   string
		reason Reason
		final  bool
	}{
		{"HTML", "<html></html>", ReasonDecode, true},
		{"nothing", "", ReasonDecode, false},
		{"white space", " \n", ReasonDecode, false},
		{"an end inside the JSON", `{"images":[{"id":"a"`, ReasonDecode, false},
		{"an end behind the list", `{"images":[]`, ReasonDecode, false},
		{"an array", `[]`, ReasonDecode, true},
		{"null", `null`, ReasonDecode, true},
		{"no images", `{}`, ReasonDecode, true},
		{"images twice", `{"images":[],"images":[]}`, ReasonDecode, true},
		{"images that are an object", `{"images":{}}`, ReasonDecode, true},
		{"images that are null", `{"images":null}`, ReasonDecode, true},
		{"an image that is a string", `{"images":["a"]}`, ReasonDecode, true},
		{"an image without id", `{"images":[{}]}`, ReasonDecode, true},
		{"an image with an empty id", `{"images":[{"id":""}]}`, ReasonDecode, true},
		{"an id of two kilobytes", `{"images":[{"id":"` + strings.Repeat("x", 2048) + `"}]}`, ReasonDecode, true},
		{"an id that is a number", `{"images":[{"id":1}]}`, ReasonDecode, true},
		{"something behind the list", `{"images":[]} {}`, ReasonDecode, true},
		{"garbage behind the list", `{"images":[]}x`, ReasonDecode, true},
		{"a missing comma", `{"images":[{"id":"a"}{"id":"b"}]}`, ReasonDecode, true},
		{"a size that is a string", image(`"size":"1"`), ReasonDecode, true},
		{"a size with an exponent", image(`"size":1e3`), ReasonDecode, true},
		{"a size below 0", image(`"size":-1`), ReasonDecode, true},
		{"a size of 2^63", image(`"size":9223372036854775808`), ReasonDecode, true},
		{"a size of 400 digits", image(`"size":` + strings.Repeat("9", 400)), ReasonDecode, true},
		{"a size that is NaN", image(`"size":NaN`), ReasonDecode, true},
		{"a flag that is a string", image(`"is_public":"True"`), ReasonDecode, true},
		{"a flag that is a number", image(`"protected":1`), ReasonDecode, true},
		{"a name that is an array", image(`"name":[]`), ReasonDecode, true},
		{"a time that is a number", image(`"created_at":1`), ReasonDecode, true},
		{"a time that is none", image(`"created_at":"yesterday"`), ReasonDecode, true},
		{"an empty time", image(`"created_at":""`), ReasonDecode, true},
		{"properties that are an array", image(`"properties":[]`), ReasonDecode, true},
		{"an escape that is none", image(`"name":"\q"`), ReasonDecode, true},
		{"a deep value", image(`"x":` + strings.Repeat("[", 65) + strings.Repeat("]", 65)), ReasonDecode, true},
		{"a value a million levels deep", image(`"x":` + strings.Repeat("[", 1_000_000)), ReasonDecode, true},
		{"a name of two mebibytes", image(`"name":"` + strings.Repeat("x", 2<<20) + `"`), ReasonTooLarge, false},
		{"a skipped string of two mebibytes", image(`"x":"` + strings.Repeat("x", 2<<20) + `"`), ReasonTooLarge, false},
		{"two mebibytes of white space", `{"images":` + strings.Repeat(" ", 3<<20) + `[]}`, ReasonTooLarge, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := decodeAll(strings.NewReader(tc.body), "p")
			failure := asError(err)
			if failure == nil || failure.Reason != tc.reason || failure.retryable() == (tc.final || tc.reason == ReasonTooLarge) {
				t.Fatalf("got %v (%+v), want reason %s, final %t", err, failure, tc.reason, tc.final)
			}
		})
	}
}

// The parser's own messages quote the answer, which may hold anything.
func TestDecodeErrorsDoNotQuoteTheAnswer(t *testing.T) {
	for _, body := range []string{
		`{"images":[{"id":"a","name":"s3cret","s3cret":s3cret}]}`,
		`{"s3cret":"s3cret" "s3cret"}`,
		`{"images":[{"id":"a","size":"s3cret"}]}`,
		`{"images":[{"id":"a","created_at":"s3cret"}]}`,
	} {
		_, err := decodeAll(strings.NewReader(body))
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: the error is %v", body, err)
		}
	}
}

func TestDecodeTellsAWireThatBrokeFromABodyThatEnds(t *testing.T) {
	broken := io.MultiReader(strings.NewReader(`{"images":[{"id"`), iotest.ErrReader(&bodyError{io.ErrUnexpectedEOF}))
	_, err := decodeAll(broken)
	if failure := asError(err); failure == nil || failure.Reason != ReasonConnection {
		t.Errorf("got %v, want reason connection", err)
	}
}

func TestDecodeStopsWhereTheTakerSaysSo(t *testing.T) {
	stop := &Error{Reason: ReasonTooLarge, Err: errTooLarge}
	n := 0
	_, err := newDecoder(v11, nil).page(strings.NewReader(`{"images":[{"id":"a"},{"id":"b"}]}`), func(*Image) error {
		n++
		return stop
	})
	if !errors.Is(err, stop) || n != 1 {
		t.Errorf("got %v after %d images", err, n)
	}
}

// An answer of any size costs the same few allocations.
func TestDecodeAllocatesNothingForAnImage(t *testing.T) {
	resp := recorded(t, "v1.1-detail-admin.http")
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	images := body[len(`{"images": [`) : len(body)-len("]}")]
	page := func(times int) []byte {
		return []byte(`{"images": [` + strings.Repeat(string(images)+", ", times-1) + string(images) + `]}`)
	}
	dec := newDecoder(v11, []string{"os_distro"})
	cost := func(body []byte) float64 {
		r := bytes.NewReader(body)
		return testing.AllocsPerRun(20, func() {
			r.Reset(body)
			if _, err := dec.page(r, func(*Image) error { return nil }); err != nil {
				t.Fatal(err)
			}
		})
	}
	cost(page(40)) // its buffers grow to their size
	if few, many := cost(page(1)), cost(page(40)); many > few {
		t.Errorf("27 images cost %v allocations, 1,080 cost %v", few, many)
	}
}

func FuzzDecode(f *testing.F) {
	for _, name := range []string{"v1.1-detail-admin.http", "v1.1-detail-page1.http", "v1.1-503-keystone-down.http", "v2-images-page1.http", "v2-images-statuses.http", "v2-images-odd-names.http", "v2-images-limit-cap.http"} {
		resp := recorded(f, name)
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Add([]byte(`{"images":[{"id":"a","properties":{"__image_size":"1"},"size":null}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, d := range dialects {
			fuzzDecode(t, d, body)
		}
	})
}

func fuzzDecode(t *testing.T, d *dialect, body []byte) {
	t.Helper()
	n := 0
	_, err := newDecoder(d, []string{"os_distro"}).page(bytes.NewReader(body), func(img *Image) error {
		if len(img.ID) == 0 || img.Size < 0 || img.VirtualSize < -1 {
			t.Errorf("an image that cannot be: %s", describe(img))
		}
		n++
		return nil
	})
	if len(`{"id":"a"}`)*n > len(body) {
		t.Errorf("%d images in %d bytes", n, len(body))
	}
	if err != nil && asError(err) == nil {
		t.Errorf("an error without reason: %v", err)
	}
}
