package simcloud

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// listV2 is a request for the list of v2, understood.
type listV2 struct {
	viewer     viewer
	limit      int
	marker     string
	visibility string // public, private, shared, community, all; "" means the default
	member     string // accepted, pending, all: which shares count
	hidden     bool
	pass       []func(*Image) bool
}

func (c *Cloud) answerV2(who viewer, query url.Values) ([]byte, *refusal) {
	list, refused := c.parseV2(who, query)
	if refused != nil {
		return nil, refused
	}
	start := len(c.images)
	if list.marker != "" {
		if start, refused = c.startV2(list); refused != nil {
			return nil, refused
		}
	}
	images, n, last := c.appendPage(nil, start, list.limit, list.shows, func(r *record) []byte {
		if r.v2 == nil {
			r.v2 = c.appendV2(nil, &r.Image)
		}
		return r.v2
	})
	rest := fmt.Appendf(nil, `"first": "/v2/images", "schema": "/v2/schemas/images"`)
	if n > 0 && n == list.limit {
		next := url.Values{}
		for key, values := range query {
			next.Set(key, values[len(values)-1]) // Glance loses the others
		}
		next.Set("marker", last)
		rest = append(rest, `, "next": `...)
		rest = appendText(rest, "/v2/images?"+next.Encode())
	}
	first, second := images, rest
	if c.options.Service.NextFirst {
		first, second = rest, images
	}
	return slices.Concat([]byte("{"), first, []byte(", "), second, []byte("}")), nil
}

func (c *Cloud) parseV2(who viewer, query url.Values) (*listV2, *refusal) {
	service := &c.options.Service
	list := &listV2{viewer: who, limit: service.DefaultLimit, member: "accepted"}
	if service.PropertyFilters {
		list.visibility, list.member = "all", "all" // it shows what it shows
	}
	for key, values := range query {
		value := values[len(values)-1]
		if key == "limit" && len(values) > 1 {
			list.limit = 0 // measured: 200, no images, no next
			continue
		}
		if service.PropertyFilters && (key == "visibility" && value == "all" || key == "os_hidden" || key == "member_status") {
			list.property(key, value)
			continue
		}
		if service.RefuseAll && key == "visibility" && value == "all" {
			return nil, &refusal{400, "Invalid visibility value: all"}
		}
		if refused := list.parameter(key, value); refused != nil {
			return nil, refused
		}
	}
	list.limit = min(list.limit, service.MaxLimit)
	return list, nil
}

func (l *listV2) parameter(key, value string) *refusal {
	switch key {
	case "limit":
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return &refusal{400, "limit param must be positive"}
		}
		l.limit = n
	case "marker":
		l.marker = value
	case "visibility":
		if l.visibility = value; !slices.Contains([]string{"public", "private", "shared", "community", "all"}, value) {
			return &refusal{400, "Invalid visibility value: " + value}
		}
	case "member_status":
		if l.member = value; !slices.Contains([]string{"accepted", "pending", "rejected", "all"}, value) {
			return &refusal{400, "Invalid status: " + value}
		}
	case "os_hidden", "protected":
		return l.flag(key, value)
	case "name", "container_format", "disk_format", "status":
		return l.text(key, value)
	case "size_min", "size_max":
		return l.size(key, value)
	case "updated_at", "created_at":
		return l.time(key, value)
	case "changes-since":
		return &refusal{400, "The changes-since filter is no longer available on v2."}
	case "deleted", "sort_key", "sort_dir":
	default:
		if strings.HasSuffix(key, "_min") || strings.HasSuffix(key, "_max") {
			return &refusal{500, "The server has either erred or is incapable of performing the requested operation."}
		}
		l.property(key, value)
	}
	return nil
}

// property filters by an image property, which is what Glance takes any other
// parameter for.
func (l *listV2) property(key, value string) {
	l.pass = append(l.pass, func(img *Image) bool { return img.Properties[key] == value })
}

func (l *listV2) flag(key, value string) *refusal {
	if value != "true" && value != "false" {
		return &refusal{400, "Invalid value '" + value + "' for '" + key + "' filter."}
	}
	if key == "os_hidden" {
		l.hidden = value == "true"
	} else {
		l.pass = append(l.pass, func(img *Image) bool { return img.Protected == (value == "true") })
	}
	return nil
}

func (l *listV2) text(key, value string) *refusal {
	wanted := []string{value}
	if operator, rest, ok := strings.Cut(value, ":"); ok {
		if operator != "in" {
			return &refusal{400, "Unable to filter by unknown operator '" + operator + "'."}
		}
		wanted = splitQuoted(rest)
	}
	field := textFields[key]
	l.pass = append(l.pass, func(img *Image) bool {
		text := field(img)
		return text != nil && slices.Contains(wanted, *text)
	})
	return nil
}

func (l *listV2) size(key, value string) *refusal {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return &refusal{400, "Bad value passed to filter " + key + " got " + value}
	}
	l.pass = append(l.pass, func(img *Image) bool {
		return img.Size != nil && (key == "size_min" && *img.Size >= n || key == "size_max" && *img.Size <= n)
	})
	return nil
}

