package collector

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/glance-exporter/glance_exporter/client"
)

// What a label says where the image does not.
const (
	valueNone  = "none"  // the service gives null, an empty text or nothing
	valueOther = "other" // several values, folded so as to bound the series
)

// maxValueBytes is the longest value of a label; longer ones are cut. Names and
// properties may be of any length in the API.
const maxValueBytes = 1024

// keyEnd ends each value in the key of a group. It is no part of any valid
// UTF-8, so no value can hold it.
const keyEnd = "\xFF"

// The names of those labels that the code speaks about elsewhere.
const (
	labelStatus = "status"
	labelPublic = "public"
)

// label is one line of the table [groupLabels].
type label struct {
	name string
	help string // what it tells of an image, as the end of a sentence
	// folds tells what overflow does to the label's values: make them "other",
	// or leave them alone because there are only ever a few.
	folds bool
	// value appends the label's value for the image, which is normalised: it
	// is valid UTF-8, not empty and of bounded length. It allocates nothing
	// where dst has room.
	value func(dst []byte, img *client.Image) []byte
}

// groupLabels lists the labels that an inventory can be grouped by, in the
// order in which they are told to the user.
var groupLabels = []label{
	{
		labelStatus, "the image's status, such as `active`, `queued` or `saving`",
		false, ofText(func(img *client.Image) []byte { return img.Status }),
	},
	{
		"disk_format", "the format of its disk, such as `qcow2` or `raw`",
		true, ofText(func(img *client.Image) []byte { return img.DiskFormat }),
	},
	{
		labelPublic, "whether everybody may use it",
		false, ofFlag(func(img *client.Image) client.Flag { return img.Public }),
	},
	{
		"protected", "whether it is protected from being deleted",
		false, ofFlag(func(img *client.Image) client.Flag { return img.Protected }),
	},
	{
		"container_format", "the format of the container around its disk, mostly `bare`",
		true, ofText(func(img *client.Image) []byte { return img.ContainerFormat }),
	},
	{
		"visibility", "`public`, `private`, `shared` or `community`; `other` for a word that the API does not know",
		false, visibility,
	},
	{
		"hidden", "whether it is hidden from the usual lists",
		false, ofFlag(func(img *client.Image) client.Flag { return img.Hidden }),
	},
	{
		"owner", "the id of the project that owns it",
		true, ofText(func(img *client.Image) []byte { return img.Owner }),
	},
}

// propertyPrefix begins the names of labels that show an image property.
const propertyPrefix = "property:"

// propertyLabel makes the label of the image property KEY, whose place in
// [client.Image.Properties] is at.
func propertyLabel(key string, at int) label {
	return label{
		"property_" + strings.Map(labelRune, key), "the image's property KEY",
		true, ofText(func(img *client.Image) []byte {
			if at >= len(img.Properties) {
				return nil
			}
			return img.Properties[at]
		}),
	}
}

// labelRune makes a character of a property's name one that the name of a label
// may have in every version of Prometheus.
func labelRune(r rune) rune {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '_':
		return r
	default:
		return '_'
	}
}

// ofText makes a label's value of a text of the image.
func ofText(field func(*client.Image) []byte) func([]byte, *client.Image) []byte {
	return func(dst []byte, img *client.Image) []byte { return appendText(dst, field(img)) }
}

// ofFlag makes a label's value of a flag of the image.
func ofFlag(field func(*client.Image) client.Flag) func([]byte, *client.Image) []byte {
	return func(dst []byte, img *client.Image) []byte { return append(dst, field(img).String()...) }
}

// visibility gives the API's four words, and "other" for any more that a
// service makes up: overflow folds no visibility, so this is what bounds it.
func visibility(dst []byte, img *client.Image) []byte {
	switch string(img.Visibility) {
	case "", "public", "private", "shared", "community":
		return appendText(dst, img.Visibility)
	default:
		return append(dst, valueOther...)
	}
}

// appendText appends a text as a label may show it: "none" where it is empty,
// with U+FFFD for each byte that is not UTF-8, and cut before the rune that
// would make it longer than maxValueBytes.
func appendText(dst, text []byte) []byte {
	if len(text) == 0 {
		return append(dst, valueNone...)
	}
	if len(text) <= maxValueBytes && utf8.Valid(text) {
		return append(dst, text...)
	}
	for end := len(dst) + maxValueBytes; len(text) > 0; {
		r, size := utf8.DecodeRune(text)
		if len(dst)+utf8.RuneLen(r) > end {
			break
		}
		dst = utf8.AppendRune(dst, r)
		text = text[size:]
	}
	return dst
}

// Labels are the labels that an inventory is grouped by. The zero value groups
// by nothing: all images are one group.
type Labels struct {
	list       []label  // status before the others, where it is among them
	properties []string // the image properties that they need
}

