package extractor

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/korean"
)

// charsetNames are names that mailers use and the libraries do not know, or take
// for less than is sent under them: Outlook says iso-8859-1 and means windows-1252.
var charsetNames = map[string]string{
	"iso-8859-1": "windows-1252", "latin1": "windows-1252", "iso8859-1": "windows-1252", "iso_8859-1": "windows-1252", "iso-8859-9": "windows-1254",
	"iso-8859-11": "windows-874", "tis-620": "windows-874", "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "cp936": "gb18030", "ms936": "gb18030", "hz-gb": "hz-gb-2312",
	"cp949": "euc-kr", "ms949": "euc-kr", "uhc": "euc-kr", "ks_c_5601": "euc-kr", "ksc5601": "euc-kr", "x-windows-949": "euc-kr", "cp932": "shift_jis", "ms932": "shift_jis", "windows-932": "shift_jis",
	"x-ms-cp932": "shift_jis", "cp950": "big5", "ms950": "big5", "x-euc-jp": "euc-jp", "eucjp": "euc-jp", "euckr": "euc-kr", "mac-roman": "macintosh", "macroman": "macintosh", "x-mac-roman": "macintosh",
	"cp1250": "windows-1250", "cp1251": "windows-1251", "cp1252": "windows-1252", "cp1253": "windows-1253", "cp1254": "windows-1254", "cp1255": "windows-1255", "cp1256": "windows-1256",
	"cp1257": "windows-1257", "cp1258": "windows-1258", "win-1251": "windows-1251", "koi8": "koi8-r",
}

// decodeCharset converts text of a charset to UTF-8, and reports false when the
// charset is not known or the text is none of it.
func decodeCharset(name, s string) (string, bool) {
	if name == "" {
		return "", false
	}
	if other, ok := charsetNames[name]; ok {
		name = other
	}
	var decoded string
	ok := true
	switch name {
	case "utf-7":
		decoded, ok = decodeUTF7(s)
	case "utf-32", "utf-32be", "utf-32le":
		decoded, ok = decodeUTF32(name, s)
	case "iso-2022-kr":
		decoded, ok = decodeISO2022KR(s)
	default:
		r, err := charset.Reader(name, strings.NewReader(s))
		if err != nil {
			enc, ianaErr := ianaindex.IANA.Encoding(name)
			if ianaErr != nil || enc == nil {
				return "", false
			}
			r = enc.NewDecoder().Reader(strings.NewReader(s))
		}
		var b strings.Builder
		if _, err := io.Copy(&b, r); err != nil {
			return "", false
		}
		decoded = b.String()
	}
	return decoded, ok && utf8.ValidString(decoded) && !strings.ContainsRune(decoded, utf8.RuneError)
}

// isCharset reports whether a name is a charset's.
func isCharset(name string) bool {
	name = strings.ToLower(name)
	if name == "utf-8" || name == "us-ascii" {
		return true
	}
	_, ok := decodeCharset(name, "a")
	return ok
}

// charsetOfWords returns the charset of the first encoded word in a field, if it
// tells anything of raw text.
func charsetOfWords(field string) string {
	if !strings.Contains(field, "=?") {
		return ""
	}
	if _, w, ok := nextWord(field); ok {
		return tellingCharset(w.charset)
	}
	return ""
}

// learnCharset takes the charset of a text part for that of raw names to come.
func (x *run) learnCharset(e *entity) {
	if x.charset == "" && strings.HasPrefix(e.mediaType.value, "text/") {
		x.charset = tellingCharset(e.mediaType.get("charset"))
	}
}

// tellingCharset returns a charset's name unless it fits any text, as those of
// single bytes for Western Europe do, or none that is raw.
func tellingCharset(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	if len(name) > 40 || strings.HasPrefix(name, "utf") || strings.HasPrefix(name, "iso-8859-1") || strings.HasPrefix(name, "iso-2022") || strings.HasSuffix(name, "ascii") || strings.HasSuffix(name, "1252") {
		return ""
	}
	return strings.Clone(name)
}

// decodeUTF7 decodes UTF-7 (RFC 2152).
func decodeUTF7(s string) (string, bool) {
	var out strings.Builder
	for s != "" {
		plain, rest, shifted := strings.Cut(s, "+")
		out.WriteString(plain)
		if !shifted {
			break
		}
		n := 0
		for n < len(rest) && rest[n] != '-' && base64Value(rest[n]) < 64 {
			n++
		}
		if n == 0 && strings.HasPrefix(rest, "-") {
			out.WriteByte('+')
		}
		units, err := base64.RawStdEncoding.DecodeString(rest[:n])
		if err != nil {
			return "", false
		}
		var wide []uint16
		for ; len(units) >= 2; units = units[2:] {
			wide = append(wide, binary.BigEndian.Uint16(units))
		}
		out.WriteString(string(utf16.Decode(wide)))
		s = strings.TrimPrefix(rest[n:], "-")
	}
	return out.String(), true
}

// decodeUTF32 decodes UTF-32, which is big-endian unless a mark or its name says otherwise.
func decodeUTF32(name, s string) (string, bool) {
	var order binary.ByteOrder = binary.BigEndian
	if name == "utf-32le" || strings.HasPrefix(s, "\xff\xfe\x00\x00") {
		order = binary.LittleEndian
	}
	if len(s)%4 != 0 {
		return "", false
	}
	var out strings.Builder
	for b := []byte(s); len(b) > 0; b = b[4:] {
		c := order.Uint32(b)
		if c > utf8.MaxRune {
			return "", false
		}
		if c != 0xfeff {
			out.WriteRune(rune(c))
		}
	}
	return out.String(), true
}

// decodeISO2022KR decodes the mail charset of Korea (RFC 1557): seven bits, with the
// characters of KS X 1001 between SO and SI.
func decodeISO2022KR(s string) (string, bool) {
	b := bytes.ReplaceAll([]byte(s), []byte("\x1b$)C"), nil)
	out := b[:0]
	shifted := false
	for _, c := range b {
		switch {
		case c == 0x0e || c == 0x0f:
			shifted = c == 0x0e
		case shifted && c > ' ':
			out = append(out, c|0x80)
		default:
			out = append(out, c)
		}
	}
	decoded, err := korean.EUCKR.NewDecoder().Bytes(out)
	return string(decoded), err == nil
}