func (l *listV2) time(key, value string) *refusal {
	operator, text, _ := strings.Cut(value, ":")
	limit, ok := parseTime(text)
	if !ok {
		return &refusal{400, "Invalid time comparison"}
	}
	at := func(img *Image) time.Time {
		if key == "created_at" {
			return img.Created
		}
		return img.Updated
	}
	compare := map[string]func(order int) bool{
		"gt": func(order int) bool { return order > 0 }, "gte": func(order int) bool { return order >= 0 },
		"lt": func(order int) bool { return order < 0 }, "lte": func(order int) bool { return order <= 0 },
		"eq": func(order int) bool { return order == 0 }, "neq": func(order int) bool { return order != 0 },
	}[operator]
	if compare == nil {
		return &refusal{400, "Unable to filter by unknown operator '" + operator + "'."}
	}
	l.pass = append(l.pass, func(img *Image) bool { return compare(at(img).Compare(limit)) })
	return nil
}

// startV2 gives the place behind the marker's image. A deleted one is found by
// an administrator until it is purged; one that is not visible is forbidden.
func (c *Cloud) startV2(l *listV2) (int, *refusal) {
	r := c.byID[l.marker]
	switch {
	case r == nil, !r.Deleted.IsZero() && !l.viewer.admin:
		return 0, &refusal{400, "No image found with ID " + l.marker}
	case !l.viewer.admin && !l.viewer.sees(&r.Image) && r.Visibility != "community":
		return 0, &refusal{403, "Image " + l.marker + " not visible"}
	}
	at, _ := slices.BinarySearchFunc(c.images, r, compare)
	return at, nil
}

func (l *listV2) shows(img *Image) bool {
	if !img.Deleted.IsZero() || neverListed[img.Status] || img.Hidden != l.hidden || !l.visible(img) {
		return false
	}
	for _, pass := range l.pass {
		if !pass(img) {
			return false
		}
	}
	return true
}

func (l *listV2) visible(img *Image) bool {
	own := l.viewer.admin || img.Owner != nil && *img.Owner == l.viewer.project
	share, member := img.Members[l.viewer.project]
	shared := img.Visibility == "shared" && (own || member && (l.member == "all" || l.member == share))
	switch l.visibility {
	case "all":
		return own || shared || img.Visibility == "public" || img.Visibility == "community"
	case "":
		foreign := img.Visibility == "community" && (img.Owner == nil || *img.Owner != l.viewer.project)
		return (own || shared || img.Visibility == "public") && !foreign
	case "shared":
		return shared
	case "private":
		return own && img.Visibility == "private"
	default:
		return img.Visibility == l.visibility
	}
}

// appendV2 writes an image as v2 lists it: UTF-8 as it is, whole seconds,
// properties at top level before the fixed fields.
func (c *Cloud) appendV2(b []byte, img *Image) []byte {
	const layout = `"2006-01-02T15:04:05Z"`
	size, properties := img.Size, img.Properties
	if c.options.Service.SizeInProperty {
		size, properties = c.hideSize(img)
	}
	b = append(b, '{')
	field := func(name string) { b = append(append(appendText(b, name), ':'), ' ') }
	text := func(name string, value *string) {
		field(name)
		if value == nil {
			b = append(b, "null, "...)
		} else {
			b = append(appendText(b, *value), ", "...)
		}
	}
	number := func(name string, value *int64) {
		field(name)
		if value == nil {
			b = append(b, "null, "...)
		} else {
			b = append(strconv.AppendInt(b, *value, 10), ", "...)
		}
	}
	flag := func(name string, value bool) {
		field(name)
		b = append(strconv.AppendBool(b, value), ", "...)
	}
	for name, value := range properties {
		text(name, &value)
	}
	for name, value := range img.Extra {
		field(name)
		b = append(append(b, value...), ", "...)
	}
	text("name", img.Name)
	text("disk_format", img.DiskFormat)
	text("container_format", img.ContainerFormat)
	text("visibility", &img.Visibility)
	number("size", size)
	number("virtual_size", img.VirtualSize)
	text("status", &img.Status)
	text("checksum", img.Checksum)
	flag("protected", img.Protected)
	number("min_ram", &img.MinRAM)
	number("min_disk", &img.MinDisk)
	text("owner", img.Owner)
	flag("os_hidden", img.Hidden)
	text("os_hash_algo", nil)
	text("os_hash_value", nil)
	text("id", &img.ID)
	field("created_at")
	b = append(img.Created.UTC().AppendFormat(b, layout), ", "...)
	field("updated_at")
	b = append(img.Updated.UTC().AppendFormat(b, layout), ", "...)
	if len(img.Stores) > 0 {
		stores := strings.Join(img.Stores, ",")
		text("stores", &stores)
	}
	self := "/v2/images/" + img.ID
	text("self", &self)
	field("tags")
	return append(b, `["x", "y"], "schema": "/v2/schemas/image"}`...)
}

// appendText writes a JSON string in UTF-8, escaping no more than it must.
func appendText(b []byte, text string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(text) {
		switch ch := text[i]; {
		case ch == '"' || ch == '\\':
			b = append(b, '\\', ch)
		case ch < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[ch>>4], hex[ch&15])
		default:
			b = append(b, ch)
		}
	}
	return append(b, '"')
}
