package client

import "time"

// A field is a key of an image that a dialect knows, and how its value is read
// into the image.
type field struct {
	name string
	read func(*decoder) error
}

// The constructors of fields, one for each type that the API has.

func textField(name string, of func(*Image) *[]byte) field {
	return field{name, func(d *decoder) error {
		value, _, err := d.text()
		if err == nil {
			dst := of(&d.img)
			*dst = append((*dst)[:0], value...)
		}
		return err
	}}
}

func integerField(name string, set func(img *Image, value int64, known bool)) field {
	return field{name, func(d *decoder) error {
		value, known, err := d.integer()
		if err == nil {
			set(&d.img, value, known)
		}
		return err
	}}
}

func flagField(name string, set func(*Image, Flag)) field {
	return field{name, func(d *decoder) error {
		value, err := d.flag()
		if err == nil {
			set(&d.img, value)
		}
		return err
	}}
}

func timeField(name string, of func(*Image) *time.Time) field {
	return field{name, func(d *decoder) error {
		value, err := d.time()
		if err == nil {
			*of(&d.img) = value
		}
		return err
	}}
}

// skipField is a field that says nothing about an inventory. On v2 it must be
// known all the same, for any other key is an image property.
func skipField(name string) field { return field{name, (*decoder).skip} }
