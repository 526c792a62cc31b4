package extractor

import (
	"errors"
	"io"
	"strings"
)

// leaf is the part whose body is being read. Whatever else takes a body apart
// belongs between decoder and w, as a writer.
type leaf struct {
	decoder io.WriteCloser // nil: the body goes to w as it is
	w       io.Writer      // nil: the body is left out
	file    *file          // nil: not saved
	nested  *parser        // of an attached message
}

// file is an attachment that is being written. The name of a nameless one is
// made up from how its content begins, or from the attached message's subject.
type file struct {
	run        *run
	attachment *Attachment
	w          io.WriteCloser
	start      []byte // of the content, for a nameless one
	nested     *parser
	closed     bool
}

// sniffLength is how much of the content decides on a type.
const sniffLength = 3072

func (f *file) Write(p []byte) (int, error) {
	if f.attachment.Name == "" && len(f.start) < sniffLength {
		f.start = append(f.start, p[:min(len(p), sniffLength-len(f.start))]...)
	}
	return f.w.Write(p)
}

func (f *file) Close() error {
	if f.closed {
		return nil
	}
	f.closed = true
	if a := f.attachment; a.Name == "" {
		if f.nested != nil {
			a.Name = messageName(f.nested.subject)
		} else {
			a.Name = inventName(a.MediaType, f.start)
		}
		f.run.note(a, ProblemNoName, a.Name)
	}
	return f.w.Close()
}

// both writes to the file and to the parser of an attached message.
type both struct {
	file   io.Writer
	parser *parser
}

func (b both) Write(p []byte) (int, error) {
	if n, err := b.file.Write(p); err != nil {
		return n, err
	}
	return b.parser.Write(p)
}

// beginLeaf opens what the body of a part goes to.
func (p *parser) beginLeaf(e entity, number string, related bool) error {
	x := p.run
	p.leaf = leaf{}
	attached := e.mediaType.value == "message/rfc822" || e.mediaType.value == "message/global"
	if attached && p.depth+len(p.stack)+1 > x.limits.Depth {
		return &LimitError{"depth", int64(x.limits.Depth)}
	}
	report := func(kind ProblemKind, detail string) { x.report(number, kind, detail) }
	if attached || x.bodies || e.isAttachment(related) {
		a := x.describeLeaf(e, number, attached)
		w, err := x.open(a)
		if err != nil {
			return err
		}
		if w != nil {
			p.leaf.file = &file{run: x, attachment: a, w: w}
			p.leaf.w = p.leaf.file
			x.message.Attachments++
		}
		report = func(kind ProblemKind, detail string) { x.note(a, kind, detail) }
	}
	if attached {
		p.leaf.enter(newParser(x, number, p.depth+len(p.stack)+1))
	}
	p.leaf.decode(e.encoding, report)
	return nil
}

// describeLeaf says of a part what its header tells.
func (x *run) describeLeaf(e entity, number string, attached bool) *Attachment {
	// Cloned, so that a field of many kilobytes does not live on in each of them.
	a := &Attachment{
		Part: number, OriginalName: strings.Clone(e.name), MediaType: strings.Clone(e.mediaType.value),
		Disposition: e.dispositionType(), ContentID: strings.Clone(e.contentID),
	}
	for _, problem := range e.problems {
		x.note(a, problem.Kind, problem.Detail)
	}
	if e.name == "" {
		return a
	}
	a.Name = strings.Clone(SafeName(e.name))
	if a.Name != e.name {
		x.note(a, ProblemNameCleaned, clip(e.name))
	}
	if attached && a.Name != "" && !strings.Contains(a.Name, ".") {
		a.Name = SafeName(CutName(a.Name, maxName-len(".eml")) + ".eml")
	}
	return a
}

// enter makes the leaf's body go to the parser of an attached message as well.
func (l *leaf) enter(nested *parser) {
	l.nested = nested
	if l.file == nil {
		l.w = nested
		return
	}
	l.file.nested = nested
	l.w = both{l.file, nested}
}

// decode puts a decoder before what the body goes to.
func (l *leaf) decode(e encoding, report func(ProblemKind, string)) {
	if l.w == nil {
		return
	}
	switch e {
	case base64Encoding:
		l.decoder = &base64Decoder{w: l.w, report: report}
	case quotedPrintable:
		l.decoder = &qpDecoder{w: l.w, report: report}
	}
}

// write gives the leaf a stretch of its body.
func (l *leaf) write(b []byte) error {
	if l.w == nil || len(b) == 0 {
		return nil
	}
	var err error
	if l.decoder != nil {
		_, err = l.decoder.Write(b)
	} else {
		_, err = l.w.Write(b)
	}
	return err
}

// end closes what the leaf opened, the attached message's parts first.
func (l *leaf) end() error {
	var decoded, nested, file error
	if l.decoder != nil {
		decoded = l.decoder.Close()
	}
	if l.nested != nil {
		if nested = l.nested.Close(); nested != nil {
			l.nested.abort()
		}
	}
	if l.file != nil {
		file = l.file.Close()
	}
	*l = leaf{}
	return errors.Join(decoded, nested, file)
}

// abort closes all writers after an error; what they hold is discarded by the
// caller, so that errors of closing say nothing new.
func (l *leaf) abort() {
	if l.nested != nil {
		l.nested.abort()
	}
	if l.file != nil {
		_ = l.file.Close()
	}
	*l = leaf{}
}
