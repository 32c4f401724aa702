package client

import "time"

// The constructors of the entries in a dialect's table of fields: each makes a
// reader of one JSON type for one field of the image.

func textField(of func(*Image) *[]byte) func(*decoder) error {
	return func(d *decoder) error {
		value, _, err := d.text()
		if err == nil {
			dst := of(&d.img)
			*dst = append((*dst)[:0], value...)
		}
		return err
	}
}

func integerField(set func(*Image, int64)) func(*decoder) error {
	return func(d *decoder) error {
		value, known, err := d.integer()
		if err == nil && known {
			set(&d.img, value)
		}
		return err
	}
}

func flagField(set func(*Image, Flag)) func(*decoder) error {
	return func(d *decoder) error {
		value, err := d.flag()
		if err == nil {
			set(&d.img, value)
		}
		return err
	}
}

func timeField(of func(*Image) *time.Time) func(*decoder) error {
	return func(d *decoder) error {
		value, err := d.time()
		if err == nil {
			*of(&d.img) = value
		}
		return err
	}
}
