package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxToken bounds what one JSON token may take, and so the memory that an
	// answer can cost: no field of an image comes near a mebibyte.
	maxToken = 1 << 20
	// maxDepth bounds nesting: Glance's deepest answer has five levels.
	maxDepth = 64
	// maxID bounds an image's id, of which walks remember some: a UUID has 36
	// bytes.
	maxID = 1 << 10
)

var errTooLarge = errors.New("the answer is too large")

// A decoder reads the pages of one read, one image at a time, straight from
// the response: it holds one token, one [Image] and nothing else.
//
// The keys of objects may come in any order. Keys that the dialect does not
// know are skipped, whatever their values are.
type decoder struct {
	dialect *dialect
	wanted  map[string][]int // property -> indexes in Image.Properties
	img     Image

	json    *jsontext.Decoder
	guard   guard
	scratch []byte

	// The property __image_size of the image at hand; -1 where it has none.
	imageSize int64
	// Fields of the image at hand whose value has the wrong type so far, with
	// the complaint; nil where there is none.
	mistyped map[string]error
}

func newDecoder(d *dialect, properties []string) *decoder {
	dec := &decoder{dialect: d, wanted: make(map[string][]int, len(properties))}
	for i, name := range properties {
		listed := d.property(name) // two names may be one in the list
		dec.wanted[listed] = append(dec.wanted[listed], i)
	}
	dec.img.Properties = make([][]byte, len(properties))
	dec.json = jsontext.NewDecoder(bytes.NewReader(nil), jsonOptions...)
	dec.guard.json = dec.json
	return dec
}

// Names may repeat: to notice that, the parser would have to remember them
// all, which is memory for the answer to use up. Texts need not be UTF-8:
// what is not becomes U+FFFD, as it must on the way to Prometheus anyhow.
var jsonOptions = []jsontext.Options{
	jsontext.AllowDuplicateNames(true),
	jsontext.AllowInvalidUTF8(true),
}

// page decodes one answer: a single object with a single array "images", and
// nothing behind it. It calls add for each image, and returns the value of
// "next" where the dialect pages by it, "" where there is none.
//
// The error is an *[Error] without request: reason decode, final unless the
// answer just ended too early; too_large; or connection, where reading failed.
func (d *decoder) page(body io.Reader, add func(*Image) error) (next string, err error) {
	d.guard.body, d.guard.read = body, 0
	d.json.Reset(&d.guard, jsonOptions...)
	lists := 0
	err = d.object(func(key []byte) error {
		switch {
		case string(key) == "images":
			lists++
			return d.images(add)
		case string(key) == "next" && d.dialect.links:
			link, _, err := d.text()
			next = string(link)
			return err
		default:
			return d.skip()
		}
	})
	if err == nil && lists != 1 {
		err = shapeError(`want one array "images", there are ` + strconv.Itoa(lists))
	}
	if err == nil {
		if _, end := d.json.ReadToken(); end == nil {
			err = shapeError("there is more behind the list")
		} else if !errors.Is(end, io.EOF) {
			err = end
		}
	}
	if err != nil {
		return "", d.failure(err)
	}
	return next, nil
}

func (d *decoder) images(add func(*Image) error) error {
	return d.array(func() error {
		if err := d.image(); err != nil {
			return err
		}
		return add(&d.img)
	})
}

func (d *decoder) image() error {
	d.img.reset()
	d.imageSize = -1
	clear(d.mistyped)
	if err := d.object(d.field); err != nil {
		return err
	}
	for _, complaint := range d.mistyped {
		return complaint
	}
	if len(d.img.ID) == 0 || len(d.img.ID) > maxID {
		return shapeError(fmt.Sprintf("an image has no id, or one of more than %d bytes", maxID))
	}
	d.settleSize()
	return nil
}

// field reads the value of one of an image's keys.
//
// A key may come twice, as on v2 where an image property has the name of a field
// and stands before it. The last one counts: a type that is wrong is forgiven
// where a right one follows.
func (d *decoder) field(key []byte) error {
	field, ok := d.dialect.fields[string(key)]
	if !ok {
		return d.dialect.unknown(d, key)
	}
	if len(d.mistyped) > 0 {
		delete(d.mistyped, string(key))
	}
	if err := field.read(d); err != nil {
		return d.forgive(field.name, err)
	}
	return nil
}

