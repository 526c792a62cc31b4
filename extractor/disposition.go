package extractor

import (
	"cmp"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/gabriel-vasile/mimetype"
)

// maxMediaType is the longest media type, in bytes. RFC 6838 section 4.2 allows 127 for
// each of its two names.
const maxMediaType = 255

// entity is what a part's header says of the part.
type entity struct {
	mediaType   parameters
	untyped     bool // the Content-Type is missing or can't be read
	mistyped    bool // the Content-Type is there and can't be read
	disposition parameters
	encodings   []encoding // all that are declared
	name        string     // from filename or name, decoded
	otherName   string     // from other fields; it makes no attachment of a text
	contentID   string
	location    string // of the content, as a URI
	problems    []Problem
}

func (e *entity) report(kind ProblemKind, detail string) {
	e.problems = append(e.problems, Problem{Kind: kind, Detail: detail})
}

// read reads the fields of a part's header into e, which t reports to. Without a Content-Type,
// the default of the enclosing multipart holds (RFC 2046 sections 5.1 and 5.1.5).
func (h *header) read(e *entity, defaultType string, t texts) {
	e.mediaType = parseField(h.fields.get("Content-Type"), t)
	if value := e.mediaType.value; !strings.Contains(value, "/") || len(value) > maxMediaType {
		if value != "" {
			e.report(ProblemMediaType, clip(value))
		}
		e.untyped = true
		e.mistyped = value != "" && !slices.Contains(bareTexts, value)
		e.mediaType.value = defaultType
		switch value {
		case "application", "image", "audio", "video", "pdf", "attachment", "file":
			e.mediaType.value = "application/octet-stream"
		}
	}
	e.disposition = parseField(h.fields.get("Content-Disposition"), t)
	e.encodings = parseEncodings(h.fields.get("Content-Transfer-Encoding"), t.report)
	e.contentID = clipTo(strings.Trim(h.fields.get("Content-Id"), "<> "), maxText)
	e.location = clipTo(h.fields.get("Content-Location"), maxText)
	e.readNames(h, t)
}

// readNames reads the part's names.
//
// QUIRK: scanners and ERP systems put either parameter into either field, and some cut one
// of the two names short.
func (e *entity) readNames(h *header, t texts) {
	known := len(e.problems)
	for _, name := range [...]string{"filename", "name"} {
		for _, field := range [...]*parameters{&e.disposition, &e.mediaType} {
			if len(field.params) == 0 {
				continue
			}
			before := len(e.problems)
			if text := strings.TrimSpace(field.text(name, t)); text != "" && (e.name == "" || isCut(e.name, text)) {
				e.name, e.problems = text, slices.Delete(e.problems, known, before) // of the name given up
			} else {
				e.problems = e.problems[:before]
			}
		}
	}
	if e.name == "" {
		e.otherName = cmp.Or(locationName(h.fields.get("Content-Location")), knownName(t.decode(h.fields.get("Content-Description"))), idName(e.contentID))
	}
	e.name, e.otherName = CutName(e.name, maxText), CutName(e.otherName, maxText)
}

// shortestCut is the shortest beginning of a name that counts as the name cut short.
const shortestCut = 3

// isCut reports whether name is the beginning of whole. The extension may stand behind it,
// and so may an ellipsis.
func isCut(name, whole string) bool {
	base, ext := SplitExt(name)
	if ext != "" && strings.HasSuffix(whole, ext) {
		name, whole = base, strings.TrimSuffix(whole, ext)
	}
	name = strings.TrimRight(name, " ._~\u2026\ufffd")
	return len(name) >= shortestCut && len(name) < len(whole) && strings.HasPrefix(whole, name)
}

// bareTexts are types without a subtype. Mailers from before MIME gave them to a text (RFC
// 1049).
var bareTexts = []string{"text", "plain", "textplain", "ascii", "us-ascii", "html"}

// locationName returns the file name at the end of a Content-Location (RFC 2557 section
// 4.2); "" if there is none with an extension.
func locationName(field string) string {
	if field == "" {
		return ""
	}
	if i := strings.LastIndexByte(field, '\\'); i >= 0 { // QUIRK: a path of Windows
		return describedName(strings.Trim(field[i+1:], `"<>`))
	}
	field = strings.Join(strings.Fields(field), "") // a long URI may be folded anywhere
	u, err := url.Parse(strings.Trim(field, `"<>`))
	if err != nil || u.Opaque != "" {
		return ""
	}
	return describedName(path.Base(u.Path))
}

// describedName returns a text that is a file name by the form of its extension; "" for
// other texts.
func describedName(text string) string {
	text = strings.TrimSpace(text)
	if _, ext := SplitExt(text); len(ext) < 2 || len(ext) > 6 || strings.ContainsFunc(ext[1:], func(r rune) bool { return r < '0' || r > '9' && r < 'A' || r > 'z' }) {
		return ""
	}
	return text
}

