package client

import (
	"bytes"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// properties reads v1.1's object of properties. What is no string there is no
// value; what nobody asked for is skipped.
func (d *decoder) properties() error {
	if d.json.PeekKind() == jsontext.KindNull {
		return d.json.SkipValue()
	}
	return d.object(d.propertyValue)
}

// propertyValue reads the value of the property key, or skips it.
func (d *decoder) propertyValue(key []byte) error {
	sized, failed := string(key) == sizeProperty, string(key) == failedImportProperty
	wanted := d.wanted[string(key)]
	if !sized && !failed && len(wanted) == 0 {
		return d.skip()
	}
	switch d.json.PeekKind() {
	case jsontext.KindString:
	case jsontext.KindNumber:
		if !sized {
			return d.skip()
		}
	default:
		return d.skip()
	}
	raw, err := d.json.ReadValue()
	if err != nil {
		return err
	}
	if sized {
		d.readSize(raw)
	}
	if raw.Kind() != jsontext.KindString {
		return nil
	}
	value, err := d.unquote(raw)
	if err != nil {
		return err
	}
	if failed {
		d.img.FailedImport = len(value) > 0
	}
	for _, i := range wanted {
		d.img.Properties[i] = append(d.img.Properties[i][:0], value...)
	}
	return nil
}

// sizeProperty is where IMS keeps an image's size, in bytes, as a string; the
// vendor's page for v1.1 does not say which type it has there, so a number is
// taken too. Anything else is no size.
const sizeProperty = "__image_size"

// failedImportProperty is where Glance's v2 lists the stores that an import did
// not reach.
const failedImportProperty = "os_glance_failed_import"

func (d *decoder) readSize(raw []byte) {
	const longest = len("9223372036854775807")
	digits := bytes.Trim(raw, `"`)
	if len(digits) > longest {
		return
	}
	if size, err := strconv.ParseInt(string(digits), 10, 64); err == nil && size >= 0 {
		d.imageSize = size
	}
}

// settleSize decides between size and __image_size. IMS leaves size at 0 or
// null and puts the bytes in the property. A size of 0 alone is what Glance
// gives until an upload begins; of an image that is active it says nothing.
func (d *decoder) settleSize() {
	img := &d.img
	if img.SizeKnown && img.Size > 0 {
		return
	}
	switch {
	case d.imageSize >= 0:
		img.Size, img.SizeKnown = d.imageSize, true
	case img.active():
		img.SizeKnown = false
	}
}
