package simcloud

import (
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// listV11 is a request for the list of v1.1, understood.
type listV11 struct {
	viewer  viewer
	limit   int
	marker  string
	public  string // all, none, true, false; "" means what the viewer sees
	since   time.Time
	filters map[string]func(*Image) bool
}

// refusal is why a request is answered with an error.
type refusal struct {
	status  int
	message string
}

var documented = []string{"name", "container_format", "disk_format", "status", "size_min", "size_max", "changes-since"}

func (c *Cloud) answerV11(who viewer, query url.Values) ([]byte, *refusal) {
	list, refused := c.parseV11(who, query)
	if refused != nil {
		return nil, refused
	}
	start := len(c.images)
	if list.marker != "" {
		if start, refused = c.startV11(list); refused != nil {
			return nil, refused
		}
	}
	body, _, _ := c.appendPage([]byte("{"), start, list.limit, list.shows, func(r *record) []byte {
		if r.v11 == nil {
			r.v11 = c.appendV11(nil, &r.Image)
		}
		return r.v11
	})
	return append(body, '}'), nil
}

// appendPage writes up to limit of those images before start that a list shows,
// and tells how many these were and the id of the last one.
func (c *Cloud) appendPage(body []byte, start, limit int, shows func(*Image) bool, written func(*record) []byte) (page []byte, n int, last string) {
	body = append(body, `"images": [`...)
	for n < limit && start > 0 {
		start--
		r := c.images[start]
		if !shows(&r.Image) {
			continue
		}
		if n > 0 {
			body = append(body, ", "...)
		}
		body = append(body, written(r)...)
		n, last = n+1, r.ID
	}
	return append(body, ']'), n, last
}

// parseV11 understands a query, of which a parameter's last value counts.
func (c *Cloud) parseV11(who viewer, query url.Values) (*listV11, *refusal) {
	service := &c.options.Service
	list := &listV11{viewer: who, limit: math.MaxInt, filters: map[string]func(*Image) bool{}}
	vendor := service.RefuseUnknown || service.IgnoreUnknown
	if !vendor {
		list.limit = service.DefaultLimit
	}
	for key, values := range query {
		value := values[len(values)-1]
		if !slices.Contains(documented, key) && vendor {
			if service.RefuseUnknown {
				return nil, &refusal{400, "Invalid parameter " + key}
			}
			continue
		}
		if refused := list.parameter(key, value); refused != nil {
			return nil, refused
		}
	}
	if !vendor {
		list.limit = min(list.limit, service.MaxLimit)
	} else {
		list.public = "all" // it shows what it shows, whatever is asked for
	}
	if service.IgnoreMarker {
		list.marker = ""
	}
	if service.MisreadIsPublic && list.public == "none" {
		list.filters["is_public"] = func(*Image) bool { return false }
	}
	return list, nil
}

func (l *listV11) parameter(key, value string) *refusal {
	switch key {
	case "limit":
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return &refusal{400, "limit param must be an integer"}
		}
		l.limit = n
	case "marker":
		if l.marker = value; !isUUID(value) {
			return &refusal{400, "Invalid marker format"}
		}
	case "is_public":
		switch l.public = strings.ToLower(value); l.public {
		case "none", "true", "false":
		default:
			return &refusal{400, "is_public must be None, or a boolean"}
		}
	case "changes-since":
		since, ok := parseTime(value)
		if !ok {
			return &refusal{400, "Invalid changes-since value"}
		}
		l.since = since
	case "name", "container_format", "disk_format", "status":
		return l.text(key, value)
	case "size_min", "size_max":
		return l.size(key, value)
	}
	return nil
}

var textFields = map[string]func(*Image) *string{
	"name":             func(img *Image) *string { return img.Name },
	"container_format": func(img *Image) *string { return img.ContainerFormat },
	"disk_format":      func(img *Image) *string { return img.DiskFormat },
	"status":           func(img *Image) *string { return &img.Status },
}

// text adds a filter on a text. What stands before a colon is an operator, and
// Glance breaks down over one that it does not know.
func (l *listV11) text(key, value string) *refusal {
	wanted := []string{value}
	if operator, rest, ok := strings.Cut(value, ":"); ok {
		switch operator {
		case "in":
			wanted = splitQuoted(rest)
		case "eq":
			wanted = []string{rest}
		default:
			return &refusal{500, "The server has either erred or is incapable of performing the requested operation."}
		}
	}
	field := textFields[key]
	l.filters[key] = func(img *Image) bool {
		text := field(img)
		return text != nil && slices.Contains(wanted, *text)
	}
	return nil
}

// splitQuoted splits at commas that are not within double quotes.
func splitQuoted(text string) []string {
	quoted := false
	parts := strings.FieldsFunc(text, func(r rune) bool {
		quoted = quoted != (r == '"')
		return r == ',' && !quoted
	})
	for i := range parts {
		parts[i] = strings.Trim(parts[i], `"`)
	}
	return parts
}

func (l *listV11) size(key, value string) *refusal {
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return &refusal{400, "Bad value passed to filter " + key + " got " + value}
	}
	if n > math.MaxInt64 {
		return &refusal{500, "The server has either erred or is incapable of performing the requested operation."}
	}
	l.filters[key] = func(img *Image) bool {
		return img.Size != nil && (key == "size_min" && *img.Size >= int64(n) || key == "size_max" && *img.Size <= int64(n))
	}
	return nil
}

