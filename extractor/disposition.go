package extractor

import (
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gabriel-vasile/mimetype"
)

// maxMediaType is how long a media type's two names may be (RFC 6838 section 4.2).
const maxMediaType = 255

// entity is what the header of a part says of it.
type entity struct {
	mediaType   parameters
	disposition parameters
	encoding    encoding
	name        string // decoded as the sender gave it
	otherName   string // from other fields, which does not make an attachment of a text
	contentID   string
	problems    []Problem
}

// read takes the fields of a part's header. Where there is no Content-Type the
// enclosing multipart's default holds (RFC 2046 sections 5.1 and 5.1.5).
func (h *header) read(defaultType, charset string) entity {
	var e entity
	report := func(kind ProblemKind, detail string) {
		e.problems = append(e.problems, Problem{Kind: kind, Detail: detail})
	}
	e.mediaType = parseParameters(h.fields.Get("Content-Type"))
	if t := e.mediaType.value; !strings.Contains(t, "/") || len(t) > maxMediaType {
		if t != "" {
			report(ProblemMediaType, clip(t))
		}
		e.mediaType.value = defaultType
		switch t {
		case "application", "image", "audio", "video", "pdf", "attachment", "file":
			e.mediaType.value = "application/octet-stream"
		}
	}
	e.disposition = parseParameters(h.fields.Get("Content-Disposition"))
	e.encoding = parseEncoding(h.fields.Get("Content-Transfer-Encoding"), report)
	e.contentID = clipTo(strings.Trim(h.fields.Get("Content-Id"), "<> "), maxText)
	var nameProblems []Problem
	nameReport := func(kind ProblemKind, detail string) {
		nameProblems = append(nameProblems, Problem{Kind: kind, Detail: detail})
	}
	t := texts{nameReport, charset}
	// QUIRK: scanners and ERP systems put either parameter into either field.
	for _, name := range [...]string{"filename", "name"} {
		for _, field := range [...]*parameters{&e.disposition, &e.mediaType} {
			if e.name == "" {
				nameProblems = nil
				e.name = strings.TrimSpace(field.text(name, t))
			}
		}
	}
	if e.name == "" {
		if e.otherName = locationName(h.fields.Get("Content-Location")); e.otherName == "" {
			e.otherName = describedName(t.decode(h.fields.Get("Content-Description")))
		}
	}
	e.name, e.otherName = clipTo(e.name, maxText), clipTo(e.otherName, maxText)
	e.problems = append(e.problems, nameProblems...)
	return e
}

// locationName returns the file name at the end of a Content-Location (RFC 2557
// section 4.2), "" for a URI that has none with an extension.
func locationName(field string) string {
	if i := strings.LastIndexByte(field, '\\'); i >= 0 { // QUIRK: a path of Windows
		return describedName(strings.Trim(field[i+1:], `"<>`))
	}
	field = strings.Join(strings.Fields(field), "") // a long URI is folded anywhere
	u, err := url.Parse(strings.Trim(field, `"<>`))
	if err != nil || u.Opaque != "" {
		return ""
	}
	return describedName(path.Base(u.Path))
}

// describedName returns a text that is a file name by its extension, "" for others:
// Lotus Notes puts the name into the Content-Description, where others put a sentence.
func describedName(text string) string {
	text = strings.TrimSpace(text)
	if _, ext := SplitExt(text); len(ext) < 2 || len(ext) > 6 || strings.ContainsFunc(ext[1:], func(r rune) bool { return r < '0' || r > '9' && r < 'A' || r > 'z' }) {
		return ""
	}
	return text
}

// fragment returns the place of a message/partial among the others, nil for other
// parts and for one that does not say it (RFC 2046 section 5.2.2).
func (e *entity) fragment() *Fragment {
	if e.mediaType.value != "message/partial" {
		return nil
	}
	id := clipTo(e.mediaType.text("id", texts{report: ignore}), maxText)
	number, err := strconv.Atoi(strings.TrimSpace(e.mediaType.get("number")))
	total, _ := strconv.Atoi(strings.TrimSpace(e.mediaType.get("total")))
	if id == "" || err != nil || number < 1 || number > maxFragments || total < 0 || total > maxFragments || total > 0 && number > total {
		return nil
	}
	return &Fragment{ID: strings.Clone(id), Number: number, Total: total}
}

// maxFragments bounds into how many pieces a message may be cut.
const maxFragments = 1000

// dispositionType is "attachment", "inline" or "". An unknown one is an
// attachment (RFC 2183 section 2.8).
func (e *entity) dispositionType() string {
	switch e.disposition.value {
	case "":
		return ""
	case "inline":
		return "inline"
	}
	return "attachment"
}

// isAttachment decides whether a leaf is saved; related says that it stands
// directly in a multipart/related.
func (e *entity) isAttachment(related bool, inline Inline) bool {
	switch {
	case e.dispositionType() == "attachment", e.name != "":
		return true
	case strings.HasPrefix(e.mediaType.value, "text/"):
		return filesAmongTexts[e.mediaType.value]
	case related && strings.HasPrefix(e.mediaType.value, "image/") && inline != InlineAll:
		return false // the picture of a signature, shown within the text
	}
	return true
}