// forgive lets a wrong value pass for now, and keeps the complaint.
func (d *decoder) forgive(name string, err error) error {
	var kind kindError
	var value valueError
	if !errors.As(err, &kind) && !errors.As(err, &value) {
		return err
	}
	if d.mistyped == nil {
		d.mistyped = map[string]error{}
	}
	d.mistyped[name] = shapeError(err.Error() + " for " + name)
	if kind != "" {
		return d.skip() // it was only looked at
	}
	return nil
}

// object reads an object and calls member for each key, to read its value.
// The key is valid until member reads on.
func (d *decoder) object(member func(key []byte) error) error {
	if err := d.begin(jsontext.KindBeginObject); err != nil {
		return err
	}
	for d.json.PeekKind() != jsontext.KindEndObject {
		raw, err := d.json.ReadValue()
		if err != nil {
			return err
		}
		key, err := d.unquote(raw)
		if err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
	}
	_, err := d.json.ReadToken()
	return err
}

// array reads an array and calls element for each of its values, to read it.
func (d *decoder) array(element func() error) error {
	if err := d.begin(jsontext.KindBeginArray); err != nil {
		return err
	}
	for d.json.PeekKind() != jsontext.KindEndArray {
		if d.json.PeekKind() == jsontext.KindInvalid {
			break // ReadToken tells why
		}
		if err := element(); err != nil {
			return err
		}
	}
	_, err := d.json.ReadToken()
	return err
}

func (d *decoder) begin(want jsontext.Kind) error {
	if kind := d.json.PeekKind(); kind != want && kind != jsontext.KindInvalid {
		return d.wrongKind(want.String())
	}
	_, err := d.json.ReadToken()
	return err
}

// unquote gives the text of a JSON string. Where nothing is escaped it is a
// view of the parser's buffer, else it lies in scratch.
func (d *decoder) unquote(raw jsontext.Value) ([]byte, error) {
	if plain := raw[1 : len(raw)-1]; bytes.IndexByte(plain, '\\') < 0 {
		return plain, nil
	}
	var err error
	d.scratch, err = jsontext.AppendUnquote(d.scratch[:0], []byte(raw))
	if err != nil && !validButForUTF8(raw) {
		return nil, err
	}
	return d.scratch, nil
}

// validButForUTF8 tells whether a string is one that the options let through:
// AppendUnquote replaces what is no UTF-8 and reports it all the same.
func validButForUTF8(raw jsontext.Value) bool { return raw.IsValid(jsonOptions...) }

// text reads a string or null; known is false for null. The value is valid
// until the decoder reads on, and may be changed.
func (d *decoder) text() (value []byte, known bool, err error) {
	switch d.json.PeekKind() {
	case jsontext.KindNull:
		return nil, false, d.json.SkipValue()
	case jsontext.KindString:
		raw, err := d.json.ReadValue()
		if err != nil {
			return nil, false, err
		}
		value, err := d.unquote(raw)
		if err != nil {
			return nil, false, err
		}
		d.scratch = append(d.scratch[:0], value...)
		return d.scratch, true, nil
	default:
		return nil, false, d.wrongKind("string or null")
	}
}

// integer reads an integer from 0 to 2^63-1; known is false for null.
func (d *decoder) integer() (value int64, known bool, err error) {
	switch d.json.PeekKind() {
	case jsontext.KindNull:
		return 0, false, d.json.SkipValue()
	case jsontext.KindNumber:
		token, err := d.json.ReadToken()
		if err != nil {
			return 0, false, err
		}
		value, err := token.Int()
		if err != nil || value < 0 {
			return 0, false, valueError("a number that is no integer from 0 to 2^63-1")
		}
		return value, true, nil
	default:
		return 0, false, d.wrongKind("integer or null")
	}
}

// flag reads true, false or null.
func (d *decoder) flag() (Flag, error) {
	switch d.json.PeekKind() {
	case jsontext.KindNull:
		return None, d.json.SkipValue()
	case jsontext.KindTrue:
		return True, d.json.SkipValue()
	case jsontext.KindFalse:
		return False, d.json.SkipValue()
	default:
		return None, d.wrongKind("boolean or null")
	}
}

