package extractor

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"strings"
)

// leaf is the part whose body is being read: through the decoder of its transfer
// encoding, if it has one, to what its content goes to.
type leaf struct {
	decoder io.WriteCloser // nil: the body goes to w as it is
	w       io.Writer      // nil: the body is left out
	content content
}

// beginLeaf opens what the body of a part goes to. enclosing is the media type of
// the multipart that it stands in.
func (p *parser) beginLeaf(e entity, number string, enclosing string) error {
	x := p.run
	p.leaf = leaf{}
	if enclosing == "multipart/appledouble" && p.isResourceFork(&e) {
		return nil
	}
	at := place{number: number, depth: p.depth + len(p.stack) + 1, containers: p.containers}
	body := !isMessage(e.mediaType.value) && !e.isAttachment(enclosing == "multipart/related", x.options.Inline)
	if !body || x.bodies {
		a := x.describeLeaf(e, number)
		a.Inline = a.Disposition != "attachment" && strings.HasPrefix(a.MediaType, "image/") && (enclosing == "multipart/related" || a.ContentID != "")
		if err := p.leaf.open(x, a, at); err != nil {
			return err
		}
	}
	if body && e.mediaType.value == "text/plain" {
		p.leaf.content.unpacker = newTextScanner(x, at)
		p.leaf.w = &p.leaf.content
	}
	if e.encoding == textEncoding && p.leaf.content.unpacker == nil {
		s := newTextScanner(x, at)
		s.binHex = true
		p.leaf.content.unpacker = s
		p.leaf.w = &p.leaf.content
	}
	p.leaf.decode(e.encoding, x, number)
	return nil
}

// isResourceFork reports whether a part of a multipart/appledouble is the half that
// means nothing outside of a Macintosh (RFC 1740 section 4). Its name is kept for the other half.
func (p *parser) isResourceFork(e *entity) bool {
	top := &p.stack[len(p.stack)-1]
	if e.mediaType.value == "application/applefile" {
		top.fileName = e.name
		return true
	}
	if e.name == "" {
		e.name = top.fileName
	}
	return false
}

func isMessage(mediaType string) bool {
	return mediaType == "message/rfc822" || mediaType == "message/global" || mediaType == "message/news"
}

// describeLeaf says of a part what its header tells.
func (x *run) describeLeaf(e entity, number string) *Attachment {
	// Cloned, so that a field of many kilobytes does not live on in each of them.
	a := &Attachment{
		Part: number, MediaType: strings.Clone(e.mediaType.value),
		Disposition: e.dispositionType(), ContentID: strings.Clone(e.contentID), Fragment: e.fragment(),
	}
	for _, problem := range e.problems {
		x.note(a, problem.Kind, problem.Detail)
	}
	x.setName(a, cmp.Or(e.name, e.otherName))
	if isMessage(a.MediaType) && a.Name != "" && !strings.Contains(a.Name, ".") {
		a.Name = SafeName(CutName(a.Name, maxName-len(".eml")) + ".eml")
	}
	return a
}

// setName gives an attachment its name from the sender's.
func (x *run) setName(a *Attachment, name string) {
	a.OriginalName = strings.Clone(name)
	a.Name = strings.Clone(SafeName(name))
	if a.Name != name {
		x.note(a, ProblemNameCleaned, clip(name))
	}
}

// open begins the content of an attachment.
func (l *leaf) open(x *run, a *Attachment, at place) error {
	c, err := x.begin(a, at)
	l.content = c
	if l.content.file != nil || l.content.unpacker != nil {
		l.w = &l.content
	}
	return err
}

// decode puts a decoder before what the body goes to.
func (l *leaf) decode(e encoding, x *run, number string) {
	if l.w == nil {
		return
	}
	report := func(kind ProblemKind, detail string) { x.report(number, kind, detail) }
	f := l.content.file
	if f != nil {
		report = func(kind ProblemKind, detail string) { x.note(f.attachment, kind, detail) }
	}
	switch e {
	case base64Encoding:
		l.decoder = &base64Decoder{w: l.w, report: report}
		if _, message := l.content.unpacker.(*parser); message {
			l.decoder = &honestDecoder{w: l.w, encoded: l.decoder, report: report}
		}
	case quotedPrintable:
		l.decoder = &qpDecoder{w: l.w, report: report}
	case uuencodeEncoding:
		l.decoder = &uuDecoder{w: l.w, report: report, named: func(name string) {
			if f != nil && f.attachment.Name == "" {
				x.setName(f.attachment, texts{report, x.charset}.decode(name))
			}
		}}
	}
}

// honestDecoder is for attached messages that are said to be base64, of which some
// are not: they begin with a field, and base64 has no colon.
type honestDecoder struct {
	w       io.Writer
	encoded io.WriteCloser
	report  func(ProblemKind, string)
	start   []byte
	chosen  io.Writer // nil before the first line has been seen
}

func (d *honestDecoder) Write(p []byte) (int, error) {
	if d.chosen != nil {
		return d.chosen.Write(p)
	}
	d.start = append(d.start, p...)
	line := bytes.TrimLeft(d.start, " \t\r\n")
	if bytes.IndexByte(line, '\n') < 0 && len(line) < longestFieldName {
		return len(p), nil
	}
	return len(p), d.choose()
}

func (d *honestDecoder) choose() error {
	d.chosen = d.encoded
	if _, _, ok := splitField(bytes.TrimLeft(d.start, " \t\r\n")); ok {
		d.chosen = d.w
		d.report(ProblemEncoding, "said to be base64")
	}
	_, err := d.chosen.Write(d.start)
	d.start = nil
	return err
}

func (d *honestDecoder) Close() error {
	if d.chosen == nil {
		if err := d.choose(); err != nil {
			return err
		}
	}
	return d.encoded.Close()
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

// end closes what the leaf opened.
func (l *leaf) end() error {
	var decoded error
	if l.decoder != nil {
		decoded = l.decoder.Close()
	}
	err := errors.Join(decoded, l.content.end())
	*l = leaf{}
	return err
}

// abort closes all writers after an error; what they hold is discarded by the
// caller, so that errors of closing say nothing new.
func (l *leaf) abort() {
	l.content.abort()
	*l = leaf{}
}
