// Package binhex decodes BinHex 4.0 (RFC 1741 appendix A), in which Macintosh mailers sent
// files as text.
//
// A file has a first line that says so, and then the data between two colons. A character of
// the data has six bits; runs of bytes are shortened. The data are a header, the data fork
// and the resource fork, each with a checksum.
//
// # Limits and guarantees
//
// The data fork is the file. The resource fork means nothing outside of a Macintosh, and is
// passed over. Memory does not grow with the file. The blocks in which it comes never change
// what comes out. Characters outside of the alphabet are passed over. Wrong checksums and a
// missing end are reported, and everything that came is kept.
package binhex

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// The kinds of problems that are reported.
const (
	WrongChecksum = "wrong-checksum"     // of the header or the data fork
	Truncated     = "truncated"          // the data fork did not come to its end
	Illegal       = "illegal-character"  // a character is outside of the alphabet
	ResourceOnly  = "resource-fork-only" // the data fork is empty, the resource fork is not
)

const alphabet = "!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"

var values = func() (v [256]byte) {
	for c := range v {
		v[c] = 0xff
	}
	for i := range len(alphabet) {
		v[alphabet[i]] = byte(i)
	}
	return v
}()

// runMark stands behind a byte that is repeated, before the count.
const runMark = 0x90

const block = 32 << 10

// section is a section of the decoded bytes.
type section int

const (
	nameLength section = iota
	name
	fields // version, type, creator, flags, both lengths
	headerSum
	dataFork
	dataSum
	resourceFork // with its checksum
)

// fieldsLength is the length of the fields between a header's name and its checksum.
const fieldsLength = 1 + 4 + 4 + 2 + 4 + 4

// Decoder decodes one file. Use [NewDecoder], then Feed, then Close.
type Decoder struct {
	open   func(name string) (io.WriteCloser, error)
	report func(kind, detail string)

	begun   bool // the first colon was read
	done    bool
	illegal bool // an illegal character was reported
	bits    uint32
	n       int // bits in bits

	last    byte // for runs
	marked  bool // a run's mark was read
	section section
	rest    int64 // of the section
	held    []byte
	name    string
	crc     uint16
	w       io.WriteCloser
	opened  bool
	out     []byte
	data    int64 // length of the data fork
	over    int64 // length of the resource fork and its checksum
	whole   bool  // the data fork came out
}

// NewDecoder returns a decoder that is fed from the line "(This file must be converted with
// BinHex 4.0)" on, or from the first colon. It calls open with the sender's file name when
// the data fork begins; a nil writer leaves the file out. The decoder closes the writer. It
// calls report for each problem, with one of the kinds and what was found.
func NewDecoder(open func(name string) (io.WriteCloser, error), report func(kind, detail string)) *Decoder {
	return &Decoder{open: open, report: report, rest: 1}
}

// Feed decodes p. The file may end within p: n is the number of bytes that belong to it, and
// done says that the closing colon was read. Its errors are those of open and of the writer.
func (d *Decoder) Feed(p []byte) (n int, done bool, err error) {
	if !d.begun {
		// The first colon stands at the beginning of a line. No text before it has one.
		i := bytes.IndexByte(p, ':')
		if i < 0 {
			return len(p), false, nil
		}
		d.begun = true
		n = i + 1
	}
	for n < len(p) && !d.done {
		c := p[n]
		n++
		v := values[c]
		switch {
		case v != 0xff:
			d.bits = d.bits<<6 | uint32(v)
			if d.n += 6; d.n >= 8 {
				d.n -= 8
				err = d.expand(byte(d.bits >> d.n))
			}
		case c == ':':
			d.done = true
			err = d.finish()
		case c != '\r' && c != '\n' && c != ' ' && c != '\t' && !d.illegal:
			d.illegal = true
			d.report(Illegal, fmt.Sprintf("%q", c))
		}
		if err != nil {
			return n, d.done, err
		}
	}
	return n, d.done, nil
}

// expand expands the runs of bytes.
func (d *Decoder) expand(c byte) error {
	switch {
	case d.marked:
		d.marked = false
		if c == 0 {
			d.last = runMark
			return d.put(runMark, 1)
		}
		return d.put(d.last, int(c)-1)
	case c == runMark:
		d.marked = true
		return nil
	}
	d.last = c
	return d.put(c, 1)
}

