package tnef

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// File is what a TNEF stream says of one attachment. Its fields are complete when
// the writer that was opened for it is closed; before that they may be empty.
type File struct {
	Name      string // the long name, else the short one, as the sender gave it; "" when there is none
	MediaType string // as declared, lower case; "" when there is none
	ContentID string // without brackets
	Embedded  bool   // an attached message, as a TNEF stream; known when the writer is opened
	Depth     int    // attached messages around it; known when the writer is opened
	Inline    bool   // shown within the text (PidTagAttachFlags) or hidden from lists of attachments
	Damaged   bool   // the content has a wrong checksum or is cut off
}

// Options say how to decode. A zero limit takes its default.
type Options struct {
	RTF      bool  // the RTF body of each message comes out as well, as "message.rtf"
	MaxDepth int   // attached messages within each other: 10
	MaxFiles int   // opened in all: 1,000
	MaxBytes int64 // put out in all: no limit; without one, MaxDepth+8 times the input are the most
	// Guess, when set, reads a text whose code page is none that the decoder knows, 0
	// when the stream names none; without it windows-1252 is assumed.
	Guess func(codePage uint32, text string) string
	// Report, when set, is told of the first hundred oddities: of which kind, and where or what.
	Report func(kind, detail string)
}

// The kinds of problems that Options.Report is told of.
const (
	ProblemFormat        = "no-tnef"           // the stream, or an attached message, is no TNEF or holds nothing that can be read
	ProblemChecksum      = "wrong-checksum"    // of an attribute
	ProblemTruncated     = "truncated"         // the stream, or a value in it, ends early
	ProblemGarbage       = "garbage"           // what is behind the last attribute is none
	ProblemProperty      = "bad-property"      // one that cannot be read, nor what is behind it
	ProblemNoContent     = "no-content"        // an attachment is a reference only, or its content is missing
	ProblemSecondContent = "second-content"    // of one attachment; it becomes a file of its own
	ProblemLongText      = "long-text"         // a name or the like is passed over
	ProblemCodePage      = "unknown-code-page" // of a name, which is guessed or taken for windows-1252
	ProblemRTF           = "bad-rtf"           // compressed RTF does not fit its header
)

const maxReports = 100

// ErrFormat is what Close returns when the stream is no TNEF or holds nothing that
// can be read.
var ErrFormat = errors.New("read TNEF: no TNEF stream")

// LimitError is the error of a stream that goes beyond one of the Options' limits.
type LimitError struct {
	Limit string // "depth", "files" or "bytes"
	Value int64
}

// Error says which limit it was.
func (e *LimitError) Error() string {
	if e.Limit == "depth" {
		return fmt.Sprintf("read TNEF: messages are nested more than %d deep", e.Value)
	}
	return fmt.Sprintf("read TNEF: more than %d %s", e.Value, e.Limit)
}

// Decoder takes one TNEF stream and puts out what is attached. Use NewDecoder.
type Decoder struct {
	options Options
	open    func(*File) (io.WriteCloser, error)

	stream  *stream
	outputs []*output // open
	files   int
	bytes   int64
	reports int
	damaged bool
	closed  bool
	err     error
}

// NewDecoder returns a decoder that calls open for each attachment when its content
// begins. Files of an attached message are opened while its own file is. A nil
// writer leaves the file out; what is attached to an attached message comes all the
// same.
func NewDecoder(o Options, open func(*File) (io.WriteCloser, error)) *Decoder {
	if o.MaxDepth <= 0 {
		o.MaxDepth = 10
	}
	if o.MaxFiles <= 0 {
		o.MaxFiles = 1000
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = math.MaxInt64
	}
	d := &Decoder{options: o, open: open}
	d.stream = newStream(d, 0, 0)
	return d
}

// Write decodes the next bytes of the stream. Its errors are those of open and of
// the writers, and *LimitError; after one of them only Close is of use.
func (d *Decoder) Write(p []byte) (int, error) {
	if d.err == nil && d.closed {
		d.err = errors.New("read TNEF: write after Close")
	}
	if d.err == nil {
		d.err = d.stream.write(p)
	}
	if d.err != nil {
		return 0, d.err
	}
	return len(p), nil
}

// Close ends the stream and closes all writers; it must be called after an error
// too. It returns the error of Write when there was one, and ErrFormat when nothing
// could be made of the stream.
func (d *Decoder) Close() error {
	if d.closed {
		return d.err
	}
	d.closed = true
	if d.err == nil {
		d.err = d.stream.end()
	}
	for _, o := range slices.Backward(d.outputs) {
		_ = o.w.Close() // after an error, which says it all
	}
	d.outputs = nil
	if d.err == nil && !d.stream.readable {
		d.err = ErrFormat
	}
	return d.err
}

// Damaged reports, after Close, whether anything in the stream could not be read or
// put out, so that the original holds what the files do not.
func (d *Decoder) Damaged() bool { return d.damaged }

// report tells of something odd. The detail is a format.
func (d *Decoder) report(kind, format string, args ...any) {
	if d.options.Report == nil || d.reports == maxReports {
		return
	}
	d.reports++
	d.options.Report(kind, fmt.Sprintf(format, args...))
}

// damage tells of something that is lost.
func (d *Decoder) damage(kind, format string, args ...any) {
	d.damaged = true
	d.report(kind, format, args...)
}

// output is a file that is being put out.
type output struct {
	d    *Decoder
	file *File
	w    io.WriteCloser // nil: left out
}

// create opens a file.
func (d *Decoder) create(f *File) (*output, error) {
	if d.files++; d.files > d.options.MaxFiles {
		return nil, &LimitError{"files", int64(d.options.MaxFiles)}
	}
	w, err := d.open(f)
	if err != nil {
		return nil, err
	}
	o := &output{d, f, w}
	if w != nil {
		d.outputs = append(d.outputs, o)
	}
	return o, nil
}

func (o *output) write(p []byte) error {
	if o.w == nil || len(p) == 0 {
		return nil
	}
	if o.d.bytes += int64(len(p)); o.d.bytes > o.d.options.MaxBytes {
		return &LimitError{"bytes", o.d.options.MaxBytes}
	}
	_, err := o.w.Write(p)
	return err
}

func (o *output) close() error {
	if o.w == nil {
		return nil
	}
	o.d.outputs = slices.DeleteFunc(o.d.outputs, func(other *output) bool { return other == o })
	return o.w.Close()
}
