package client

import (
	"net/url"
	"strings"
	"time"
)

// The versions of the Image API that the client speaks.
const (
	VersionV11 = "v1.1"
	VersionV2  = "v2"
)

// A dialect is a version of the Image API: everything in which the versions
// differ is in the table [dialects], and nowhere else.
type dialect struct {
	version string // as metrics and flags name it
	prefix  string // of its ids in the version document
	path    string // of the list, behind the base URL
	links   bool   // whether a page names the next one

	// extras are the parameters, other than limit and marker, that make the
	// list whole. A service may refuse or misread them.
	extras url.Values

	// filters says how a filter is asked for, by its key: as which parameter,
	// and with which value, if at all. A key without an entry is not asked for:
	// size_min and size_max have none, since a service that keeps its sizes in
	// __image_size would leave out what it should list.
	filters map[string]parameter

	// fields reads the value of each key of an image that the dialect knows;
	// unknown reads that of any other key.
	fields  map[string]field
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

// dialects lists the versions of the API in the order of preference: where a
// service offers v1.1, it is what the exporter was asked to read.
var dialects = []*dialect{
	{
		version: VersionV11,
		prefix:  "v1.1",
		path:    "/v1.1/images/detail",
		// Without it an administrator is shown public, own and shared images
		// only; for anybody else it changes nothing.
		extras: url.Values{"is_public": {"None"}},
		filters: map[string]parameter{
			"name":             {"name", sendText},
			"container_format": {"container_format", sendText},
			"disk_format":      {"disk_format", sendText},
			"status":           {"status", sendText},
			"changes-since":    {"changes-since", sendSince}, // brings deleted images, too
		},
		fields: withFields(
			flagField("is_public", setPublic),
			flagField("deleted", func(i *Image, v Flag) { i.deleted = v == True }),
			field{"properties", (*decoder).properties},
		),
		unknown: func(d *decoder, _ []byte) error { return d.skip() },
		// Glance's v1 lower-cases property names and turns "-" into "_".
		property: func(name string) string {
			return strings.ReplaceAll(strings.ToLower(name), "-", "_")
		},
		walk: walkV11,
	},
	{
		version: VersionV2,
		prefix:  "v2.",
		path:    "/v2/images",
		links:   true,
		// all adds other projects' community images, and shares that their
		// member has not accepted yet, which v1.1 lists too.
		extras: url.Values{"visibility": {"all"}, "member_status": {"all"}},
		filters: map[string]parameter{
			"name":             {"name", sendText},
			"container_format": {"container_format", sendText},
			"disk_format":      {"disk_format", sendText},
			"status":           {"status", sendText},
			"changes-since": {"updated_at", func(value string) (string, bool) {
				since, ok := sendSince(value)
				return "gt:" + since, ok
			}},
		},
		fields: withFields(
			field{"visibility", (*decoder).visibility},
			flagField("os_hidden", func(i *Image, v Flag) { i.Hidden = v }),
			textField("stores", func(i *Image) *[]byte { return &i.Stores }),
			skipField("tags"), skipField("self"), skipField("file"), skipField("schema"),
			skipField("locations"), skipField("direct_url"), skipField("os_hash_algo"), skipField("os_hash_value"),
		),
		unknown:  (*decoder).propertyValue,
		property: func(name string) string { return name },
		walk:     walkV2,
	},
}

// The two entries of [dialects].
var v11, v2 = dialects[0], dialects[1]

// withFields gives the fields that every version has, and those given.
func withFields(more ...field) map[string]field {
	fields := map[string]field{}
	for _, f := range append(more,
		textField("id", func(i *Image) *[]byte { return &i.ID }),
		textField("name", func(i *Image) *[]byte { return &i.Name }),
		textField("status", func(i *Image) *[]byte { return &i.Status }),
		textField("disk_format", func(i *Image) *[]byte { return &i.DiskFormat }),
		textField("container_format", func(i *Image) *[]byte { return &i.ContainerFormat }),
		textField("owner", func(i *Image) *[]byte { return &i.Owner }),
		textField("checksum", func(i *Image) *[]byte { return &i.Checksum }),
		integerField("size", func(i *Image, v int64, known bool) { i.Size, i.SizeKnown = v, known }),
		integerField("virtual_size", func(i *Image, v int64, known bool) {
			if i.VirtualSize = -1; known {
				i.VirtualSize = v
			}
		}),
		integerField("min_disk", func(i *Image, v int64, _ bool) { i.MinDisk = v }),
		integerField("min_ram", func(i *Image, v int64, _ bool) { i.MinRAM = v }),
		flagField("protected", func(i *Image, v Flag) { i.Protected = v }),
		timeField("created_at", func(i *Image) *time.Time { return &i.Created }),
		timeField("updated_at", func(i *Image) *time.Time { return &i.Updated }),
	) {
		fields[f.name] = f
	}
	return fields
}

// setPublic also fills the visibility as far as v1.1 tells it: an image that is
// not public may be private, shared or community there.
func setPublic(img *Image, public Flag) {
	img.Public = public
	img.Visibility = img.Visibility[:0]
	if public == True {
		img.Visibility = append(img.Visibility, visibilityPublic...)
	}
}

const visibilityPublic = "public"

// visibility reads v2's word, and tells from it whether the image is public.
func (d *decoder) visibility() error {
	value, known, err := d.text()
	if err != nil {
		return err
	}
	d.img.Visibility = append(d.img.Visibility[:0], value...)
	if d.img.Public = None; known {
		d.img.Public = FlagOf(string(value) == visibilityPublic)
	}
	return nil
}
