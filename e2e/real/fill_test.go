//go:build e2e

package real

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/glance-exporter/glance_exporter/e2e/harness"
)

// create makes an image and gives its id.
func (a *api) create(t *testing.T, fields object) string {
	t.Helper()
	var answer struct{ ID string }
	a.do(t, http.MethodPost, "/v2/images", fields, &answer)
	return answer.ID
}

// upload makes an image with data in the default store.
func (a *api) upload(t *testing.T, fields object, data []byte) string {
	t.Helper()
	whole := object{"disk_format": "raw", "container_format": "bare"}
	maps.Copy(whole, fields)
	id := a.create(t, whole)
	a.do(t, http.MethodPut, "/v2/images/"+id+"/file", data, nil)
	return id
}

// bytesOf makes data of a length that no other image has, so that sizes tell
// images apart.
func bytesOf(n int) []byte { return bytes.Repeat([]byte{'x'}, n) }

// disk makes a small file of a format with a large virtual size.
func disk(t *testing.T, l *lab, format, size string) []byte {
	t.Helper()
	path := t.TempDir() + "/disk"
	harness.Run(t, l.env, "/usr/bin/qemu-img", "create", "-q", "-f", format, path, size)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// fill fills Glance through its API with images of every status that it can
// reach, of every visibility, with odd names and values. What it holds on to is
// let go by the function that it returns.
func (l *lab) fill(t *testing.T) (release func()) {
	t.Helper()
	operator, demo, other := l.as(admin), l.as(member), l.as(alt)
	l.fillFormats(t, operator, demo)
	fillVisibilities(t, operator, demo, other)
	fillShared(t, demo, other)
	l.fillNames(t, demo)
	l.fillStores(t, operator)
	return l.fillStatuses(t, operator, demo)
}

func (l *lab) fillFormats(t *testing.T, operator, demo *api) {
	t.Helper()
	for i, format := range []string{"raw", "iso", "ami", "aki", "ari", "ploop"} {
		container := "bare"
		if strings.HasPrefix(format, "a") {
			container = format
		}
		operator.upload(t, object{"name": format, "disk_format": format, "container_format": container, "visibility": "public"}, bytesOf(5000+i))
	}
	for format, made := range map[string]string{"qcow2": "qcow2", "vmdk": "vmdk", "vhd": "vpc", "vhdx": "vhdx", "vdi": "vdi"} {
		operator.upload(t, object{
			"name": format, "disk_format": format, "visibility": "public", "protected": format == "qcow2",
			"os_distro": "debian", "os_version": "12", "architecture": "x86_64", "hw_disk_bus": "scsi", "min_disk": 20, "min_ram": 2048,
		}, disk(t, l, made, "1G"))
	}
	for i, container := range []string{"ovf", "ova", "docker", "compressed"} {
		demo.upload(t, object{"name": container, "container_format": container}, bytesOf(6000+i))
	}
	// The header of a qcow2 is all that Glance knows of the disk's size.
	forged := disk(t, l, "qcow2", "1G")
	binary.BigEndian.PutUint64(forged[24:], math.MaxInt64)
	demo.upload(t, object{"name": "a forged header", "disk_format": "qcow2", "visibility": "private"}, forged)
	demo.upload(t, object{"name": "no bytes at all"}, nil)
}

func fillVisibilities(t *testing.T, operator, demo, other *api) {
	t.Helper()
	size := 7000
	for _, owner := range []*api{operator, demo, other} {
		for _, visibility := range []string{"private", "shared", "community"} {
			for _, hidden := range []bool{false, true} {
				for _, protected := range []bool{false, true} {
					size++
					owner.upload(t, object{"name": visibility, "visibility": visibility, "os_hidden": hidden, "protected": protected}, bytesOf(size))
				}
			}
		}
	}
	operator.upload(t, object{"name": "public and hidden", "visibility": "public", "os_hidden": true}, bytesOf(7100))
	// A deleted image leaves its row in the database.
	gone := demo.upload(t, object{"name": "deleted"}, bytesOf(7101))
	demo.do(t, http.MethodDelete, "/v2/images/"+gone, nil, nil)
}

// fillShared shares images of alt with demo, hidden ones too, and answers the
// invitations in every way.
func fillShared(t *testing.T, demo, other *api) {
	t.Helper()
	for i, status := range []string{"pending", "accepted", "rejected"} {
		for _, hidden := range []bool{false, true} {
			size := 8000 + 10*i
			if hidden {
				size++
			}
			id := other.upload(t, object{"name": "shared, " + status, "visibility": "shared", "os_hidden": hidden}, bytesOf(size))
			other.do(t, http.MethodPost, "/v2/images/"+id+"/members", object{"member": demo.project(t)}, nil)
			if status != "pending" {
				demo.do(t, http.MethodPut, "/v2/images/"+id+"/members/"+demo.project(t), object{"status": status}, nil)
			}
		}
	}
	// Shared once, and taken back.
	id := other.upload(t, object{"name": "shared no more", "visibility": "shared"}, bytesOf(8100))
	other.do(t, http.MethodPost, "/v2/images/"+id+"/members", object{"member": demo.project(t)}, nil)
	other.do(t, http.MethodDelete, "/v2/images/"+id+"/members/"+demo.project(t), nil, nil)
	// Shared once, and private now: the membership stays, and does not count.
	id = other.upload(t, object{"name": "shared, then private", "visibility": "shared"}, bytesOf(8101))
	other.do(t, http.MethodPost, "/v2/images/"+id+"/members", object{"member": demo.project(t)}, nil)
	other.do(t, http.MethodPatch, "/v2/images/"+id, patch{{"op": "replace", "path": "/visibility", "value": "private"}}, nil)
}

func (l *lab) fillNames(t *testing.T, demo *api) {
	t.Helper()
	for _, name := range []string{
		"", "  lead and trail  ", "none", "None", "true", "0", "same", "same", `say "hi" and 'bye'`, "one\ntwo\r\nthree", "tab\there",
		`C:\images\n`, `{name="x"} # HELP {{ .Labels }}`, "Bücher-日本語-имя", "bell\a esc\x1b[31m",
		"\ufeffbom", "zero\u200bwidth", "abc \u202etxt.exe", "a,b;c=d&e=f?g#h%20i", "<script>alert(1)</script>", strings.Repeat("n", 255),
	} {
		demo.create(t, object{"name": name})
	}
	demo.create(t, object{"disk_format": "raw", "container_format": "bare"}) // no name
	demo.upload(t, object{
		"name": "odd properties", "description": "line\n\"q\" \\ ü", "empty": "", "long": strings.Repeat("L", 4000),
		"with space": "v", "a.b:c/d": "v", "hw:cpu_policy": "dedicated", "os_distro": "Ubuntu 24.04 LTS \n",
		// Fields of another version of the API, and of IMS.
		"is_public": "true", "properties": "none", "__image_size": "x",
	}, bytesOf(9000))
	demo.upload(t, object{
		"name": "snap-of-web01", "disk_format": "qcow2", "visibility": "private", "image_type": "snapshot", "os_distro": "debian",
		"instance_uuid": "00000000-0000-4000-8000-000000000007", "image_state": "available",
	}, disk(t, l, "qcow2", "10G"))
}

// stage puts data where an import takes it from: the image is uploading then.
func (a *api) stage(t *testing.T, name string, size int) string {
	t.Helper()
	id := a.create(t, object{"name": name, "disk_format": "raw", "container_format": "bare"})
	a.do(t, http.MethodPut, "/v2/images/"+id+"/stage", bytesOf(size), nil)
	return id
}

func (a *api) status(t *testing.T, id string) string {
	t.Helper()
	var image struct{ Status string }
	a.do(t, http.MethodGet, "/v2/images/"+id, nil, &image)
	return image.Status
}

func (a *api) mustBecome(t *testing.T, id, status string) {
	t.Helper()
	harness.Eventually(t, 30*time.Second, "image "+id+" is "+status, func() bool { return a.status(t, id) == status })
}

// fillStores imports an image into both stores, one into the store that is not
// the default one, and copies one from the default store into the other. Glance
// writes what an import has come to into the same SQLite file as everything
// else, and fails where that is locked: so one thing is done after the other.
func (l *lab) fillStores(t *testing.T, operator *api) {
	t.Helper()
	direct := object{"name": "glance-direct"}
	both := operator.stage(t, "imported into both stores", 10000)
	operator.do(t, http.MethodPost, "/v2/images/"+both+"/import", object{"method": direct, "all_stores": true}, nil)
	l.importsEnd(t)
	cheap := operator.stage(t, "imported into one store", 10001)
	operator.do(t, http.MethodPost, "/v2/images/"+cheap+"/import", object{"method": direct, "stores": []string{"cheap"}}, nil)
	l.importsEnd(t)
	copied := operator.upload(t, object{"name": "copied into the other store"}, bytesOf(10002))
	operator.do(t, http.MethodPost, "/v2/images/"+copied+"/import",
		object{"method": object{"name": "copy-image"}, "stores": []string{"cheap"}}, nil)
	l.importsEnd(t)
	for _, id := range []string{both, cheap, copied} {
		operator.mustBecome(t, id, "active")
	}
}

// importsEnd waits until no import is under way.
func (l *lab) importsEnd(t *testing.T) {
	t.Helper()
	harness.Eventually(t, 30*time.Second, "the imports end", func() bool {
		return len(query[struct{ ID string }](t, l, "SELECT id FROM tasks WHERE status IN ('pending', 'processing')")) == 0
	})
}

// fillStatuses makes images of those statuses that one meets only while
// something is going on, and keeps it going on: an upload of which half has
// come, an import of which half was downloaded, data that was staged.
func (l *lab) fillStatuses(t *testing.T, operator, demo *api) (release func()) {
	t.Helper()
	demo.create(t, object{"name": "queued", "visibility": "private"})
	for i, owner := range []*api{operator, demo} {
		id := owner.upload(t, object{"name": "deactivated"}, bytesOf(11000+i))
		operator.do(t, http.MethodPost, "/v2/images/"+id+"/actions/deactivate", nil, nil)
	}
	demo.stage(t, "uploading", 11010)

	failed := demo.create(t, object{"name": "an import that failed", "disk_format": "raw", "container_format": "bare"})
	demo.importFrom(t, failed, l.web, pathMissing)
	harness.Eventually(t, 30*time.Second, "the import fails", func() bool {
		var image map[string]any
		demo.do(t, http.MethodGet, "/v2/images/"+failed, nil, &image)
		return image["os_glance_failed_import"] != nil && image["os_glance_failed_import"] != ""
	})
	l.importsEnd(t)

	importing := demo.create(t, object{"name": "importing", "disk_format": "raw", "container_format": "bare"})
	demo.importFrom(t, importing, l.web, pathHeld)
	demo.mustBecome(t, importing, "importing")

	saving := demo.create(t, object{"name": "saving", "disk_format": "raw", "container_format": "bare"})
	rest := demo.holdUpload(t, saving)
	demo.mustBecome(t, saving, "saving")
	return func() {
		l.web.release()
		l.importsEnd(t)
		demo.mustBecome(t, importing, "active")
		rest()
		demo.mustBecome(t, saving, "active")
	}
}

func (a *api) importFrom(t *testing.T, id string, site *website, path string) {
	t.Helper()
	uri := fmt.Sprintf("http://127.0.0.1:%d%s", site.port, path)
	a.do(t, http.MethodPost, "/v2/images/"+id+"/import", object{"method": object{"name": "web-download", "uri": uri}}, nil)
}

// holdUpload sends half of an image's data, and the rest when it is told to.
func (a *api) holdUpload(t *testing.T, id string) (rest func()) {
	t.Helper()
	body, data := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := a.try(ctx, http.MethodPut, "/v2/images/"+id+"/file", body, nil)
		done <- err
	}()
	t.Cleanup(func() {
		cancel()
		_ = body.Close()
	})
	half := bytesOf(heldBytes / 2)
	if _, err := data.Write(half); err != nil {
		t.Fatal(err)
	}
	return func() {
		_, err := data.Write(half)
		if err == nil {
			err = data.Close()
		}
		if err == nil {
			err = <-done
		}
		if err != nil {
			t.Errorf("the upload that was held: %v", err)
		}
	}
}