// startV11 gives the place behind the marker's image. A deleted one is found by
// an administrator, and by others only where deleted images are listed.
func (c *Cloud) startV11(l *listV11) (int, *refusal) {
	r := c.byID[l.marker]
	gone := r == nil || !r.Deleted.IsZero() && !l.viewer.admin && l.since.IsZero() ||
		!l.viewer.admin && !l.viewer.sees(&r.Image)
	if gone {
		return 0, &refusal{400, "Invalid marker. Image could not be found."}
	}
	at, _ := slices.BinarySearchFunc(c.images, r, compare)
	return at, nil
}

// neverListed are shown only where changes-since asks for them.
var neverListed = map[string]bool{"killed": true, "deleted": true, "pending_delete": true}

func (l *listV11) shows(img *Image) bool {
	if l.since.IsZero() {
		if !img.Deleted.IsZero() || neverListed[img.Status] {
			return false
		}
	} else if !img.Updated.After(l.since) {
		return false
	}
	if !l.visible(img) {
		return false
	}
	for _, passes := range l.filters {
		if !passes(img) {
			return false
		}
	}
	return true
}

func (l *listV11) visible(img *Image) bool {
	if !l.viewer.admin || l.public == "" {
		return l.viewer.sees(img)
	}
	// Nobody is shown other projects' community images by v1.1.
	listed := img.Visibility != "community" || l.viewer.sees(img)
	switch l.public {
	case "true":
		return img.Visibility == "public"
	case "false":
		return listed && img.Visibility != "public"
	default:
		return listed
	}
}

func parseTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func isUUID(text string) bool {
	if len(text) != 36 {
		return false
	}
	for i, r := range text {
		switch dash := i == 8 || i == 13 || i == 18 || i == 23; {
		case dash != (r == '-'):
			return false
		case !dash && !strings.ContainsRune("0123456789abcdefABCDEF", r):
			return false
		}
	}
	return true
}

// appendV11 writes an image as v1.1 lists it: ASCII, times without a zone.
func (c *Cloud) appendV11(b []byte, img *Image) []byte {
	const layout = `"2006-01-02T15:04:05.000000"`
	size, properties := img.Size, img.Properties
	if c.options.Service.SizeInProperty {
		size, properties = c.hideSize(img)
	}
	deleted := !img.Deleted.IsZero()
	if deleted {
		properties = nil
	}
	field := func(name string) { b = append(append(appendString(append(b, ", "...), name), ':'), ' ') }
	text := func(name string, value *string) {
		field(name)
		if value == nil {
			b = append(b, "null"...)
		} else {
			b = appendString(b, *value)
		}
	}
	number := func(name string, value *int64) {
		field(name)
		if value == nil {
			b = append(b, "null"...)
		} else {
			b = strconv.AppendInt(b, *value, 10)
		}
	}
	b = appendString(append(b, `{"id": `...), img.ID)
	text("name", img.Name)
	text("disk_format", img.DiskFormat)
	number("min_ram", &img.MinRAM)
	field("deleted")
	b = strconv.AppendBool(b, deleted)
	text("container_format", img.ContainerFormat)
	number("size", size)
	field("updated_at")
	b = img.Updated.UTC().AppendFormat(b, layout)
	text("checksum", img.Checksum)
	number("virtual_size", img.VirtualSize)
	field("protected")
	b = strconv.AppendBool(b, img.Protected)
	field("deleted_at")
	if deleted {
		b = img.Deleted.UTC().AppendFormat(b, layout)
	} else {
		b = append(b, "null"...)
	}
	text("status", &img.Status)
	field("is_public")
	b = strconv.AppendBool(b, img.Visibility == "public")
	number("min_disk", &img.MinDisk)
	text("owner", img.Owner)
	field("created_at")
	b = img.Created.UTC().AppendFormat(b, layout)
	field("properties")
	b = append(b, '{')
	first := true
	for name, value := range properties {
		if !first {
			b = append(b, ", "...)
		}
		first = false
		name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
		b = append(appendString(b, name), ": "...)
		b = appendString(b, value)
	}
	return append(b, "}}"...)
}

// hideSize moves an image's size into the property that IMS keeps it in, and
// leaves 0 or null behind.
func (c *Cloud) hideSize(img *Image) (*int64, map[string]string) {
	if img.Size == nil || *img.Size == 0 {
		return img.Size, img.Properties
	}
	properties := map[string]string{"__image_size": strconv.FormatInt(*img.Size, 10)}
	maps.Copy(properties, img.Properties)
	if len(img.ID)%2 == int(img.ID[0])%2 {
		return new(int64), properties
	}
	return nil, properties
}

// appendString writes a JSON string in ASCII, as Python's json does.
func appendString(b []byte, text string) []byte {
	const hex = "0123456789abcdef"
	escape := func(r rune) {
		b = append(b, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
	}
	b = append(b, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, '\\', 'n')
		case r >= 0x10000:
			high, low := utf16.EncodeRune(r)
			escape(high)
			escape(low)
		case r < ' ' || r > '~':
			escape(r)
		default:
			b = append(b, byte(r))
		}
	}
	return append(b, '"')
}
