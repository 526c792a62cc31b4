package extractor

import (
	"bytes"
	"strings"
)

// unpackerFor returns what takes an attachment apart, by its type or name; nil for nothing.
func (x *run) unpackerFor(a *Attachment, at place) (unpacker, error) {
	if isMessage(a.MediaType) {
		return x.unpackMessage(at)
	}
	text := isEncodedText(a.MediaType)
	if !text && !isTNEF(a) && !isOpaqueSMIME(a) {
		return nil, nil
	}
	if err := x.enter(&at); err != nil {
		return nil, err
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

// unpackerIn returns what takes a content apart, by its beginning; nil for nothing. It finds
// winmail.dat under any name and type, and attached messages by their name.
//
// QUIRK: web mailers attach both as application/octet-stream, gateways rename winmail.dat
// to "noname", and PHP scripts send attached messages as text/rfc822.
func (x *run) unpackerIn(start []byte, a *Attachment, at place) (unpacker, error) {
	if hasStart(start, tnefSignature) {
		if err := x.enter(&at); err != nil {
			return nil, err
		}
		return newTNEFUnpacker(x, a, at), nil
	}
	if (hasSuffixFold(a.Name, ".eml") || strings.HasSuffix(a.MediaType, "/rfc822") || strings.HasPrefix(a.MediaType, "multipart/")) && begins(start, "message") {
		return x.unpackMessage(at)
	}
	return nil, nil
}

// unpackMessage returns a parser for an attached message.
func (x *run) unpackMessage(at place) (unpacker, error) {
	if at.depth > x.limits.Depth {
		return nil, &LimitError{"depth", int64(x.limits.Depth)}
	}
	return newParser(x, at), nil
}

// enter counts one container more around its contents.
func (x *run) enter(at *place) error {
	if at.containers++; at.containers > x.limits.Containers {
		return &LimitError{"containers", int64(x.limits.Containers)}
	}
	return nil
}

// isEncodedText reports whether a type is that of a text with an encoded file in it.
func isEncodedText(mediaType string) bool {
	_, subtype, _ := strings.Cut(mediaType, "/")
	switch strings.TrimPrefix(subtype, "x-") {
	case "mac-binhex40", "mac-binhex", "binhex", "binhex40", "yenc", "yencoded", "yencode", "uuencode", "uuencoded", "uue":
		return true
	}
	return false
}

// isTNEF reports whether an attachment is a winmail.dat of Microsoft Outlook ([MS-OXTNEF]),
// by its type or name.
func isTNEF(a *Attachment) bool {
	switch a.MediaType {
	case "application/ms-tnef", "application/vnd.ms-tnef":
		return true
	}
	return strings.EqualFold(a.Name, "winmail.dat") || strings.EqualFold(a.Name, "win.dat") && a.MediaType == "application/octet-stream"
}

// isOpaqueSMIME reports whether an attachment may hold signed content (RFC 8551 section
// 3.5.2), by its type, or by its name: gateways replace the type.
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

// beginsEntity reports whether a content begins with the header of a MIME entity (RFC 2045
// section 2.4).
func beginsEntity(start []byte) bool {
	line, _, _ := bytes.Cut(bytes.TrimLeft(start, "\r\n"), []byte("\n"))
	name, _, ok := splitField(line)
	return ok && (hasPrefixFold(name, "content-") || strings.EqualFold(string(name), "mime-version"))
}