// put takes a decoded byte so many times.
func (d *Decoder) put(c byte, times int) error {
	for range times {
		if d.section == dataFork {
			d.out = append(d.out, c)
			d.crc = crcByte(d.crc, c)
		} else if d.section != resourceFork {
			d.held = append(d.held, c)
		}
		if d.rest--; d.rest > 0 {
			continue
		}
		if err := d.next(); err != nil {
			return err
		}
	}
	if len(d.out) >= block {
		return d.flush()
	}
	return nil
}

// next ends a section.
func (d *Decoder) next() error {
	held := d.held
	switch d.section {
	case nameLength:
		d.section, d.rest = name, int64(held[0])
		d.crc = crcBytes(0, held)
		d.held = d.held[:0]
		if d.rest == 0 {
			return d.next()
		}
	case name:
		d.name = string(held)
		d.crc = crcBytes(d.crc, held)
		d.held = d.held[:0]
		d.section, d.rest = fields, fieldsLength
	case fields:
		d.crc = crcBytes(d.crc, held)
		d.data = int64(binary.BigEndian.Uint32(held[11:]))
		d.over = int64(binary.BigEndian.Uint32(held[15:])) + 2
		if d.data == 0 && d.over > 2 {
			d.report(ResourceOnly, "")
		}
		d.held = d.held[:0]
		d.section, d.rest = headerSum, 2
	case headerSum:
		d.check("header")
		d.section, d.rest = dataFork, d.data
		if d.data == 0 {
			return d.next()
		}
	case dataFork:
		d.section, d.rest = dataSum, 2
		return d.flush()
	case dataSum:
		d.check("data fork")
		d.whole = true
		d.section, d.rest = resourceFork, d.over
	case resourceFork:
		d.rest = 1 << 62 // fill bits
	}
	return nil
}

// check compares a checksum. For the sum, its own two bytes count as zeros (RFC 1741
// appendix A).
func (d *Decoder) check(of string) {
	d.crc = crcByte(crcByte(d.crc, 0), 0)
	if said := binary.BigEndian.Uint16(d.held); said != d.crc {
		d.report(WrongChecksum, fmt.Sprintf("%s: %04x, said to be %04x", of, d.crc, said))
	}
	d.crc = 0
	d.held = d.held[:0]
}

// flush writes the decoded bytes. The first time it opens the file.
func (d *Decoder) flush() error {
	if !d.opened {
		d.opened = true
		var err error
		if d.w, err = d.open(d.name); err != nil {
			d.w = nil
			return err
		}
	}
	out := d.out
	d.out = d.out[:0]
	if d.w == nil || len(out) == 0 {
		return nil
	}
	_, err := d.w.Write(out)
	return err
}

// finish ends the file.
func (d *Decoder) finish() error {
	var err error
	if d.section == dataFork || d.whole {
		err = d.flush()
	}
	if !d.whole {
		d.report(Truncated, "")
	}
	w := d.w
	d.w = nil
	if w == nil {
		return err
	}
	if closeErr := w.Close(); err == nil {
		err = closeErr
	}
	return err
}

// Close ends the file, and reports [Truncated] if its end did not come. It must be called
// after an error, too.
func (d *Decoder) Close() error {
	if d.done {
		if d.w != nil {
			w := d.w
			d.w = nil
			return w.Close()
		}
		return nil
	}
	d.done = true
	return d.finish()
}

// crcTable is the table of the polynomial x^16 + x^12 + x^5 + 1, most significant bit first.
var crcTable = func() (t [256]uint16) {
	for i := range t {
		c := uint16(i) << 8
		for range 8 {
			if c&0x8000 != 0 {
				c = c<<1 ^ 0x1021
			} else {
				c <<= 1
			}
		}
		t[i] = c
	}
	return t
}()

// crcByte adds a byte to a checksum. The RFC's algorithm shifts each byte in at the low end,
// and so lags two bytes behind: this is why check adds two zeros.
func crcByte(crc uint16, c byte) uint16 { return crc<<8 | uint16(c) ^ crcTable[crc>>8] }

func crcBytes(crc uint16, b []byte) uint16 {
	for _, c := range b {
		crc = crcByte(crc, c)
	}
	return crc
}
