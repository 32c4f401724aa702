package client

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Filters restrict the inventory to the images that pass all of them. The zero
// value lets every image pass.
//
// A service compares in its own way: by a database's rules, with operators
// before a colon, and over sizes that it keeps elsewhere. What is asked of it
// therefore only spares work, and every image is checked here, so that a filter
// means the same on every service.
type Filters struct{ list []filter }

type filter struct {
	key   string
	value string
	pass  func(*Image) bool
}

// A filterKey is one line of the table [filterKeys]: its check makes what
// decides over an image, or says how the value should be.
type filterKey struct {
	name  string
	check func(value string) (func(*Image) bool, error)
}

// filterKeys lists the keys of filters: those that the vendor's page for v1.1
// documents. How each is asked of a service is the dialects' affair.
var filterKeys = []filterKey{
	{"name", textFilter(func(img *Image) []byte { return img.Name })},
	{"container_format", textFilter(func(img *Image) []byte { return img.ContainerFormat })},
	{"disk_format", textFilter(func(img *Image) []byte { return img.DiskFormat })},
	{"status", textFilter(func(img *Image) []byte { return img.Status })},
	{"size_min", sizeFilter(func(size, limit int64) bool { return size >= limit })},
	{"size_max", sizeFilter(func(size, limit int64) bool { return size <= limit })},
	{"changes-since", sinceFilter},
}

// FilterKeys gives the keys that [ParseFilters] knows.
func FilterKeys() []string {
	names := make([]string, len(filterKeys))
	for i := range filterKeys {
		names[i] = filterKeys[i].name
	}
	return names
}

// ParseFilters makes filters of texts of the form KEY=VALUE. A text matches byte
// by byte; the empty one matches an image that has none. Sizes are in bytes,
// inclusive, and are not matched by an image whose size is unknown.
// changes-since lets pass what was changed after a time in ISO 8601, UTC where it
// names no zone.
//
// A key that is unknown or given twice, and a value that the key cannot have,
// are errors that say what would be right.
func ParseFilters(texts []string) (Filters, error) {
	var filters Filters
	for _, text := range texts {
		key, value, ok := strings.Cut(text, "=")
		known := slices.IndexFunc(filterKeys, func(k filterKey) bool { return k.name == key })
		switch {
		case !ok:
			return Filters{}, fmt.Errorf("%q is not of the form KEY=VALUE", text)
		case known < 0:
			return Filters{}, fmt.Errorf("%q: unknown key; known are %s", text, strings.Join(FilterKeys(), ", "))
		case slices.ContainsFunc(filters.list, func(f filter) bool { return f.key == key }):
			return Filters{}, fmt.Errorf("%q: the key %s is given twice", text, key)
		}
		pass, err := filterKeys[known].check(value)
		if err != nil {
			return Filters{}, fmt.Errorf("%q: %w", text, err)
		}
		filters.list = append(filters.list, filter{key: key, value: value, pass: pass})
	}
	return filters, nil
}

// pass tells whether an image belongs to the inventory.
func (f Filters) pass(img *Image) bool {
	for i := range f.list {
		if !f.list[i].pass(img) {
			return false
		}
	}
	return true
}

func textFilter(field func(*Image) []byte) func(string) (func(*Image) bool, error) {
	return func(value string) (func(*Image) bool, error) {
		return func(img *Image) bool { return string(field(img)) == value }, nil
	}
}

func sizeFilter(fits func(size, limit int64) bool) func(string) (func(*Image) bool, error) {
	return func(value string) (func(*Image) bool, error) {
		limit, err := strconv.ParseUint(value, 10, 64)
		if err != nil || limit > math.MaxInt64 {
			return nil, fmt.Errorf("a size is an integer from 0 to %d", int64(math.MaxInt64))
		}
		return func(img *Image) bool { return img.SizeKnown && fits(img.Size, int64(limit)) }, nil
	}
}

func sinceFilter(value string) (func(*Image) bool, error) {
	since, err := parseSince(value)
	if err != nil {
		return nil, err
	}
	return func(img *Image) bool { return img.Updated.After(since) }, nil
}

// parseSince reads a time in ISO 8601, a date alone included.
func parseSince(value string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateOnly} {
		if since, err := time.Parse(layout, value); err == nil {
			return since.UTC(), nil
		}
	}
	return time.Time{}, errors.New("a time is in ISO 8601, such as 2026-01-31T00:00:00Z")
}

// maxFilterSent is the longest value that is put into a URL: Glance refuses one
// of more than 8,192 bytes.
const maxFilterSent = 1024

// sendText gives a text as a parameter, where the service will take it
// literally: what stands before a colon is an operator, and a comma may separate
// values. An empty one asks for something else than images without one, and what
// is no printable text may break the service.
func sendText(value string) (string, bool) {
	literal := value != "" && len(value) <= maxFilterSent && utf8.ValidString(value) &&
		!strings.ContainsAny(value, ":,") && !strings.ContainsFunc(value, unicode.IsControl)
	return value, literal
}

// sendSince gives a time in the one form that every service takes. It leaves out
// fractions of a second, which brings more rather than less.
func sendSince(value string) (string, bool) {
	since, err := parseSince(value)
	return since.Format("2006-01-02T15:04:05Z"), err == nil
}
