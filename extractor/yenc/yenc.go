// Package yenc decodes yEnc (draft 1.3, yenc.org), an encoding of binary files in text.
// Usenet uses it, and mail gateways pass it on.
//
// A file has these lines:
//
//   - "=ybegin", with its name and size;
//   - "=ypart" in a piece of a file, with its place;
//   - the data, each byte plus 42, a few of them escaped;
//   - "=yend", with the size and a checksum.
//
// # Limits and guarantees
//
// Memory does not grow with the file. The blocks in which it comes never change what comes
// out. Wrong sizes and checksums and a missing end are reported, and everything that came
// is kept. Pieces are not joined: the others are in other messages.
package yenc

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"
)

// Header is what the lines before the data say.
type Header struct {
	Name  string // the sender's: it may be a path, or empty
	Size  int64  // of the whole file, in bytes; -1 if unknown
	Part  int    // number of this piece, from 1; 0 for a whole file
	Total int    // how many pieces there are; 0 if unknown
	Begin int64  // offset of this piece's first byte in the file, from 1; 0 if unknown
	End   int64  // offset of its last byte; 0 if unknown
}

// The kinds of problems that are reported.
const (
	WrongSize     = "wrong-size"     // there are more or fewer bytes than a line says
	WrongChecksum = "wrong-checksum" // the bytes have another CRC-32 than the last line says
	Truncated     = "truncated"      // the line =yend is missing
)

const (
	longestControl = 4 << 10
	block          = 32 << 10
)

// Decoder decodes one file. Use [NewDecoder], then Feed, then Close.
type Decoder struct {
	open   func(Header) (io.WriteCloser, error)
	report func(kind, detail string)

	state   state
	control []byte // a line that begins with "=y"
	start   bool   // at the beginning of a line of data
	escaped bool   // the next byte is escaped
	header  Header
	w       io.WriteCloser // nil before the first data
	opened  bool
	out     []byte
	size    int64
	sum     uint32
	done    bool
}

type state int

const (
	inControl state = iota
	inData
)

// NewDecoder returns a decoder that is fed from the beginning of a line =ybegin on. It calls
// open when the data begin; a nil writer leaves the file out. The decoder closes the writer.
// It calls report for each problem, with one of the kinds and what was found.
func NewDecoder(open func(Header) (io.WriteCloser, error), report func(kind, detail string)) *Decoder {
	return &Decoder{open: open, report: report}
}

// Feed decodes p. The file may end within p: n is the number of bytes that belong to it, and
// done says that the line =yend was read. Its errors are those of open and of the writer.
func (d *Decoder) Feed(p []byte) (n int, done bool, err error) {
	for n < len(p) && !d.done && err == nil {
		if d.state == inControl {
			n += d.gather(p[n:])
			if c := len(d.control); c > 0 && d.control[c-1] == '\n' {
				err = d.controlLine()
			}
			continue
		}
		end := bytes.IndexByte(p[n:], '\n') + 1
		if end == 0 {
			end = len(p) - n
		}
		end, err = d.data(p[n : n+end])
		n += end
	}
	return n, d.done, err
}

// gather takes p up to a line's end. It cuts a line that is too long.
func (d *Decoder) gather(p []byte) int {
	n := bytes.IndexByte(p, '\n') + 1
	whole := n > 0
	if !whole {
		n = len(p)
	}
	line := p[:n]
	if room := longestControl - len(d.control); len(line) > room {
		line = line[:max(room, 0)]
	}
	d.control = append(d.control, line...)
	if whole && d.control[len(d.control)-1] != '\n' {
		d.control = append(d.control, '\n')
	}
	return n
}

// controlLine handles a whole line that begins with "=y".
func (d *Decoder) controlLine() error {
	line := bytes.TrimRight(d.control, "\r\n")
	d.control = d.control[:0]
	d.state, d.start = inData, true
	word := line
	if i := bytes.IndexByte(line, ' '); i >= 0 {
		word = line[:i]
	}
	v := values{fields: line[len(word):]}
	switch string(word) {
	case "=ybegin":
		name := v.cutName()
		d.header = Header{Name: name, Size: v.number("size", -1), Part: int(v.number("part", 0)), Total: int(v.number("total", 0))}
	case "=ypart":
		d.header.Begin, d.header.End = v.number("begin", 0), v.number("end", 0)
	case "=yend":
		return d.finish(v)
	}
	return nil
}

