package tnef

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// File is one attachment of a TNEF stream. Its fields are complete when its writer is
// closed; before that they may be empty.
type File struct {
	Name      string // the sender's long name, or else the short one; "" for none
	MediaType string // as declared, lower case; "" for none
	ContentID string // without brackets (RFC 2392)
	Embedded  bool   // an attached message, as a TNEF stream; known when the writer is opened
	Depth     int    // how many attached messages are around it; known when the writer is opened
	Inline    bool   // shown within the text, or hidden from lists of attachments
	Damaged   bool   // the content has a wrong checksum, or is cut off
}

// Options say how to decode. A zero limit takes its default.
type Options struct {
	RTF      bool // the RTF text of each message comes out as well, as "message.rtf"
	MaxDepth int  // attached messages within each other; 10
	MaxFiles int  // files opened; 1,000
	// MaxBytes bounds the bytes written to all files; no limit by default. They come to
	// MaxDepth+8 times the stream at most.
	MaxBytes int64
	// Guess, if set, returns in UTF-8 a text of a code page that the decoder does not know.
	// codePage is 0 if the stream names none. Without Guess, windows-1252 is assumed.
	Guess func(codePage uint32, text string) string
	// Report, if set, is called for the first hundred problems, with the kind of the problem
	// and what was found or where.
	Report func(kind, detail string)
}

// The kinds of problems that are reported.
const (
	// The stream or an attached message is no TNEF, or nothing in it can be read.
	ProblemFormat = "no-tnef"
	// An attribute has another checksum than announced.
	ProblemChecksum = "wrong-checksum"
	// The stream or a value in it ends early.
	ProblemTruncated = "truncated"
	// Bytes behind the last attribute are no attribute.
	ProblemGarbage = "garbage"
	// A property can't be read, and so can't the properties behind it.
	ProblemProperty = "bad-property"
	// An attachment is a reference only, or its content is missing.
	ProblemNoContent = "no-content"
	// An attachment has a second content, which becomes a file of its own.
	ProblemSecondContent = "second-content"
	// A name or the like is too long, and was passed over.
	ProblemLongText = "long-text"
	// A name's code page is unknown: it was guessed, or taken for windows-1252.
	ProblemCodePage = "unknown-code-page"
	// Compressed RTF does not fit its header.
	ProblemRTF = "bad-rtf"
)

const maxReports = 100

// ErrFormat is the error of [Decoder.Close] for a stream that is no TNEF, or has nothing
// readable in it.
var ErrFormat = errors.New("read TNEF: no TNEF stream")

// LimitError is the error of a stream beyond a limit of the [Options].
type LimitError struct {
	Limit string // "depth", "files" or "bytes"
	Value int64  // the limit
}

// Error says which limit it is, and its value.
func (e *LimitError) Error() string {
	if e.Limit == "depth" {
		return fmt.Sprintf("read TNEF: messages are nested more than %d deep", e.Value)
	}
	return fmt.Sprintf("read TNEF: more than %d %s", e.Value, e.Limit)
}

// Decoder decodes one TNEF stream and writes its attachments. Use [NewDecoder].
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

// NewDecoder returns a decoder that calls open for each attachment when its content begins.
// The attachments of an attached message are opened while its own file is open. A nil writer
// leaves the file out; the attachments of an attached message come out all the same. The
// decoder closes every writer.
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

// Write decodes the next bytes of the stream. Its errors are those of open and of the
// writers, and [*LimitError]. After an error only Close is of use.
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

// Close ends the stream and closes all writers. It must be called after an error, too. It
// returns the error of Write if there was one, and [ErrFormat] if nothing in the stream
// could be read.
func (d *Decoder) Close() error {
	if d.closed {
		return d.err
	}
	d.closed = true
	if d.err == nil {
		d.err = d.stream.end()
	}
	for _, o := range slices.Backward(d.outputs) {
		_ = o.w.Close() // they are open after an error only, which says it all
	}
	d.outputs = nil
	if d.err == nil && !d.stream.readable {
		d.err = ErrFormat
	}
	return d.err
}

// Damaged reports, after Close, whether anything in the stream could not be read or written.
// The original then has something that the files have not.
func (d *Decoder) Damaged() bool { return d.damaged }

// report reports something odd. The detail is a format.
func (d *Decoder) report(kind, format string, args ...any) {
	if d.options.Report == nil || d.reports == maxReports {
		return
	}
	d.reports++
	d.options.Report(kind, fmt.Sprintf(format, args...))
}

// damage reports something that is lost.
func (d *Decoder) damage(kind, format string, args ...any) {
	d.damaged = true
	d.report(kind, format, args...)
}

// output is a file that is being written.
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
