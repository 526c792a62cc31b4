package extractor

import (
	"bytes"
	"io"
	"strconv"

	"golang.org/x/text/encoding/charmap"

	"github.com/attachd/attachd/extractor/binhex"
	"github.com/attachd/attachd/extractor/yenc"
)

// textScanner finds the uuencoded, yEnc and BinHex files within a text. It passes over the
// text itself.
type textScanner struct {
	run *run
	at  place

	lines   lines
	state   func(s *textScanner, line []byte) error
	found   int
	trouble bool // a file did not come out whole
	binHex  bool // the text is BinHex, with or without its first line

	file   content
	opened *Attachment
	name   string // on the line that begins a file
	base64 *base64Decoder
	feeder feeder
	out    []byte
}

// feeder decodes a file, and knows where it ends.
type feeder interface {
	Feed(p []byte) (n int, done bool, err error)
	Close() error
}

func newTextScanner(x *run, at place) *textScanner {
	s := &textScanner{run: x, at: at, state: (*textScanner).text}
	s.lines.bounds = func(line []byte) error { return s.state(s, line) }
	return s
}

// Write implements io.Writer.
func (s *textScanner) Write(p []byte) (int, error) {
	all := len(p)
	for len(p) > 0 {
		if s.feeder == nil {
			n, err := s.lines.write(p)
			if err != nil {
				return 0, err
			}
			p = p[n:]
			continue
		}
		n, done, err := s.feeder.Feed(p)
		if err == nil && done {
			err = s.end()
		}
		if err != nil {
			return 0, err
		}
		p = p[n:]
	}
	return all, nil
}

const binhexMark = "(This file must be converted with BinHex"

// text looks at a line outside of files.
func (s *textScanner) text(line []byte) error {
	if len(line) == 0 {
		return nil
	}
	switch line[0] {
	case 'b':
		if name, inBase64, ok := uuBegin(line); ok {
			s.name = name
			if s.state = (*textScanner).uuFirst; inBase64 {
				s.state = (*textScanner).base64First
			}
		}
	case '=':
		if bytes.HasPrefix(line, []byte("=ybegin ")) && bytes.Contains(line, []byte(" line=")) && bytes.Contains(line, []byte(" size=")) {
			return s.feed(yenc.NewDecoder(func(h yenc.Header) (io.WriteCloser, error) {
				name := h.Name
				if h.Part > 0 && h.Total != 1 {
					name += "." + pieceNumber(h.Part) // the other pieces are in other messages
				}
				return s.open("yenc", name)
			}, s.reportAs(ProblemYEnc)), line)
		}
	case '(':
		if bytes.HasPrefix(line, []byte(binhexMark)) {
			return s.feedBinHex(line)
		}
	case ':':
		if s.binHex {
			return s.feedBinHex(line)
		}
	}
	return nil
}

// pieceNumber returns the number of a file's piece, with zeros before it so that pieces
// sort.
func pieceNumber(n int) string {
	digits := strconv.Itoa(n)
	for len(digits) < 3 {
		digits = "0" + digits
	}
	return digits
}

// open begins a file that was found.
func (s *textScanner) open(container, name string) (io.WriteCloser, error) {
	s.found++
	at := s.at.within(s.found)
	s.opened = &Attachment{Part: at.number, Container: container, MediaType: "application/octet-stream", Disposition: "attachment"}
	s.run.setName(s.opened, texts{func(kind ProblemKind, detail string) { s.run.note(s.opened, kind, detail) }, s.run.charset}.decode(name))
	c, err := s.run.begin(s.opened, at)
	s.file = c
	return closing{s}, err
}

// closing is the open file as its decoder sees it: the decoder closes it.
type closing struct{ s *textScanner }

func (c closing) Write(p []byte) (int, error) { return c.s.file.Write(p) }
func (c closing) Close() error                { return c.s.file.end() }

// report notes a problem of the open file, or of the text if none is open.
func (s *textScanner) report(kind ProblemKind, detail string) {
	s.trouble = true
	if s.opened != nil {
		s.run.note(s.opened, kind, detail)
		return
	}
	s.run.report(s.at.number, kind, detail)
}

