package client

import (
	"bytes"
	"time"
)

// Image is one image of the inventory, in the words of the Image API. There is
// one such value for a whole read: the decoder fills it anew for every image,
// so whoever is handed one copies what it keeps.
//
// A text that the service gives as null, as the empty string or not at all has
// length 0; the API's own difference between the three carries no meaning for
// an inventory.
type Image struct {
	ID              []byte // never empty
	Name            []byte // arbitrary text: names repeat and are not identifiers
	Status          []byte // active, queued, saving, ...; not a closed list
	DiskFormat      []byte // qcow2, raw, ...; empty for an image without data
	ContainerFormat []byte // bare, ovf, ...
	Visibility      []byte // public, private, shared, community; v1.1: public or empty, never guessed
	Owner           []byte // project that owns it
	Checksum        []byte // empty until the data is uploaded, and always on some services

	// Size is the length of the data in bytes. It is meaningful only where
	// SizeKnown: Glance gives null or 0 until an upload ends, and IMS keeps 0
	// or null for ever and puts the bytes in the property __image_size, which
	// is what stands here then.
	Size      int64
	SizeKnown bool

	// VirtualSize is the size of the disk that the data describes, in bytes,
	// up to 2^63-1 in a forged image; -1 where the service reports none.
	VirtualSize int64

	MinDisk int64 // GiB (the API calls them GB); 0 means no requirement
	MinRAM  int64 // MiB (the API calls them MB); 0 means no requirement

	Public    Flag // v1.1 is_public; v2 visibility = public
	Protected Flag
	Hidden    Flag // v2 os_hidden; None in v1.1, which has no such flag

	// Stores names the stores that hold the data, separated by commas as v2
	// gives them; empty where the service does not say, as with a single store,
	// and in v1.1.
	Stores []byte
	// FailedImport tells that an import of the image into a store failed: its
	// property os_glance_failed_import is not empty. v2 only.
	FailedImport bool

	Created time.Time // UTC; zero where the service gives none
	Updated time.Time // UTC; zero where the service gives none

	// Properties holds the values of the properties that the client was
	// configured to read ([Config.Properties]), in that order; empty for a
	// property that is null, no string or absent.
	Properties [][]byte

	deleted bool // v1.1 lists deleted images where changes-since is given
}

// A Flag is a boolean of the API that may be missing.
type Flag uint8

// The values of a [Flag]. None, the zero value, is null or not given at all.
const (
	None Flag = iota
	False
	True
)

// FlagOf makes a known Flag of b.
func FlagOf(b bool) Flag {
	if b {
		return True
	}
	return False
}

// String gives "true", "false" or, for a flag that is not known, "none": the
// words that the metrics' labels use.
func (f Flag) String() string {
	switch f {
	case True:
		return "true"
	case False:
		return "false"
	default:
		return "none"
	}
}

// A Page takes the images of one page of the list as they are decoded. The
// images count only once the page is whole: Commit is called when its last
// byte was read and found right, and a page that breaks off is dropped
// without a call.
type Page interface {
	// Add is handed each image of the page that the filters let through and
	// that no earlier page held. The image is valid during the call only.
	Add(*Image)
	// Commit adds the page to the inventory. It is the last call on a page.
	Commit()
}

// reset makes the image ready for the next one to be decoded into it, keeping
// the memory of its texts.
func (img *Image) reset() {
	for _, text := range []*[]byte{
		&img.ID, &img.Name, &img.Status, &img.DiskFormat, &img.ContainerFormat,
		&img.Visibility, &img.Owner, &img.Checksum, &img.Stores,
	} {
		*text = (*text)[:0]
	}
	for i := range img.Properties {
		img.Properties[i] = img.Properties[i][:0]
	}
	img.Size, img.SizeKnown, img.VirtualSize = 0, false, -1
	img.MinDisk, img.MinRAM = 0, 0
	img.Public, img.Protected, img.Hidden = None, None, None
	img.FailedImport = false
	img.Created, img.Updated = time.Time{}, time.Time{}
	img.deleted = false
}

// active tells whether the image's data is there to be used, which is when a
// size of 0 means that the service does not say.
func (img *Image) active() bool { return bytes.Equal(img.Status, []byte("active")) }
