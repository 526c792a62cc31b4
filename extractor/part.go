package extractor

import (
	"bytes"
	"slices"
	"strings"
)

// topHeader reports whether the header is a message's own, not a part's.
func (p *parser) topHeader() bool { return len(p.stack) == 0 }

// partNumber returns the number of the part under way, as in IMAP (RFC 3501 section 6.4.5).
func (p *parser) partNumber() string {
	if len(p.stack) == 0 {
		return childNumber(p.number, 1)
	}
	top := &p.stack[len(p.stack)-1]
	return childNumber(top.number, max(top.parts, 1))
}

// endHeader decides what the part is, once its header has been read.
func (p *parser) endHeader() error {
	h := &p.header
	h.close()
	h.blank = false
	defaultType, number := "text/plain", p.partNumber()
	if len(p.stack) == 0 {
		p.subject = Clip(texts{ignore, p.run.charset}.decode(h.fields.get("Subject")), maxText)
		if p.depth == 0 && p.number == "" {
			p.run.describe(&h.fields, h.recipients)
		}
	} else if p.stack[len(p.stack)-1].mediaType == "multipart/digest" {
		defaultType = "message/rfc822" // RFC 2046 section 5.1.5
	}
	if p.report == nil {
		p.report = p.entity.report
	}
	h.read(&p.entity, defaultType, texts{p.report, p.run.charset})
	e := p.entity
	p.entity = entity{} // a hundred messages within each other would hold a hundred headers
	p.run.learnCharset(&e)
	defer h.reset()
	for _, problem := range e.problems {
		p.run.report(number, problem.Kind, problem.Detail)
	}
	p.held = nil
	if strings.HasPrefix(e.mediaType.value, "multipart/") && !e.isLeaf() {
		if len(p.stack) > 0 && (e.name != "" || e.dispositionType() == "attachment") && e.mediaType.value != "multipart/appledouble" {
			return p.beginAttachedMultipart(e, number)
		}
		return p.beginMultipart(e, number)
	}
	own := p.isOwnText(&e)
	if own {
		p.noteText(e.mediaType.value)
		if boundary := boundaryOf(e.mediaType); boundary != "" && len(boundary) <= longestBoundary {
			// QUIRK: a text has the boundary of a multipart, and parts may follow it.
			m := multipart{boundary: boundary, mediaType: "multipart/mixed", number: number, closed: true, doubtful: true}
			if p.topHeader() {
				m.number = p.number
			}
			p.stack = append(p.stack, m)
		}
	}
	return p.beginLeaf(e, number, own)
}

// isLeaf reports whether a declared multipart is a leaf. It is one if it has a name and no
// boundary, or is encoded, which RFC 2045 section 6.4 forbids for multiparts.
//
// QUIRK: many scripts make multipart/x-zip of application/zip.
func (e *entity) isLeaf() bool {
	encoded := slices.ContainsFunc(e.encodings, func(e encoding) bool { return e != identity })
	named := e.name != "" || e.dispositionType() == "attachment"
	if boundaryOf(e.mediaType) == "" {
		return named || encoded
	}
	return named && encoded
}

// noteText notes a text of that type in all multiparts that are open.
func (p *parser) noteText(mediaType string) {
	for i := range p.stack {
		p.stack[i].html = p.stack[i].html || mediaType == "text/html"
	}
}

func (p *parser) beginMultipart(e entity, number string) error {
	if p.depth+len(p.stack)+1 > p.run.limits.Depth {
		return &LimitError{"depth", int64(p.run.limits.Depth)}
	}
	if n := len(e.mediaType.get("boundary")); n > longestBoundary {
		return &LimitError{"boundary bytes", longestBoundary}
	}
	m := multipart{boundary: boundaryOf(e.mediaType), mediaType: e.mediaType.value, number: number}
	if len(p.stack) == 0 {
		m.number = p.number // the parts of a message's own multipart count from 1
	}
	if m.boundary == "" {
		p.run.report(number, ProblemMissingBoundary, "")
	}
	p.stack = append(p.stack, m)
	p.state = inGap
	whole := identity
	if len(e.encodings) > 0 {
		whole = e.encodings[0]
	}
	p.whole = whole
	p.byLine = whole != identity
	if p.eol == '\n' && len(p.stack) == 1 {
		p.eol = 0 // QUIRK: gateways to old Macs wrote the header with other line ends than the body
	}
	return nil
}

// beginAttachedMultipart begins a multipart that has a name or is marked as an attachment,
// such as a web page (RFC 2557). It is kept as it came, with its header, so that a browser
// or a mail program opens it. Its parts are attachments by the same rules as others.
func (p *parser) beginAttachedMultipart(e entity, number string) error {
	x := p.run
	x.leaves++
	p.leaf.clear()
	p.state = inBody
	at := p.inside(number)
	a := x.describeLeaf(e, number)
	ext := ".eml"
	if a.MediaType == "multipart/related" {
		ext = ".mht"
	}
	switch _, known := SplitExt(a.Name); {
	case a.Name == "":
		a.Name = "attachment" + ext
		x.note(a, ProblemNoName, a.Name)
	case !slices.Contains([]string{".eml", ".mht", ".mhtml"}, strings.ToLower(known)):
		a.Name = SafeName(CutName(a.Name, maxName-len(ext)) + ext)
	}
	c, err := x.beginNested(a, p.nested(multipart{boundary: boundaryOf(e.mediaType), mediaType: a.MediaType, number: number}))
	if err != nil {
		return err
	}
	p.leaf.content, p.leaf.w = c, &p.leaf.content
	if at.depth > x.limits.Depth {
		return &LimitError{"depth", int64(x.limits.Depth)}
	}
	if c.file == nil {
		return nil
	}
	header := p.header.raw
	end := "\r\n"
	if !bytes.HasSuffix(header, []byte(end)) {
		end = string(p.eol)
	}
	_, err = c.file.Write(append(header, end...))
	return err
}
