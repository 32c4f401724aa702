package client

import (
	"strings"
	"testing"
	"time"
)

// Whatever filters are asked for, they are refused, or each is there as it was
// given, can be put to a service, and decides over any image.
func FuzzParseFilters(f *testing.F) {
	f.Add("name=x\nsize_min=1\nsize_max=9223372036854775807\nchanges-since=2026-01-31", []byte("x"), int64(1), int64(0))
	f.Add("status=in:a,b\ndisk_format=\ncontainer_format=\x00\xff", []byte("\xff"), int64(-1), int64(1<<62))
	f.Add("changes-since=2026-01-31T00:00:00+02:00", []byte{}, int64(0), int64(-1<<62))
	f.Add("changes-since=0000-01-01T00:00:00Z\nname=a\x00b", []byte("="), int64(0), int64(-62167219200))
	f.Fuzz(func(t *testing.T, lines string, text []byte, size, seconds int64) {
		texts := strings.Split(lines, "\n")
		filters, err := ParseFilters(texts)
		if err != nil {
			if len(filters.list) > 0 || strings.Contains(err.Error(), "\n") {
				t.Errorf("%d filters, and the error %q", len(filters.list), err)
			}
			return
		}
		if len(filters.list) != len(texts) {
			t.Fatalf("%q became %d filters", texts, len(filters.list))
		}
		img := &Image{
			Name: text, Status: text, DiskFormat: text, ContainerFormat: text,
			Size: size, SizeKnown: size >= 0, Updated: time.Unix(seconds, 0).UTC(),
		}
		all := true
		for i, one := range filters.list {
			if one.key+"="+one.value != texts[i] {
				t.Errorf("%q became %q of %q", texts[i], one.value, one.key)
			}
			all = all && one.pass(img)
			for _, d := range dialects {
				ask, known := d.filters[one.key]
				if !known {
					continue
				}
				if sent, ok := ask.send(one.value); ok && (sent == "" || len(sent) > maxFilterSent || strings.ContainsAny(sent, "\x00\r\n")) {
					t.Errorf("%s: %q is asked for as %q", d.version, texts[i], sent)
				}
			}
		}
		if filters.pass(img) != all {
			t.Errorf("%q together let pass: %t", texts, !all)
		}
	})
}
