package cms

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"iter"
)

// messageKind is what a message is, as far as it was read.
type messageKind string

// The kinds of messages (RFC 5652 section 3, RFC 3274, RFC 5083).
const (
	unknown    messageKind = ""
	data       messageKind = "data"
	signed     messageKind = "signed"
	enveloped  messageKind = "enveloped" // encrypted
	compressed messageKind = "compressed"
)

// ErrFormat is the error of [Decoder.Close] for bytes that are no CMS message.
var ErrFormat = errors.New("read CMS: no ContentInfo")

// kinds are the kinds of messages by their content types, encoded object identifiers.
var kinds = map[string]messageKind{
	"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01":         data,       // 1.2.840.113549.1.7.1
	"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02":         signed,     // 1.2.840.113549.1.7.2
	"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03":         enveloped,  // 1.2.840.113549.1.7.3
	"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06":         enveloped,  // EncryptedData
	"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x09": compressed, // 1.2.840.113549.1.9.16.1.9
	"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17": enveloped,  // AuthEnvelopedData
}

// role is what an element is within the structure (RFC 5652 sections 3 and 5).
type role int

const (
	skipped      role = iota
	outside           // around the message
	contentInfo       // SEQUENCE { contentType, [0] content }
	content           // [0] of a ContentInfo
	typedData         // SignedData or CompressedData: the third element is the encapContentInfo
	encapsulated      // SEQUENCE { eContentType, [0] eContent }
	eContent          // [0] of an encapContentInfo
	octets            // an OCTET STRING of the content
	contentType       // the OBJECT IDENTIFIER of a ContentInfo
)

// element is an open element: its contents are being read.
type element struct {
	role     role
	end      int64 // offset behind it; -1 for an indefinite length
	children int
}

// Tags and their bits (X.690 section 8.1.2), and limits.
const (
	constructed    = 0x20
	octetString    = 0x04
	objectID       = 0x06
	sequence       = 0x30
	explicitTag    = 0xa0
	endOfContents  = 0x00
	deepest        = 50
	longestHeader  = 16
	longestTypeOID = 32
)

// Decoder takes the content out of one message. Use [NewDecoder].
type Decoder struct {
	w      io.Writer
	kind   messageKind
	offset int64
	stack  []element

	header []byte // of the next element, until all of it is there
	rest   int64  // of a primitive element's contents
	role   role   // of that element
	oid    []byte

	inflater *inflater
	complete bool
	over     bool // the message has ended
	broken   bool
	err      error // of w
}

// NewDecoder returns a decoder that writes the content to w. It never closes w.
func NewDecoder(w io.Writer) *Decoder {
	return &Decoder{w: w, stack: []element{{role: outside, end: -1}}}
}

// Complete reports whether there was a content and all of it was written.
func (d *Decoder) Complete() bool { return d.complete && d.err == nil }

// Ended reports whether the message was read to its end, the signatures behind the content
// included.
func (d *Decoder) Ended() bool { return d.over }

// Write decodes the next bytes of the message, and passes over bytes behind its end. Its
// errors are those of the writer: a broken message is none.
func (d *Decoder) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && !d.over && !d.broken && d.err == nil {
		if d.rest > 0 {
			k := int(min(d.rest, int64(len(p))))
			d.contents(p[:k])
			d.advance(int64(k))
			p = p[k:]
			continue
		}
		p = p[d.readHeader(p):]
	}
	if d.err != nil {
		return 0, d.err
	}
	return n, nil
}

// advance counts n bytes, and closes the elements that end with them.
func (d *Decoder) advance(n int64) {
	d.offset += n
	if d.rest -= min(n, d.rest); d.rest == 0 {
		d.close()
	}
}

// close closes the elements that end here.
func (d *Decoder) close() {
	for top := len(d.stack) - 1; top > 0 && d.stack[top].end == d.offset; top-- {
		d.pop()
	}
}

// pop closes the innermost element.
func (d *Decoder) pop() {
	top := d.stack[len(d.stack)-1]
	d.stack = d.stack[:len(d.stack)-1]
	switch {
	case top.role == eContent || top.role == content && d.kind == data:
		d.complete = top.children > 0
		if d.inflater != nil {
			d.complete = d.inflater.finish() && d.complete
		}
	case len(d.stack) == 1:
		d.over = true
	}
}

// readHeader takes the bytes of p that belong to the next element's tag and length, and
// returns how many these are.
func (d *Decoder) readHeader(p []byte) int {
	n := 0
	for n < len(p) {
		d.header = append(d.header, p[n])
		n++
		d.offset++
		tag, length, state := parseHeader(d.header)
		if state == more && len(d.header) < longestHeader {
			continue
		}
		d.header = d.header[:0]
		if state != whole {
			d.broken = true
		} else {
			d.open(tag, length)
		}
		break
	}
	return n
}

type headerState int

const (
	more headerState = iota
	whole
	wrong
)

