package extractor

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"strings"
	"sync"
)

// leaf is the part whose body is being read. The body goes through the decoder of its
// transfer encoding, if it has one, to its content. Both are chosen when the beginning of
// the body has been seen.
type leaf struct {
	entity  entity
	number  string
	own     bool   // the message's own text, by its header
	waiting bool   // for the beginning of the body
	start   []byte // the beginning of the body, in a buffer of the pool

	decoder io.WriteCloser // nil: the body goes to w as it is
	w       io.Writer      // nil: the body is left out
	content content
	failed  error // of a decision in a function that can't return it
}

// beginLeaf begins a part that is no multipart.
func (p *parser) beginLeaf(e entity, number string, own bool) error {
	p.leaf.clear()
	p.state = inBody
	p.run.leaves++
	if p.isResourceFork(&e) {
		p.run.report(number, ProblemResourceFork, clip(e.name))
		return nil
	}
	p.leaf.entity, p.leaf.number, p.leaf.own, p.leaf.waiting = e, number, own, true
	return nil
}

// writeLeaf gives the leaf a stretch of its body.
func (p *parser) writeLeaf(b []byte) error {
	l := &p.leaf
	if !l.waiting {
		return l.write(b)
	}
	room := bodyWindow - len(l.start)
	if len(l.start) == 0 && room <= len(b) {
		if err := p.decideLeaf(b[:bodyWindow]); err != nil {
			return err
		}
		return l.write(b)
	}
	if l.start == nil {
		l.start = bodyStarts.Get().(*[bodyWindow]byte)[:0]
	}
	if len(b) < room {
		l.start = append(l.start, b...)
		return nil
	}
	l.start = append(l.start, b[:room]...)
	if err := p.decideStart(); err != nil {
		return err
	}
	return l.write(b[room:])
}

var bodyStarts = sync.Pool{New: func() any { return new([bodyWindow]byte) }}

// forgetStart gives the buffer back.
func (l *leaf) forgetStart() {
	if l.start != nil {
		bodyStarts.Put((*[bodyWindow]byte)(l.start[:bodyWindow]))
		l.start = nil
	}
}

// decideStart decides on the beginning of a body, which may be all of it.
func (p *parser) decideStart() error {
	l := &p.leaf
	if !l.waiting {
		return nil
	}
	if err := p.decideLeaf(l.start); err != nil {
		return err
	}
	err := l.write(l.start)
	l.forgetStart()
	return err
}

// endLeaf closes what the leaf opened.
func (p *parser) endLeaf() error {
	if err := p.decideStart(); err != nil {
		return err
	}
	return p.leaf.end()
}

// decideLeaf opens the content of a part, by the part's header and the beginning of its
// body.
func (p *parser) decideLeaf(start []byte) error {
	x, l := p.run, &p.leaf
	l.waiting = false
	e := &l.entity
	known := len(e.problems)
	encoding := chooseEncoding(e.encodings, start, e.mediaType.value, cmp.Or(e.name, e.otherName), e.report)
	if l.own && encoding == identity && isBase64(bytes.TrimSpace(firstLine(start))) && formatIn(decodeStart(base64Encoding, start[:min(len(start), textWindow)])).binary() {
		encoding = base64Encoding
		e.report(ProblemEncoding, "base64, and not said to be")
	}
	if l.own && isFileInText(decodeStart(encoding, start[:min(len(start), textWindow)]), e) {
		l.own = false
		e.report(ProblemFileInText, e.mediaType.value)
	}
	if l.own && e.mistyped {
		e.report(ProblemUntypedText, "")
	}
	if len(start) == 0 && isText(e.mediaType.value) && e.name == "" && e.dispositionType() != "attachment" {
		l.own = true // nobody sent an empty text without a name as a file
	}
	shown := p.isShown(e)
	body := l.own || shown && e.name == "" && x.options.Inline != InlineAll && p.stack[len(p.stack)-1].mediaType == "multipart/related"
	at := p.inside(l.number)
	if body {
		x.texts++
		for _, problem := range e.problems[known:] {
			x.report(l.number, problem.Kind, problem.Detail)
		}
	}
	if !body || x.bodies {
		a := x.describeLeaf(*e, l.number)
		a.Inline = shown
		if err := l.open(x, a, at); err != nil {
			return err
		}
	}
	switch {
	case encoding == textEncoding && l.content.unpacker == nil:
		s := newTextScanner(x, at)
		s.binHex = true
		l.unpackWith(s)
	case l.own && e.untyped && guessBoundary(start) != "":
		// QUIRK: the Content-Type of a multipart got lost.
		guess := guessBoundary(start)
		x.report(l.number, ProblemWrongBoundary, clip(guess))
		l.unpackWith(p.nested(multipart{boundary: guess, mediaType: "multipart/mixed", number: p.number, closed: true, doubtful: true}))
	case body && e.mediaType.value == "text/plain":
		l.unpackWith(newTextScanner(x, at))
	case body && e.mediaType.value == "text/html" && len(p.stack) > 0:
		l.unpackWith(&htmlScanner{pictures: &p.pictures})
	case !body && l.content.unpacker == nil && boundaryOf(e.mediaType) != "" && !p.entered:
		// QUIRK: a leaf by its type has the boundary of a multipart. It is kept as it is,
		// and so are the parts between its boundaries. A leaf with a boundary within
		// another one is not entered: a hundred of them would be a hundred copies.
		nested := p.nested(multipart{boundary: boundaryOf(e.mediaType), mediaType: "multipart/mixed", number: l.number, closed: true, doubtful: true})
		nested.entered = true
		l.unpackWith(nested)
	}
	l.decode(encoding, x, l.number)
	l.entity = entity{} // a hundred messages within each other would hold a hundred headers
	return nil
}

