package extractor

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// encoding is a content transfer encoding (RFC 2045 section 6).
type encoding int

const (
	identity encoding = iota
	base64Encoding
	quotedPrintable
	uuencodeEncoding // x-uuencode, which was never registered
	textEncoding     // yEnc or BinHex: a text with a file in it
)

// parseEncodings reads the Content-Transfer-Encoding. Several such fields come joined by
// commas. It returns the declared encodings in their order, and none for an empty field.
func parseEncodings(s string, report func(ProblemKind, string)) []encoding {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	first := parseEncoding(s, report)
	if !strings.ContainsAny(s, ",;") {
		return []encoding{first}
	}
	var all []encoding
	for _, token := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ';' }) {
		known := true
		e := parseEncoding(token, func(kind ProblemKind, _ string) { known = known && kind != ProblemEncoding })
		if known && !slices.Contains(all, e) {
			all = append(all, e)
		}
	}
	if len(all) > 1 {
		report(ProblemTwoEncodings, clip(s))
	}
	if len(all) == 0 {
		return []encoding{first}
	}
	return all
}

// parseEncoding reads one encoding. Mailers send it in quotes, with a comment or a semicolon
// behind it, without its dash, abbreviated, and as an encoded word.
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
		case letters == "qp", strings.Contains(letters, "quoteprint"), strings.Contains(letters, "quotedprint"):
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

// unencoded are the tokens of a body that is not encoded (RFC 2045 section 6.2), and what
// mailers write instead.
var unencoded = []string{"7bit", "8bit", "binary", "7-bit", "8-bit", "7bits", "8bits", "none", ""}

// bodyWindow is how many bytes of a body decide on its encoding, and on whether it is a
// text.
const bodyWindow = 4 << 10

// chooseEncoding decides how a body is encoded, by its declared encodings and by its
// beginning. If they disagree, the body is right: a raw body decoded as base64 is garbage,
// and base64 that is kept as it is helps nobody.
//
// start is the first bodyWindow bytes of the body, or all of it. mediaType and name are
// those of its header.
func chooseEncoding(declared []encoding, start []byte, mediaType, name string, report func(ProblemKind, string)) encoding {
	chosen := identity
	if len(declared) > 0 {
		chosen = declared[0]
	}
	first := bytes.TrimSpace(firstLine(start))
	said := slices.Contains(declared, base64Encoding)
	switch begun := isBase64(first); {
	case said && begun && len(first) >= sureLine && len(declared) == 1:
		return base64Encoding
	case said && slices.Contains(declared, quotedPrintable) && hasEscape(start):
		return quotedPrintable
	case said || begun:
		e, odd := judgeBase64(said, chosen, start, mediaType, name)
		if odd != "" {
			report(ProblemEncoding, odd)
		}
		if said || e == base64Encoding {
			return e
		}
	}
	if slices.Contains(declared, quotedPrintable) {
		if formatIn(start).binary() && isBinary(start) {
			report(ProblemEncoding, "said to be quoted-printable")
			return identity
		}
		return quotedPrintable // a text without escapes comes out as it is
	}
	if chosen == identity && !isText(mediaType) {
		if name, inBase64, ok := uuBegin(firstLine(start)); ok && !inBase64 && name != "" {
			report(ProblemEncoding, "uuencoded, and not said to be")
			return uuencodeEncoding
		}
	}
	for _, e := range declared {
		if e != identity {
			return e
		}
	}
	return chosen
}

// sureLine is the length of a line that is longer than any word.
const sureLine = 40