// filesAmongTexts are text types that are no text to read, so that they are
// saved without a name or a disposition as well.
var filesAmongTexts = map[string]bool{
	"text/calendar": true, "text/vcard": true, "text/x-vcard": true, "text/directory": true, "text/csv": true,
	"text/comma-separated-values": true, "text/tab-separated-values": true,
}

// extensions of types that nameless parts often have. The rest is sniffed.
var extensions = map[string]string{
	"application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/tiff": ".tif",
	"text/calendar": ".ics", "text/vcard": ".vcf", "text/x-vcard": ".vcf", "text/directory": ".vcf", "text/csv": ".csv",
	"text/comma-separated-values": ".csv", "text/tab-separated-values": ".tsv", "text/plain": ".txt", "text/html": ".html",
	"application/pgp-signature": ".asc", "application/pkcs7-signature": ".p7s", "application/x-pkcs7-signature": ".p7s",
	"application/pkcs7-mime": ".p7m", "application/x-pkcs7-mime": ".p7m", "application/ms-tnef": ".dat",
	"message/delivery-status": ".txt", "message/disposition-notification": ".txt", "application/xml": ".xml", "text/xml": ".xml",
	"application/zip": ".zip",
}

// inventName makes a name for a nameless leaf from its type, or else from how
// its content begins.
func inventName(mediaType string, start []byte) string {
	base := "attachment"
	switch mediaType {
	case "message/delivery-status":
		base = "delivery-status"
	case "message/disposition-notification":
		base = "disposition-notification"
	case "text/calendar":
		base = "calendar"
	case "application/ms-tnef":
		base = "winmail"
	}
	ext, ok := extensions[mediaType]
	if !ok {
		if known := mimetype.Lookup(mediaType); known != nil && known.Extension() != "" {
			ext = known.Extension()
		} else {
			ext = mimetype.Detect(start).Extension()
		}
	}
	if ext == "" {
		ext = ".bin"
	}
	return base + ext
}

// MessageName makes a name for an attached message from its subject. A slash in
// it is no path's.
func MessageName(subject string) string {
	name := SafeName(strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' {
			return '_'
		}
		return r
	}, clipTo(subject, maxName)))
	if name == "" {
		name = "message"
	}
	// The subject has no extension to keep.
	return SafeName(strings.TrimRight(clipTo(name, maxName-len(".eml")), " .") + ".eml")
}

// encoding is a content transfer encoding (RFC 2045 section 6).
type encoding int

const (
	identity encoding = iota
	base64Encoding
	quotedPrintable
	uuencodeEncoding // never registered, and sent as x-uuencode
	textEncoding     // yEnc or BinHex: a text with the file in it
)

// parseEncoding reads the field in the forms that mailers send: in quotes, with
// a comment or a semicolon behind it, without the dash, abbreviated, as an encoded word.
func parseEncoding(s string, report func(ProblemKind, string)) encoding {
	if s == "" {
		return identity
	}
	clean := strings.ToLower(strings.TrimSpace(s))
	token := clean
	if strings.HasPrefix(token, "=?") {
		token = strings.ToLower(texts{report: report}.decode(token))
	}
	token = strings.TrimSpace(stripComments(token))
	if i := strings.IndexAny(token, ";, \t"); i > 0 {
		token = token[:i]
	}
	token = strings.Trim(token, `"'<>.:`)
	result := identity
	switch token {
	case "base64", "b64", "b":
		result = base64Encoding
	case "quoted-printable", "qp", "q":
		result = quotedPrintable
	case "x-uuencode", "uuencode", "x-uue", "uue", "x-uu":
		result = uuencodeEncoding
	}
	if result == identity {
		// QUIRK: "base 64", "mime-base64", "8bit base64", "quoted_printible".
		letters := strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, clean)
		switch {
		case strings.Contains(letters, "base64"):
			result = base64Encoding
		case strings.Contains(letters, "quoteprint"), strings.Contains(letters, "quotedprint"):
			result = quotedPrintable
		case strings.Contains(letters, "uuencode"), strings.Contains(letters, "uucode"):
			result = uuencodeEncoding
		case strings.Contains(letters, "yenc"), strings.Contains(letters, "binhex"):
			result = textEncoding
		case !slices.Contains(unencoded, token):
			report(ProblemEncoding, clip(s))
			return identity
		}
	}
	if token != clean {
		report(ProblemEncodingToken, clip(s))
	}
	return result
}

// unencoded are the tokens that say that nothing is encoded.
var unencoded = []string{"7bit", "8bit", "binary", "7-bit", "8-bit", "7bits", "8bits", "none", ""}

// maxText is how much is kept of what an attachment's header says.
const maxText = 1000

// clip shortens foreign text for a problem's detail.
func clip(s string) string { return strings.Clone(strings.ToValidUTF8(clipTo(s, 80), "?")) }

// clipTo cuts s to at most n bytes and not within a character.
func clipTo(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