// textWindow is how many bytes of a declared text tell whether it is one.
const textWindow = 1 << 10

// decodeStart decodes the beginning of a body to look at it.
func decodeStart(e encoding, start []byte) []byte {
	switch e {
	case base64Encoding:
		lines, _, _ := base64Lines(start)
		return decodeB(string(lines))
	case quotedPrintable:
		var b bytes.Buffer
		d := &qpDecoder{w: &b, report: ignore}
		_, _ = d.Write(start) // a buffer takes everything
		_ = d.Close()
		return b.Bytes()
	}
	return start
}

// nested returns a parser for what stands between the boundaries of m.
func (p *parser) nested(m multipart) *parser {
	at := p.inside(m.number)
	at.depth--
	nested := newParser(p.run, at)
	nested.stack = append(nested.stack, m)
	nested.state = inGap
	nested.eol = p.eol
	return nested
}

// isResourceFork reports whether a part is the resource fork of a multipart/appledouble,
// which means nothing outside of a Macintosh (RFC 1740 section 4). Its name is kept for the
// data fork.
func (p *parser) isResourceFork(e *entity) bool {
	if len(p.stack) == 0 {
		return false
	}
	top := &p.stack[len(p.stack)-1]
	if top.mediaType != "multipart/appledouble" {
		return false
	}
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

// describeLeaf returns an attachment with what a part's header says.
func (x *run) describeLeaf(e entity, number string) *Attachment {
	// Clones, so that a field of many kilobytes does not live on in the attachment.
	a := &Attachment{
		Part: number, MediaType: strings.Clone(e.mediaType.value),
		Disposition: e.dispositionType(), ContentID: strings.Clone(e.contentID), Fragment: e.fragment(),
	}
	if a.Fragment != nil {
		a.Fragment.From, a.Fragment.Subject = x.message.From, x.message.Subject
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
	a.Name = SafeName(a.OriginalName)
	if a.Name != name {
		a.Name = strings.Clone(a.Name)
		x.note(a, ProblemNameCleaned, clip(name))
	}
}

// open opens the content of an attachment.
func (l *leaf) open(x *run, a *Attachment, at place) error {
	c, err := x.begin(a, at)
	l.content = c
	if c.file != nil || c.unpacker != nil || c.probe != nil {
		l.w = &l.content
	}
	return err
}

// unpackWith has the content taken apart by u.
func (l *leaf) unpackWith(u unpacker) {
	l.content.unpacker, l.content.probe = u, nil
	l.w = &l.content
}

// decode puts a decoder before what the body goes to.
func (l *leaf) decode(e encoding, x *run, number string) {
	if l.w == nil {
		return
	}
	if e == identity || e == textEncoding {
		return
	}
	report := ignore // the message's own text becomes no file that could be wrong
	f := l.content.file
	switch {
	case f != nil:
		report = func(kind ProblemKind, detail string) { x.note(f.attachment, kind, detail) }
	case !l.own:
		report = func(kind ProblemKind, detail string) { x.report(number, kind, detail) }
	}
	switch e {
	case base64Encoding:
		l.decoder = &base64Decoder{w: l.w, report: report}
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

// write decodes a stretch of the body, once the leaf is decided on.
func (l *leaf) write(b []byte) error {
	if l.failed != nil || l.w == nil || len(b) == 0 {
		return l.failed
	}
	var err error
	if l.decoder != nil {
		_, err = l.decoder.Write(b)
	} else {
		_, err = l.w.Write(b)
	}
	return err
}

// end closes what was opened.
func (l *leaf) end() error {
	var decoded error
	if l.decoder != nil {
		decoded = l.decoder.Close()
	}
	err := errors.Join(l.failed, decoded, l.content.end())
	l.clear()
	return err
}

// abort closes all writers after an error. Errors of closing say nothing new: the caller
// discards what was written.
func (l *leaf) abort() {
	l.content.abort()
	l.clear()
}

// clear forgets the part.
func (l *leaf) clear() {
	l.forgetStart()
	*l = leaf{}
}