func (s *textScanner) reportAs(kind ProblemKind) func(what, detail string) {
	return func(what, detail string) {
		if detail != "" {
			what += ": " + detail
		}
		s.report(kind, what)
	}
}

// again looks at a line that turned out to be behind a file.
func (s *textScanner) again(line []byte) error {
	s.state, s.opened = (*textScanner).text, nil
	return s.text(line)
}

// uuFirst looks at the line behind "begin", since a letter may begin with that word.
func (s *textScanner) uuFirst(line []byte) error {
	if len(line) == 0 {
		return nil
	}
	if _, ok := decodeUULine(nil, line); !ok && !isUUEnd(line) {
		return s.again(line)
	}
	if _, err := s.open("uuencode", s.name); err != nil {
		return err
	}
	s.state = (*textScanner).uuLine
	return s.uuLine(line)
}

func (s *textScanner) uuLine(line []byte) error {
	if isUUEnd(line) {
		return s.end()
	}
	if len(line) == 0 {
		return nil
	}
	out, ok := decodeUULine(s.out, line)
	if !ok {
		s.report(ProblemUUEncode, "no end line")
		if err := s.end(); err != nil {
			return err
		}
		return s.again(line)
	}
	if s.out = out; len(out) < uuBlock {
		return nil
	}
	return s.flush()
}

// base64First looks at the line behind "begin-base64".
func (s *textScanner) base64First(line []byte) error {
	if len(line) == 0 {
		return nil
	}
	for _, c := range line {
		if v := base64Value(c); v >= base64Blank && v != base64Pad {
			return s.again(line)
		}
	}
	if _, err := s.open("uuencode", s.name); err != nil {
		return err
	}
	s.base64 = &base64Decoder{w: &s.file, report: s.report}
	s.state = (*textScanner).base64Line
	return s.base64Line(line)
}

func (s *textScanner) base64Line(line []byte) error {
	if string(bytes.TrimSpace(line)) == "====" {
		return s.end()
	}
	// A decoder takes many lines at once far faster than one by one.
	if s.out = append(append(s.out, line...), '\n'); len(s.out) < uuBlock {
		return nil
	}
	return s.flush()
}

// feed gives a decoder the first line of a file. Write gives it the rest, whose lines may
// have any length.
func (s *textScanner) feed(f feeder, line []byte) error {
	s.feeder, s.lines.stop = f, true
	s.out = append(append(s.out[:0], line...), '\n')
	_, done, err := f.Feed(s.out)
	s.out = s.out[:0]
	if err != nil || !done {
		return err
	}
	return s.end()
}

func (s *textScanner) feedBinHex(line []byte) error {
	return s.feed(binhex.NewDecoder(func(name string) (io.WriteCloser, error) {
		if decoded, err := charmap.Macintosh.NewDecoder().String(name); err == nil {
			name = decoded
		}
		return s.open("binhex", name)
	}, s.reportAs(ProblemBinHex)), line)
}

func (s *textScanner) flush() error {
	if len(s.out) == 0 {
		return nil
	}
	var w io.Writer = &s.file
	if s.base64 != nil {
		w = s.base64
	}
	_, err := w.Write(s.out)
	s.out = s.out[:0]
	return err
}

// end ends the open file.
func (s *textScanner) end() error {
	err := s.flush()
	if s.base64 != nil && err == nil {
		err = s.base64.Close()
	}
	if s.feeder != nil && err == nil {
		err = s.feeder.Close()
	}
	if err == nil {
		err = s.file.end()
	}
	s.base64, s.feeder, s.opened = nil, nil, nil
	s.state = (*textScanner).text
	return err
}

// finish implements unpacker.
func (s *textScanner) finish() (whole bool, err error) {
	if err := s.lines.close(); err != nil {
		return false, err
	}
	if s.opened != nil && s.feeder == nil {
		s.report(ProblemUUEncode, "no end line")
	}
	if err := s.end(); err != nil {
		return false, err
	}
	return s.found > 0 && !s.trouble, nil
}

// abort implements unpacker.
func (s *textScanner) abort() { s.file.abort() }