// time reads a time, zero for null. v1.1 writes 2026-11-23T14:51:15.945019 and
// means UTC, v2 writes 2026-11-23T14:24:21Z: one rule reads both.
func (d *decoder) time() (t time.Time, err error) {
	value, known, err := d.text()
	if err != nil || !known {
		return time.Time{}, err
	}
	if !hasZone(value) {
		value = append(value, 'Z')
	}
	if err := t.UnmarshalText(value); err != nil {
		return time.Time{}, valueError("a time that is not ISO 8601")
	}
	return t.UTC(), nil
}

// hasZone tells whether an ISO 8601 time ends in Z, +hh:mm or -hh:mm.
func hasZone(text []byte) bool {
	n := len(text)
	return n > 0 && (text[n-1] == 'Z' || text[n-1] == 'z') ||
		n > 6 && (text[n-6] == '+' || text[n-6] == '-') && text[n-3] == ':'
}

// skip reads past any value, token by token where it nests, so that its depth
// is bounded.
func (d *decoder) skip() error {
	switch d.json.PeekKind() {
	case jsontext.KindBeginArray, jsontext.KindBeginObject:
	default:
		return d.json.SkipValue()
	}
	for depth := d.json.StackDepth(); ; {
		if _, err := d.json.ReadToken(); err != nil {
			return err
		}
		switch now := d.json.StackDepth(); {
		case now == depth:
			return nil
		case now > maxDepth:
			return shapeError("values are nested too deep")
		}
	}
}

// shapeError is an answer that is JSON, but not what the API documents.
type shapeError string

func (e shapeError) Error() string { return string(e) }

// kindError is a value of another type than documented, which was not read yet.
type kindError string

func (e kindError) Error() string { return string(e) }

// valueError is a value of the documented type that cannot be one, and was read.
type valueError string

func (e valueError) Error() string { return string(e) }

func (d *decoder) wrongKind(want string) error {
	kind := d.json.PeekKind()
	if kind == jsontext.KindInvalid {
		_, err := d.json.ReadToken()
		return err
	}
	return kindError(fmt.Sprintf("a %s where the API has %s", kind, want))
}

// failure names the reason for which a page could not be decoded. The parser's
// own message is left out, for it quotes the answer.
func (d *decoder) failure(err error) error {
	var (
		known  *Error
		body   *bodyError
		shape  shapeError
		kind   kindError
		syntax *jsontext.SyntacticError
		at     = d.json.InputOffset()
	)
	switch {
	case errors.As(err, &known):
		return known // of the function that takes the images
	case errors.As(err, &body):
		return &Error{Reason: ReasonConnection, Err: body}
	case errors.Is(err, errTooLarge):
		return &Error{Reason: ReasonTooLarge, Err: fmt.Errorf("a value at byte %d is longer than %d bytes: %w", at, maxToken, errTooLarge)}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return &Error{Reason: ReasonDecode, Err: fmt.Errorf("the answer ends inside the JSON at byte %d: %w", at, io.ErrUnexpectedEOF)}
	case errors.As(err, &shape):
		return &Error{Reason: ReasonDecode, Final: true, Err: fmt.Errorf("%w (byte %d)", shape, at)}
	case errors.As(err, &kind):
		return &Error{Reason: ReasonDecode, Final: true, Err: fmt.Errorf("%w (byte %d)", kind, at)}
	case errors.As(err, &syntax):
		return &Error{Reason: ReasonDecode, Final: true, Err: fmt.Errorf("the answer is no JSON at byte %d", syntax.ByteOffset)}
	default:
		return &Error{Reason: ReasonDecode, Final: true, Err: fmt.Errorf("the answer is no JSON at byte %d", at)}
	}
}

// A guard feeds the parser and stops it when a single token takes too long to
// end: the parser itself would buffer a string of any length.
type guard struct {
	body io.Reader
	json *jsontext.Decoder
	read int64
}

func (g *guard) Read(p []byte) (int, error) {
	if g.read-g.json.InputOffset() > maxToken {
		return 0, errTooLarge
	}
	n, err := g.body.Read(p)
	g.read += int64(n)
	return n, err
}