// judgeBase64 decides whether a body is base64 if it is declared as base64 (said) or begins
// so, and returns what is odd about it. A text that begins as its type asks is no base64,
// though it may hold some: a certificate, a photo in a vCard, an attachment in a message.
func judgeBase64(said bool, chosen encoding, start []byte, mediaType, name string) (e encoding, odd string) {
	want := formatOf(mediaType, name)
	lines, inBase64, sure := base64Lines(start)
	decoded := decodeB(string(lines))
	found := formatIn(decoded)
	if !said {
		if inBase64 && chosen != textEncoding && !begins(start, want) && begins(decoded, want) {
			return base64Encoding, "base64, and not said to be"
		}
		return chosen, ""
	}
	if len(bytes.TrimSpace(start)) == 0 {
		return base64Encoding, ""
	}
	var raw bool
	switch text := want.text() && !isBinary(start); {
	case !isBase64(bytes.TrimSpace(firstLine(start))) && (formatIn(start).text() || begins(start, want) || bytes.HasPrefix(bytes.TrimSpace(start), []byte("-----BEGIN "))):
		raw = true
	case !inBase64:
		raw = found == noFormat
	case !sure:
		raw = text && found == noFormat && (begins(start, want) || isBinary(decoded) || !utf8.Valid(decoded) && !isUTF16(decoded))
	}
	if _, inBase64, ok := uuBegin(firstLine(start)); ok && !inBase64 {
		return uuencodeEncoding, "said to be base64"
	}
	if raw {
		return identity, "said to be base64"
	}
	return base64Encoding, ""
}

// hasEscape reports whether b has an escape of quoted-printable. Base64 has none.
func hasEscape(b []byte) bool {
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '=' {
			_, ok1 := unhex(b[i+1])
			_, ok2 := unhex(b[i+2])
			if ok1 && ok2 {
				return true
			}
		}
	}
	return false
}

// isBase64 reports whether a line is base64 and nothing else.
func isBase64(line []byte) bool {
	for _, c := range line {
		if v := base64Value(c); v >= base64Blank && v != base64Pad {
			return false
		}
	}
	return len(line) > 0
}

// base64Kept is how many characters of base64 tell what is encoded in it.
const base64Kept = 1 << 10

// base64Lines returns the first lines of base64 in a body's beginning. ok says whether the
// body is base64: its first line or most of it. A few other characters in a long line are
// junk from the way (RFC 2045 section 6.8), and text may stand before and behind. sure says
// that a line is longer than any word.
func base64Lines(start []byte) (lines []byte, ok, sure bool) {
	data, all, count, ended := 0, 0, 0, false
	for rest := start; len(rest) > 0; {
		line := rest
		if i := bytes.IndexAny(rest, "\r\n"); i >= 0 {
			line, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		line = bytes.TrimLeft(bytes.TrimSpace(line), "> ") // QUIRK: base64 in a quotation
		if !isWords(line) || isPadded(line) || !hasLongWord(line) {
			line = withoutBlanks(line)
		}
		if len(line) == 0 {
			continue
		}
		if isBase64(line) || len(line) >= sureLine && base64Junk(line) <= len(line)/12 {
			ok = ok || all == 0 && (len(line)%4 == 0 || len(line) >= sureLine)
			data += len(line)
			sure = sure || len(line) >= sureLine
			if room := base64Kept - len(lines); !ended && room > 0 {
				lines = append(lines, line[:min(room, len(line))]...)
			}
			ended = ended || line[len(line)-1] == '='
		} else {
			ended = ended || data > 0
		}
		all += len(line)
		count++
	}
	ok = ok || data > 0 && data*2 >= all
	return lines, ok, ok && (sure || count == 1 && data == all && len(lines)%4 == 0)
}

// base64Junk counts the bytes of a line outside of base64's alphabet.
func base64Junk(line []byte) (n int) {
	for _, c := range line {
		if v := base64Value(c); v >= base64Blank && v != base64Pad {
			n++
		}
	}
	return n
}

// isBinary reports whether b has control characters, and so is no text in UTF-8 or in a
// single-byte charset. UTF-16 with a byte order mark is text.
func isBinary(b []byte) bool {
	if isUTF16(b) {
		return false
	}
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\v' && c != 0x1b || c == 0x7f {
			return true
		}
	}
	return false
}

func isUTF16(b []byte) bool { return hasStart(b, "\xff\xfe") || hasStart(b, "\xfe\xff") }

func isText(mediaType string) bool { return strings.HasPrefix(mediaType, "text/") }

func firstLine(b []byte) []byte {
	line, _, _ := bytes.Cut(bytes.TrimLeft(b, "\r\n"), []byte("\n"))
	return bytes.TrimRight(line, "\r")
}
