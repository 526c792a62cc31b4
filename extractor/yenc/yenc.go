// Package yenc decodes yEnc 1.3, the encoding of binary files within text that
// Usenet uses and its mail gateways pass on (yenc.org).
//
// A file is a line "=ybegin" with its name and size, lines of data, and a line
// "=yend" with a checksum; a piece of a file has a line "=ypart" behind the first.
// The data are bytes plus 42, with a few of them escaped.
//
// # Limits and guarantees
//
// Memory does not grow with the file, and how it is cut into blocks never changes
// what comes out. Wrong sizes and checksums, and a missing end, are reported; what
// was there is kept. Pieces are not put together: that takes the other messages.
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
	Name  string // as it was sent; it may be anything
	Size  int64  // of the whole file; -1 when it is not said
	Part  int    // number of this piece, from 1; 0 for a file in one
	Total int    // pieces; 0 when it is not said
	Begin int64  // offset of this piece's first byte, from 1; 0 when it is not said
	End   int64  // and of its last
}

// The kinds of problems that a report function is told.
const (
	WrongSize     = "wrong-size"
	WrongChecksum = "wrong-checksum"
	Truncated     = "truncated" // no =yend line
)

const (
	longestControl = 4 << 10
	block          = 32 << 10
)

// Decoder decodes one file. Use [NewDecoder].
type Decoder struct {
	open   func(Header) (io.WriteCloser, error)
	report func(kind, detail string)

	state   state
	control []byte // a line that begins with "=y"
	start   bool   // at the beginning of a line of data
	escaped bool   // the next byte is
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

// NewDecoder returns a decoder that is fed from the beginning of an =ybegin line
// on. It calls open when the data begin; a nil writer leaves the file out.
func NewDecoder(open func(Header) (io.WriteCloser, error), report func(kind, detail string)) *Decoder {
	return &Decoder{open: open, report: report}
}

// Feed decodes p, of which the file may end within: n says how much was taken, and
// done that the line =yend is over. Its errors are those of open and the writer.
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

// gather takes p up to a line's end. Of a line that is too long only the beginning is kept.
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
	line := string(bytes.TrimRight(d.control, "\r\n"))
	d.control = d.control[:0]
	d.state, d.start = inData, true
	word, fields, _ := strings.Cut(line, " ")
	values := parse(fields, word == "=ybegin")
	switch word {
	case "=ybegin":
		d.header = Header{Name: values["name"], Size: number(values, "size", -1), Part: int(number(values, "part", 0)), Total: int(number(values, "total", 0))}
	case "=ypart":
		d.header.Begin, d.header.End = number(values, "begin", 0), number(values, "end", 0)
	case "=yend":
		return d.finish(values)
	}
	return nil
}

// parse reads "key=value" fields. A name is the last one and may hold blanks.
func parse(fields string, named bool) map[string]string {
	values := make(map[string]string)
	if named {
		if i := strings.Index(" "+fields, " name="); i >= 0 {
			values["name"] = strings.Trim(strings.TrimSpace(fields[i+len("name="):]), `"`)
			fields = fields[:i]
		}
	}
	for _, field := range strings.Fields(fields) {
		key, value, _ := strings.Cut(field, "=")
		values[key] = value
	}
	return values
}

func number(values map[string]string, key string, missing int64) int64 {
	n, err := strconv.ParseInt(values[key], 10, 64)
	if err != nil || n < 0 {
		return missing
	}
	return n
}

// data decodes a stretch of one line and returns how much of it was data.
func (d *Decoder) data(p []byte) (int, error) {
	n := 0
	if d.escaped && d.start && p[0] == 'y' { // "=y", in two blocks perhaps
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

// flush opens the file, when that is still to be done, and writes what is decoded.
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

// finish compares the file with what its last line says, and closes it.
func (d *Decoder) finish(values map[string]string) error {
	d.done = true
	if err := d.flush(); err != nil {
		return err
	}
	if h := d.header; h.Part == 0 && h.Size >= 0 && h.Size != d.size {
		d.report(WrongSize, fmt.Sprintf("%d bytes, said to be %d", d.size, h.Size))
	} else if size := number(values, "size", d.size); size != d.size {
		d.report(WrongSize, fmt.Sprintf("%d bytes, said to be %d", d.size, size))
	}
	// Of a piece crc32 is that of the whole file.
	said := values["pcrc32"]
	if said == "" && d.header.Part == 0 {
		said = values["crc32"]
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

// Close ends a file whose end did not come. It must be called after an error, too.
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