// DefaultLabels gives the labels that are used unless the user asks for others:
// the first four of the table.
func DefaultLabels() Labels { return Labels{list: groupLabels[:4:4]} }

// LabelNames gives the names of all labels that [ParseLabels] knows, but for
// those of image properties.
func LabelNames() []string { return Labels{list: groupLabels}.Names() }

// ParseLabels looks up labels by name, where "property:KEY" is the label of the
// image property KEY. It is an error, which says what would be right, when there
// is no name at all, a name is unknown or given twice, or two properties would
// make labels of the same name. The order of the names makes a difference only
// to which groups overflow folds first (see [Totals]).
func ParseLabels(names []string) (Labels, error) {
	if len(names) == 0 || len(names) == 1 && names[0] == "" {
		return Labels{}, fmt.Errorf("no label is named: %s", knownLabels())
	}
	var chosen Labels
	given := make(map[string]string, len(names)) // by the name of the label
	for _, name := range names {
		l, err := chosen.lookUp(name)
		if err != nil {
			return Labels{}, err
		}
		switch twin, ok := given[l.name]; {
		case ok && twin == name:
			return Labels{}, fmt.Errorf("label %q is given twice", name)
		case ok:
			return Labels{}, fmt.Errorf("%q and %q would both become the label %s: choose one of them", twin, name, l.name)
		}
		given[l.name] = name
		if name == labelStatus {
			chosen.list = slices.Insert(chosen.list, 0, l)
		} else {
			chosen.list = append(chosen.list, l)
		}
	}
	return chosen, nil
}

// lookUp finds a label by the name that it is chosen by. The property that it
// needs is added to those of the labels.
func (l *Labels) lookUp(name string) (label, error) {
	if key, ok := strings.CutPrefix(name, propertyPrefix); ok {
		if key == "" {
			return label{}, fmt.Errorf("label %q names no property: it must be %sKEY", name, propertyPrefix)
		}
		l.properties = append(l.properties, key)
		return propertyLabel(key, len(l.properties)-1), nil
	}
	known := slices.IndexFunc(groupLabels, func(l label) bool { return l.name == name })
	if known < 0 {
		return label{}, fmt.Errorf("unknown label %q: %s", name, knownLabels())
	}
	return groupLabels[known], nil
}

// knownLabels says which labels there are.
func knownLabels() string {
	return fmt.Sprintf("known are %s and %sKEY", strings.Join(LabelNames(), ", "), propertyPrefix)
}

// Properties gives the image properties that the labels show, in the order in
// which they expect them in [client.Image.Properties].
func (l Labels) Properties() []string { return slices.Clone(l.properties) }

// Names gives the labels' names: status first, the others in the order in which
// they were chosen.
func (l Labels) Names() []string {
	names := make([]string, len(l.list))
	for i := range l.list {
		names[i] = l.list[i].name
	}
	return names
}

// hasStatus tells whether the status is among the labels; it is the first then.
func (l Labels) hasStatus() bool { return len(l.list) > 0 && l.list[0].name == labelStatus }

// fold tells whether any of the labels folds on overflow.
func (l Labels) fold() bool {
	return slices.ContainsFunc(l.list, func(l label) bool { return l.folds })
}

// appendKey appends the key of the image's group: the value of each label, each
// ended by keyEnd.
func (l Labels) appendKey(dst []byte, img *client.Image) []byte {
	for i := range l.list {
		dst = append(l.list[i].value(dst, img), keyEnd...)
	}
	return dst
}

// values takes the key of a group apart.
func (l Labels) values(key string) []string {
	values := make([]string, len(l.list))
	for i := range values {
		values[i], key, _ = strings.Cut(key, keyEnd)
	}
	return values
}

// status gives the status in the key of a group; only where hasStatus.
func (l Labels) status(key string) string {
	status, _, _ := strings.Cut(key, keyEnd)
	return status
}

// foldKey gives the key of the group that a group is folded into: with "other"
// for each label that folds, and for the status unless it keeps its value.
func (l Labels) foldKey(key string, keepStatus bool) string {
	folded := make([]byte, 0, len(key))
	for i, value := range l.values(key) {
		if l.list[i].folds || l.list[i].name == labelStatus && !keepStatus {
			value = valueOther
		}
		folded = append(append(folded, value...), keyEnd...)
	}
	return string(folded)
}

// compareKeys compares two keys as their values compare byte by byte, one value
// after the other. Counting each byte one up makes keyEnd the lowest, so that a
// value comes before those that it begins.
func compareKeys(a, b string) int {
	for i := range min(len(a), len(b)) {
		if x, y := a[i]+1, b[i]+1; x != y {
			return int(x) - int(y)
		}
	}
	return len(a) - len(b)
}
