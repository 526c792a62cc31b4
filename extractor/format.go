package extractor

import (
	"bytes"
	"strings"
)

// format is a kind of file that its first bytes identify.
type format string

const noFormat format = ""

// signatures are the first bytes of files. A longer signature stands before one that it
// begins with. No text begins with any of them by chance.
var signatures = []struct {
	start  string
	format format
}{
	{"%PDF-", "pdf"},
	{"PK\x03\x04", "zip"},
	{"PK\x05\x06", "zip"},
	{"PK\x07\x08", "zip"},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"},
	{"\x89PNG\r\n\x1a\n", "png"},
	{"\xff\xd8\xff", "jpeg"},
	{"GIF87a", "gif"},
	{"GIF89a", "gif"},
	{"II*\x00", "tiff"},
	{"MM\x00*", "tiff"},
	{"\x1f\x8b\x08", "gzip"},
	{"BZh", "bzip2"},
	{"\xfd7zXZ\x00", "xz"},
	{"7z\xbc\xaf\x27\x1c", "7z"},
	{"Rar!\x1a\x07", "rar"},
	{tnefSignature, "tnef"},
	{"{\\rtf", "rtf"},
	{"%!PS", "ps"},
	{"dn:", "ldif"},
	{"<?xml", "xml"},
	{"BEGIN:VCALENDAR", "calendar"},
	{"BEGIN:VCARD", "vcard"},
}

// tnefSignature is 0x223E9F78, little-endian ([MS-OXTNEF] section 2.1.3.1).
const tnefSignature = "\x78\x9f\x3e\x22"

// textFormats are the formats that a person can read as they stand.
var textFormats = map[format]bool{"rtf": true, "ps": true, "xml": true, "calendar": true, "vcard": true, "table": true, "json": true, "html": true, "plain": true, "message": true, "ldif": true}

func (f format) text() bool { return textFormats[f] }

func (f format) binary() bool { return f != noFormat && !textFormats[f] }

// formatIn returns the format of a file that begins with b; noFormat if b does not tell. A
// byte order mark and blank lines may stand before a text.
func formatIn(b []byte) format {
	text := bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), " \t\r\n")
	for _, s := range signatures {
		if s.format.binary() && hasStart(b, s.start) || s.format.text() && hasPrefixFold(text, s.start) {
			return s.format
		}
	}
	return noFormat
}

func hasStart(b []byte, start string) bool {
	return len(b) >= len(start) && string(b[:len(start)]) == start
}

// begins reports whether b begins as a file of format f. It is false for plain text, whose
// beginning tells nothing.
func begins(b []byte, f format) bool {
	if isUTF16(b) && f.text() {
		b = bytes.ReplaceAll(b[2:], []byte{0}, nil)
	}
	text := bytes.TrimLeft(b, " \t\r\n")
	switch f {
	case noFormat, "plain":
		return false
	case "message":
		_, _, ok := splitField(firstLine(b))
		return ok || hasStart(b, "From ")
	case "html":
		return hasStart(text, "<") && !isBinary(b)
	case "json":
		return (hasStart(text, "{") || hasStart(text, "[")) && !isBinary(b)
	case "table":
		return bytes.ContainsAny(firstLine(b), ";,\t") && !isBinary(b)
	case "xml":
		return hasStart(text, "<") && !isBinary(b) || formatIn(b) == f
	}
	return formatIn(b) == f
}

// formatOf returns the declared format of a file: by its media type, or by its name if the
// type says nothing.
func formatOf(mediaType, name string) format {
	if f, ok := formatsOfTypes[mediaType]; ok {
		return f
	}
	major, minor, _ := strings.Cut(mediaType, "/")
	switch {
	case isMessage(mediaType):
		return "message"
	case strings.HasSuffix(minor, "+xml"):
		return "xml"
	case strings.HasPrefix(minor, "vnd.openxmlformats-"), strings.HasPrefix(minor, "vnd.oasis.opendocument"), strings.HasSuffix(minor, "+zip"):
		return "zip"
	case strings.HasPrefix(minor, "vnd.ms-"), minor == "msword":
		if _, ext := SplitExt(name); strings.HasSuffix(strings.ToLower(ext), "x") {
			return "zip"
		}
		return "ole"
	}
	_, ext := SplitExt(name)
	if f, ok := formatsOfExtensions[strings.ToLower(ext)]; ok {
		return f
	}
	if major == "text" {
		return "plain"
	}
	return noFormat
}

var formatsOfTypes = map[string]format{
	"application/pdf": "pdf", "application/x-pdf": "pdf", "application/zip": "zip", "application/x-zip-compressed": "zip",
	"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/pjpeg": "jpeg", "image/gif": "gif", "image/tiff": "tiff", "image/tif": "tiff",
	"application/gzip": "gzip", "application/x-gzip": "gzip", "application/x-7z-compressed": "7z", "application/rtf": "rtf", "text/rtf": "rtf",
	"application/xml": "xml", "text/xml": "xml", "application/json": "json", "text/csv": "table", "text/comma-separated-values": "table", "text/html": "html",
	"text/calendar": "calendar", "application/ics": "calendar", "text/vcard": "vcard", "text/x-vcard": "vcard", "application/postscript": "ps",
	"application/ms-tnef": "tnef", "application/vnd.ms-tnef": "tnef", "application/edifact": "plain", "application/edi-x12": "plain",
}

var formatsOfExtensions = map[string]format{
	".pdf": "pdf", ".zip": "zip", ".docx": "zip", ".xlsx": "zip", ".pptx": "zip", ".odt": "zip", ".ods": "zip", ".xlsm": "zip", ".docm": "zip",
	".doc": "ole", ".xls": "ole", ".ppt": "ole", ".msg": "ole", ".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".gif": "gif", ".tif": "tiff", ".tiff": "tiff",
	".gz": "gzip", ".tgz": "gzip", ".7z": "7z", ".rar": "rar", ".bz2": "bzip2", ".xz": "xz", ".rtf": "rtf", ".xml": "xml", ".json": "json", ".csv": "table", ".tsv": "table",
	".htm": "html", ".html": "html", ".ics": "calendar", ".vcf": "vcard", ".ps": "ps", ".eml": "message", ".txt": "plain", ".ldif": "ldif", ".edi": "plain",
}
