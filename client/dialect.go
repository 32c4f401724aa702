package client

import (
	"net/url"
	"strings"
	"time"
)

// A dialect is a version of the Image API: everything in which the versions
// differ is in the table [dialects], and nowhere else.
type dialect struct {
	version string // as metrics and flags name it
	path    string // of the list, behind the base URL

	// extras are the parameters, other than limit and marker, that make the
	// list whole. A service may refuse or misread them.
	extras url.Values

	// filters says how a filter is asked for, by its key: as which parameter,
	// and with which value, if at all. A key without an entry is not asked for.
	filters map[string]parameter

	// fields reads the value of each key of an image that the dialect knows;
	// unknown reads that of any other key.
	fields  map[string]func(*decoder) error
	unknown func(d *decoder, key []byte) error

	// property gives the name under which the list carries a property.
	property func(name string) string

	// walk reads the whole list.
	walk func(*read) error
}

// A parameter asks a service for a filter. send gives the value, and false for
// one that the service would misunderstand.
type parameter struct {
	name string
	send func(value string) (string, bool)
}

// v11 has no line for size_min and size_max: a service that keeps its sizes in
// __image_size would leave out what it should list.
var v11 = &dialect{
	version: "v1.1",
	path:    "/v1.1/images/detail",
	// Without it an administrator is shown public, own and shared images only;
	// for anybody else it changes nothing.
	extras: url.Values{"is_public": {"None"}},
	filters: map[string]parameter{
		"name":             {"name", sendText},
		"container_format": {"container_format", sendText},
		"disk_format":      {"disk_format", sendText},
		"status":           {"status", sendText},
		"changes-since":    {"changes-since", sendSince}, // brings deleted images, too
	},
	fields: map[string]func(*decoder) error{
		"id":               textField(func(i *Image) *[]byte { return &i.ID }),
		"name":             textField(func(i *Image) *[]byte { return &i.Name }),
		"status":           textField(func(i *Image) *[]byte { return &i.Status }),
		"disk_format":      textField(func(i *Image) *[]byte { return &i.DiskFormat }),
		"container_format": textField(func(i *Image) *[]byte { return &i.ContainerFormat }),
		"owner":            textField(func(i *Image) *[]byte { return &i.Owner }),
		"checksum":         textField(func(i *Image) *[]byte { return &i.Checksum }),
		"size":             integerField(func(i *Image, v int64) { i.Size, i.SizeKnown = v, true }),
		"virtual_size":     integerField(func(i *Image, v int64) { i.VirtualSize = v }),
		"min_disk":         integerField(func(i *Image, v int64) { i.MinDisk = v }),
		"min_ram":          integerField(func(i *Image, v int64) { i.MinRAM = v }),
		"is_public":        flagField(setPublic),
		"protected":        flagField(func(i *Image, v Flag) { i.Protected = v }),
		"deleted":          flagField(func(i *Image, v Flag) { i.deleted = v == True }),
		"created_at":       timeField(func(i *Image) *time.Time { return &i.Created }),
		"updated_at":       timeField(func(i *Image) *time.Time { return &i.Updated }),
		"properties":       (*decoder).properties,
	},
	unknown: func(d *decoder, _ []byte) error { return d.skip() },
	// Glance's v1 lower-cases property names and turns "-" into "_".
	property: func(name string) string {
		return strings.ReplaceAll(strings.ToLower(name), "-", "_")
	},
	walk: walkV11,
}

// setPublic also fills the visibility as far as v1.1 tells it: an image that is
// not public may be private, shared or community there.
func setPublic(img *Image, public Flag) {
	img.Public = public
	img.Visibility = img.Visibility[:0]
	if public == True {
		img.Visibility = append(img.Visibility, "public"...)
	}
}
