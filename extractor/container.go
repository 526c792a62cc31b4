package extractor

import (
	"bytes"
	"strings"
)

// unpackerFor returns what takes an attachment apart, nil where there is nothing to.
func (x *run) unpackerFor(a *Attachment, at place) (unpacker, error) {
	// QUIRK: many web mailers attach messages as application/octet-stream.
	if isMessage(a.MediaType) || a.MediaType == "application/octet-stream" && hasSuffixFold(a.Name, ".eml") {
		if at.depth > x.limits.Depth {
			return nil, &LimitError{"depth", int64(x.limits.Depth)}
		}
		return newParser(x, at), nil
	}
	text := isEncodedText(a.MediaType)
	if !text && !isTNEF(a) && !isOpaqueSMIME(a) {
		return nil, nil
	}
	if at.containers++; at.containers > x.limits.Containers {
		return nil, &LimitError{"containers", int64(x.limits.Containers)}
	}
	if text {
		s := newTextScanner(x, at)
		s.binHex = strings.Contains(a.MediaType, "binhex")
		return s, nil
	}
	if isTNEF(a) {
		return newTNEFUnpacker(x, a, at), nil
	}
	return newSMIMEUnpacker(x, a, at), nil
}

// isEncodedText reports whether a type says that the content is text with a file in it.
func isEncodedText(mediaType string) bool {
	_, subtype, _ := strings.Cut(mediaType, "/")
	switch strings.TrimPrefix(subtype, "x-") {
	case "mac-binhex40", "mac-binhex", "binhex", "binhex40", "yenc", "yencoded", "yencode", "uuencode", "uuencoded", "uue":
		return true
	}
	return false
}

// isTNEF reports whether an attachment is the winmail.dat of Microsoft Outlook.
func isTNEF(a *Attachment) bool {
	switch a.MediaType {
	case "application/ms-tnef", "application/vnd.ms-tnef":
		return true
	}
	return strings.EqualFold(a.Name, "winmail.dat") || strings.EqualFold(a.Name, "win.dat") && a.MediaType == "application/octet-stream"
}

// isOpaqueSMIME reports whether an attachment may hold what it signs (RFC 8551
// section 3.5.2), by its type or, as gateways replace that, its name.
func isOpaqueSMIME(a *Attachment) bool {
	switch a.MediaType {
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
		return true
	}
	return len(a.Name) > len(".p7m") && hasSuffixFold(a.Name, ".p7m")
}

// hasSuffixFold reports whether s ends with an ASCII suffix in any case.
func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// beginsEntity reports whether a content begins with the header of a MIME entity,
// and false while that can't be told for want of a whole line.
func beginsEntity(start []byte) bool {
	line, _, _ := bytes.Cut(bytes.TrimLeft(start, "\r\n"), []byte("\n"))
	name, _, ok := splitField(line)
	return ok && (hasPrefixFold(name, "content-") || strings.EqualFold(string(name), "mime-version"))
}