// values are the "key=value" fields of a control line, with the blank before them. They are looked
// up where they stand, since a text may have millions of such lines.
type values struct{ fields []byte }

// cutName takes the name off. It is the last field, and may have blanks in it.
func (v *values) cutName() string {
	rest, name, ok := bytes.Cut(v.fields, []byte(" name="))
	if !ok {
		return ""
	}
	v.fields = rest
	return string(bytes.Trim(bytes.TrimSpace(name), `"`))
}

// get returns a field's value, of several the last one.
func (v values) get(key string) (value []byte) {
	for field := range bytes.FieldsSeq(v.fields) {
		if k, after, _ := bytes.Cut(field, []byte("=")); string(k) == key {
			value = after
		}
	}
	return value
}

func (v values) number(key string, missing int64) int64 {
	value := v.get(key)
	if len(value) == 0 {
		return missing
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil || n < 0 {
		return missing
	}
	return n
}

// data decodes a stretch of one line, and returns how many bytes of it were data.
func (d *Decoder) data(p []byte) (int, error) {
	n := 0
	if d.escaped && d.start && p[0] == 'y' { // "=y", which two blocks may share
		d.state, d.escaped = inControl, false
		d.control = append(d.control, '=')
		return 0, nil
	}
	for n < len(p) {
		c := p[n]
		n++
		switch {
		case c == '\n':
			d.start, d.escaped = true, false
			continue
		case c == '\r':
		case d.escaped:
			d.escaped = false
			d.out = append(d.out, c-64-42)
		case c == '=':
			d.escaped = true
			if d.start && n < len(p) && p[n] == 'y' {
				return n, nil
			}
			if d.start && n == len(p) {
				return n, nil // still at the start: the next byte tells
			}
		default:
			d.out = append(d.out, c-42)
		}
		d.start = false
	}
	if len(d.out) < block {
		return n, nil
	}
	return n, d.flush()
}

// flush writes the decoded bytes. The first time it opens the file.
func (d *Decoder) flush() error {
	if !d.opened {
		d.opened = true
		var err error
		if d.w, err = d.open(d.header); err != nil {
			d.w = nil
			return err
		}
	}
	d.size += int64(len(d.out))
	d.sum = crc32.Update(d.sum, crc32.IEEETable, d.out)
	out := d.out
	d.out = d.out[:0]
	if d.w == nil || len(out) == 0 {
		return nil
	}
	_, err := d.w.Write(out)
	return err
}

// finish compares the file with its last line, and closes it.
func (d *Decoder) finish(v values) error {
	d.done = true
	if err := d.flush(); err != nil {
		return err
	}
	if h := d.header; h.Part == 0 && h.Size >= 0 && h.Size != d.size {
		d.report(WrongSize, fmt.Sprintf("%d bytes, said to be %d", d.size, h.Size))
	} else if size := v.number("size", d.size); size != d.size {
		d.report(WrongSize, fmt.Sprintf("%d bytes, said to be %d", d.size, size))
	}
	// In a piece, crc32 is the checksum of the whole file.
	said := string(v.get("pcrc32"))
	if said == "" && d.header.Part == 0 {
		said = string(v.get("crc32"))
	}
	if sum, err := strconv.ParseUint(said, 16, 32); err == nil && uint32(sum) != d.sum {
		d.report(WrongChecksum, fmt.Sprintf("%08x, said to be %08x", d.sum, sum))
	}
	return d.closeFile()
}

func (d *Decoder) closeFile() error {
	w := d.w
	d.w = nil
	if w == nil {
		return nil
	}
	return w.Close()
}

// Close ends the file, and reports [Truncated] if its end did not come. It must be called
// after an error, too.
func (d *Decoder) Close() error {
	if d.done {
		return d.closeFile()
	}
	d.done = true
	if d.state == inControl && strings.HasPrefix(string(d.control), "=yend") {
		return d.controlLine() // the last line of the message has no end
	}
	err := d.flush()
	d.report(Truncated, "no =yend line")
	if closeErr := d.closeFile(); err == nil {
		err = closeErr
	}
	return err
}