// parseHeader reads a tag and a length (X.690 sections 8.1.2 and 8.1.3). It returns the
// first byte of a longer tag, which has no meaning here, and -1 for an indefinite length.
func parseHeader(h []byte) (tag byte, length int64, state headerState) {
	tag, i := h[0], 1
	if tag&0x1f == 0x1f {
		for i < len(h) && h[i]&0x80 != 0 {
			i++
		}
		i++
	}
	if i >= len(h) {
		return tag, 0, more
	}
	n := int(h[i] & 0x7f)
	switch {
	case h[i] < 0x80:
		return tag, int64(n), whole
	case n == 0:
		if tag&constructed == 0 {
			return tag, 0, wrong
		}
		return tag, -1, whole
	case n > 8:
		return tag, 0, wrong
	case i+n >= len(h):
		return tag, 0, more
	}
	for _, c := range h[i+1 : i+1+n] {
		length = length<<8 | int64(c)
	}
	if length < 0 || length > 1<<60 {
		return tag, 0, wrong
	}
	return tag, length, whole
}

// open begins an element.
func (d *Decoder) open(tag byte, length int64) {
	parent := &d.stack[len(d.stack)-1]
	if tag == endOfContents && length == 0 && parent.end < 0 && len(d.stack) > 1 {
		d.pop()
		d.close()
		return
	}
	child := d.roleOf(parent, tag)
	if child == contentType && length > longestTypeOID {
		child = skipped
	}
	parent.children++
	end := int64(-1)
	if length >= 0 {
		end = d.offset + length
	}
	if limit := d.limit(); limit >= 0 && end > limit || len(d.stack) > deepest {
		d.broken = true
		return
	}
	if parent.role == outside && child == skipped {
		d.broken = true // no message begins so
		return
	}
	if tag&constructed != 0 {
		d.stack = append(d.stack, element{role: child, end: end})
	} else {
		d.role, d.rest = child, length
		d.oid = d.oid[:0]
	}
	d.close()
}

// limit returns the end of the innermost element of definite length; -1 for none.
func (d *Decoder) limit() int64 {
	for i := len(d.stack) - 1; i >= 0; i-- {
		if d.stack[i].end >= 0 {
			return d.stack[i].end
		}
	}
	return -1
}

// roleOf returns the role of an element, by its tag and its place.
func (d *Decoder) roleOf(parent *element, tag byte) role {
	switch first := parent.children == 0; {
	case parent.role == outside && tag == sequence && first:
		return contentInfo
	case parent.role == contentInfo && tag == objectID && first:
		return contentType
	case parent.role == contentInfo && tag == explicitTag && d.kind != unknown && d.kind != enveloped:
		return content
	case parent.role == content && d.kind == data && tag&^constructed == octetString:
		return octets
	case parent.role == content && tag == sequence && first:
		return typedData
	case parent.role == typedData && tag == sequence && parent.children == 2:
		return encapsulated
	case parent.role == encapsulated && tag == explicitTag:
		return eContent
	case parent.role == eContent && tag&^constructed == octetString && first:
		return octets
	case parent.role == octets && tag&^constructed == octetString:
		return octets
	}
	return skipped
}

// contents handles a stretch of a primitive element.
func (d *Decoder) contents(p []byte) {
	switch d.role {
	case contentType:
		d.oid = append(d.oid, p...)
		if int64(len(p)) == d.rest {
			d.kind = kinds[string(d.oid)]
		}
	case octets:
		if d.kind == compressed {
			if d.inflater == nil {
				d.inflater = newInflater(d.w)
			}
			d.err = d.inflater.write(p)
			return
		}
		_, d.err = d.w.Write(p)
	}
}

// Close ends the message. It returns the writer's error, or [ErrFormat] for bytes that are
// no CMS message. It must be called after an error, too.
func (d *Decoder) Close() error {
	if d.inflater != nil {
		d.inflater.finish()
		if d.err == nil {
			d.err = d.inflater.failed
		}
	}
	switch {
	case d.err != nil:
		return fmt.Errorf("write CMS content: %w", d.err)
	case d.kind == unknown:
		return ErrFormat
	}
	return nil
}

// inflater inflates what is written to it (RFC 1950), and writes it on. The reader of
// compress/zlib runs as a coroutine, which gives control back when it needs more input.
type inflater struct {
	next   func() (struct{}, bool)
	stop   func()
	input  bytes.Reader
	ended  bool  // no more input comes
	whole  bool  // the input was whole
	failed error // of the writer
}

func newInflater(w io.Writer) *inflater {
	f := &inflater{}
	f.next, f.stop = iter.Pull(func(yield func(struct{}) bool) {
		out := &failing{w: w}
		r, err := zlib.NewReader(&demand{f, yield})
		if err == nil {
			_, err = io.Copy(out, r)
		}
		f.whole, f.failed = err == nil, out.err
	})
	return f
}

// write inflates p. It passes over everything behind a fault.
func (f *inflater) write(p []byte) error {
	f.input.Reset(p)
	f.next()
	return f.failed
}

// finish ends the input, and reports whether it was whole.
func (f *inflater) finish() bool {
	f.ended = true
	f.next()
	f.stop()
	return f.whole
}

// demand is the input as the coroutine sees it.
type demand struct {
	f     *inflater
	yield func(struct{}) bool
}

func (d *demand) Read(p []byte) (int, error) {
	for d.f.input.Len() == 0 {
		if d.f.ended || !d.yield(struct{}{}) {
			return 0, io.ErrUnexpectedEOF
		}
	}
	return d.f.input.Read(p)
}

// failing remembers the error of a writer, to tell it from an error of the input.
type failing struct {
	w   io.Writer
	err error
}

func (f *failing) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	f.err = err
	return n, err
}
