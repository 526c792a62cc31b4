package extractor

import "bytes"

// ownTexts are the types of a mail's text. A text of another type is a file that somebody
// sent, whatever its name is and wherever it stands.
var ownTexts = map[string]bool{
	"text/plain": true, "text/html": true, "text/enriched": true, "text/richtext": true,
	"text/x-amp-html": true, // AMP for Email, beside the HTML
	"text/watch-html": true, // Apple's, for watches
}

// isOwnText reports whether a part is the message's own text, by its header: a text without
// a name, not marked as an attachment, where a mail's text stands.
func (p *parser) isOwnText(e *entity) bool {
	if e.name != "" || e.dispositionType() == "attachment" || !ownTexts[e.mediaType.value] {
		return false
	}
	if len(p.stack) == 0 {
		return true
	}
	switch top := &p.stack[len(p.stack)-1]; top.mediaType {
	case "multipart/signed", "multipart/encrypted", "multipart/appledouble":
		return top.parts <= 1 // the second part belongs to the first, and is no text
	case "multipart/related":
		// A further HTML is a page in a frame of the first one, and no form of the text.
		return top.parts <= 1 || !top.html || e.mediaType.value != "text/html" || e.contentID == "" && e.location == ""
	}
	return true
}

// isFileInText reports whether a part that is declared as a mail's text is a file, by the
// beginning of its content. Nobody's text begins like a PDF.
//
// QUIRK: scanners and scripts send a file as text/plain, or without a type, which means the
// same (RFC 2045 section 5.2).
func isFileInText(start []byte, e *entity) bool {
	switch f := formatIn(start); {
	case f.binary():
		return true
	case f == "xml":
		return e.mediaType.value == "text/plain" && !bytes.Contains(bytes.ToLower(start), []byte("<html"))
	case f != noFormat:
		return true
	case bytes.Contains(start, []byte("=ybegin ")):
		return false // yEnc within a text
	}
	if charset := e.mediaType.get("charset"); hasPrefixFold(charset, "utf-16") || hasPrefixFold(charset, "utf-32") || hasPrefixFold(charset, "ucs-") {
		return false
	}
	controls := 0
	for _, c := range start {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b {
			controls++
		}
	}
	most := len(start) / 10
	if e.untyped {
		most = len(start) / 50
	}
	return controls > most
}

// guessBoundary returns the boundary of a text that is a multipart; "" if it is none. Such a
// text has a line of dashes with a part's header behind it, and before it the words for old
// mailers. A mail that came back and has another mail for its text lacks these words.
func guessBoundary(text []byte) string {
	before, _, found := bytes.Cut(text, []byte("\n--"))
	if !found || !bytes.Contains(bytes.ToLower(before), []byte("mime")) {
		return ""
	}
	line, rest, _ := bytes.Cut(text[len(before)+len("\n--"):], []byte("\n"))
	line = bytes.TrimRight(line, " \t\r")
	if name, _, ok := splitField(firstLine(rest)); !ok || !hasPrefixFold(name, "content-") || len(line) == 0 || len(line) > longestBoundary {
		return ""
	}
	return string(line)
}

// isShown reports whether the message's HTML shows a picture: by its Content-ID (RFC 2392),
// or by its Content-Location within the same multipart/related (RFC 2557 section 5). A
// nameless picture that nothing shows must be delivered, or nobody sees it: a fax.
func (p *parser) isShown(e *entity) bool {
	if !shownTypes[e.mediaType.value] || e.dispositionType() == "attachment" {
		return false
	}
	if e.contentID != "" && p.pictures.has(e.contentID) {
		return true
	}
	related := len(p.stack) > 0 && p.stack[len(p.stack)-1].mediaType == "multipart/related"
	return related && e.location != "" && p.stack[len(p.stack)-1].html
}

// shownTypes are the types of pictures that programs show within HTML. TIFF is not among
// them: scanners and faxes send it.
var shownTypes = map[string]bool{
	"image/png": true, "image/jpeg": true, "image/jpg": true, "image/pjpeg": true, "image/gif": true, "image/webp": true, "image/svg+xml": true,
	"image/bmp": true, "image/x-ms-bmp": true, "image/x-icon": true, "image/vnd.microsoft.icon": true, "image/apng": true, "image/avif": true, "image/heic": true,
	"image/x-png": true,
}

// pictures are the Content-IDs of the pictures that a message's HTML shows.
type pictures struct {
	ids  map[string]bool
	many bool // there are more than are kept: any picture may be shown
}

// mostPictures bounds the Content-IDs that are kept. A mail shows some dozens.
const mostPictures = 1000

func (s *pictures) has(id string) bool { return s.many || s.ids[unescapeID(id)] }

func (s *pictures) add(id []byte) {
	if len(s.ids) >= mostPictures {
		s.many = true
		return
	}
	if s.ids == nil {
		s.ids = make(map[string]bool)
	}
	s.ids[unescapeID(string(id))] = true
}

// unescapeID undoes the percent-encoding of a Content-ID in a URL (RFC 2392 section 2).
func unescapeID(id string) string { return percentDecode(id) }

// htmlScanner finds the pictures that an HTML text shows: "cid:" with a Content-ID behind it.
type htmlScanner struct {
	pictures *pictures
	held     []byte // the end of what was written, where an address may be cut
}

// longestID is the longest Content-ID that is found, in bytes.
const longestID = 512

// Write implements io.Writer.
func (s *htmlScanner) Write(p []byte) (int, error) {
	s.held = append(s.held, p...)
	s.held = append(s.held[:0], s.scan(s.held)...)
	return len(p), nil
}

// finish implements unpacker. The text itself is not kept.
func (s *htmlScanner) finish() (whole bool, err error) { return false, nil }

// abort implements unpacker.
func (s *htmlScanner) abort() {}

// scan adds the Content-IDs in b, and returns the end of b that must be seen again with the
// next bytes.
func (s *htmlScanner) scan(b []byte) []byte {
	searched := 0 // up to there, nothing behind n ends a Content-ID
	n := 0
	for {
		i := bytes.IndexByte(b[n:], ':')
		if i < 0 {
			break
		}
		start := n + i - len("cid")
		if start < n || !hasPrefixFold(b[start:n+i], "cid") {
			n += i + 1
			continue
		}
		n += i + 1
		searched = max(searched, n)
		behind := b[:min(len(b), start+longestID)]
		end := bytes.IndexAny(behind[searched:], "\"'<>) \t\r\n;&")
		if end < 0 {
			if searched = len(behind); searched == len(b) {
				return b[start:]
			}
			continue
		}
		end += searched
		s.pictures.add(b[n:end])
		n = end
	}
	return b[max(len(b)-3, n):]
}