// idName returns the part of a Content-ID before the "@" if it is a file name, as in
// "image001.png@01DB2F9C"; "" for others, such as "part1.example".
func idName(id string) string {
	name, _, _ := strings.Cut(id, "@")
	return knownName(name)
}

// knownName returns a text that ends in a known extension; "" for other texts.
func knownName(text string) string {
	text = strings.TrimSpace(text)
	if _, ext := SplitExt(text); !knownExtensions()[strings.ToLower(ext)] {
		return ""
	}
	return text
}

// knownExtensions are the extensions by which a Content-Description or a Content-ID is
// taken for a name.
var knownExtensions = sync.OnceValue(func() map[string]bool {
	known := make(map[string]bool)
	for _, ext := range strings.Fields(`pdf xml csv tsv txt rtf doc docx docm xls xlsx xlsm xlsb ppt pptx odt ods odp zip 7z rar gz tar tgz png jpg jpeg
		gif tif tiff bmp webp heic svg ico htm html mht mhtml ics vcf eml msg p7m p7s p7b asc json mp3 wav m4a ogg mp4 mov avi dwg dxf step edi zugferd ps eps dat`) {
		known["."+ext] = true
	}
	return known
})

// fragment returns the place of a message/partial among the others (RFC 2046 section
// 5.2.2); nil for other parts, and for one without a valid place.
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

// maxFragments bounds the pieces of a message.
const maxFragments = 1000

// dispositionType returns "attachment", "inline" or "". An unknown type is read as
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

// extensions are those of media types that nameless parts often have. The content tells
// the others.
var extensions = map[string]string{
	"application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/tiff": ".tif",
	"text/calendar": ".ics", "text/vcard": ".vcf", "text/x-vcard": ".vcf", "text/directory": ".vcf", "text/csv": ".csv",
	"text/comma-separated-values": ".csv", "text/tab-separated-values": ".tsv", "text/plain": ".txt", "text/html": ".html",
	"application/pgp-signature": ".asc", "application/pkcs7-signature": ".p7s", "application/x-pkcs7-signature": ".p7s",
	"application/pkcs7-mime": ".p7m", "application/x-pkcs7-mime": ".p7m", "application/ms-tnef": ".dat",
	"message/delivery-status": ".txt", "message/disposition-notification": ".txt", "application/xml": ".xml", "text/xml": ".xml",
	"application/zip": ".zip", "text/markdown": ".md", "text/css": ".css", "text/yaml": ".yaml", "text/x-patch": ".patch", "text/x-diff": ".diff",
}

// inventName makes a name for a nameless leaf, from its media type or the beginning of its
// content.
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
	if f := formatIn(start); f != noFormat && ownTexts[mediaType] && f != "xml" {
		ext, ok = "", false // it is said to be a text, and is a file
	}
	if !ok {
		if known := mimetype.Lookup(mediaType); known != nil && known.Extension() != "" && !ownTexts[mediaType] {
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

// addExtension adds an extension to a name that has none, by the beginning of the content
// or by the media type.
func addExtension(a *Attachment, start []byte) {
	if hasExtension(a.Name) {
		return
	}
	ext := mimetype.Detect(start).Extension()
	if known, ok := extensions[a.MediaType]; ok && (ext == "" || ext == ".txt") {
		ext = known
	}
	a.Name = SafeName(CutName(a.Name, maxName-len(ext)) + ext)
}

// hasExtension reports whether a name has an extension. The year of a date behind a full
// stop is none.
func hasExtension(name string) bool {
	base, ext := SplitExt(name)
	if ext == "" {
		return false
	}
	number := strings.Trim(ext[1:], "0123456789") == ""
	return !number || len(ext) == len(".001") && (base == "" || base[len(base)-1] < '0' || base[len(base)-1] > '9')
}

// MessageName makes the name of a message's file from its subject: "SUBJECT.eml", safe as
// [SafeName] says. A slash in the subject belongs to no path, and becomes "_". Without a
// usable subject the name is "message.eml".
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
	// A subject has no extension to keep.
	return SafeName(strings.TrimRight(clipTo(name, maxName-len(".eml")), " .") + ".eml")
}

// maxText is how many bytes are kept of a text in an attachment's header.
const maxText = 1000

// clip shortens foreign text for a problem's detail, and makes it valid UTF-8.
func clip(s string) string { return strings.Clone(strings.ToValidUTF8(clipTo(s, 80), "?")) }

// clipTo cuts s to at most n bytes, and not within a UTF-8 character.
func clipTo(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
