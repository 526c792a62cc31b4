package extractor

import (
	"io"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// charsetNames are mailers' names of charsets, with the name to decode them by. The
// libraries do not know some of them, and take others too narrowly: Outlook says
// iso-8859-1 and means windows-1252.
var charsetNames = map[string]string{
	"iso-8859-1": "windows-1252", "latin1": "windows-1252", "iso8859-1": "windows-1252", "iso_8859-1": "windows-1252", "iso-8859-9": "windows-1254",
	"iso-8859-11": "windows-874", "tis-620": "windows-874", "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "cp936": "gb18030", "ms936": "gb18030", "hz-gb": "hz-gb-2312",
	"cp949": "euc-kr", "ms949": "euc-kr", "uhc": "euc-kr", "ks_c_5601": "euc-kr", "ksc5601": "euc-kr", "x-windows-949": "euc-kr", "cp932": "shift_jis", "ms932": "shift_jis", "windows-932": "shift_jis",
	"x-ms-cp932": "shift_jis", "cp950": "big5", "ms950": "big5", "x-euc-jp": "euc-jp", "eucjp": "euc-jp", "euckr": "euc-kr", "mac-roman": "macintosh", "macroman": "macintosh", "x-mac-roman": "macintosh",
	"cp1250": "windows-1250", "cp1251": "windows-1251", "cp1252": "windows-1252", "cp1253": "windows-1253", "cp1254": "windows-1254", "cp1255": "windows-1255", "cp1256": "windows-1256",
	"cp1257": "windows-1257", "cp1258": "windows-1258", "win-1251": "windows-1251", "koi8": "koi8-r", "csiso2022kr": "iso-2022-kr",
}

// decodeCharset converts text of a charset to UTF-8. It reports false if the charset is
// unknown, or the text is not in it.
func decodeCharset(name, s string) (string, bool) {
	if name == "" {
		return "", false
	}
	if other, ok := charsetNames[name]; ok {
		name = other
	}
	decoded, known, ok := decodeNamed(name, s)
	if !known {
		decoded, known, ok = decodeNamed(charsetOf(name), s)
	}
	return decoded, known && ok && utf8.ValidString(decoded) && !strings.ContainsRune(decoded, utf8.RuneError)
}

// decodeNamed converts text of a charset to UTF-8. known says whether the name is known, ok
// whether the text is in that charset.
func decodeNamed(name, s string) (decoded string, known, ok bool) {
	switch name {
	case "":
		return "", false, false
	case "utf-7":
		decoded, ok = decodeUTF7(s)
	case "utf-32", "utf-32be", "utf-32le":
		decoded, ok = decodeUTF32(name, s)
	case "utf-16":
		decoded, ok = decodeUTF16(s)
	case "iso-2022-kr":
		decoded, ok = decodeISO2022KR(s)
	case "johab":
		decoded, ok = decodeJohab(s)
	case "hz-gb-2312":
		decoded, err := simplifiedchinese.HZGB2312.NewDecoder().String(s)
		return decoded, true, err == nil
	default:
		if table, is := singleByteTables[name]; is {
			decoded, ok = decodeTable(table, s)
			break
		}
		r, err := charset.Reader(name, strings.NewReader(s))
		if err != nil {
			enc, ianaErr := ianaindex.IANA.Encoding(name)
			if ianaErr != nil || enc == nil {
				return "", false, false
			}
			r = enc.NewDecoder().Reader(strings.NewReader(s))
		}
		var b strings.Builder
		// Copy's own buffer is many times what most texts are.
		_, err = io.CopyBuffer(&b, r, make([]byte, min(2*len(s)+16, 4<<10)))
		return b.String(), true, err == nil
	}
	return decoded, true, ok
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

// charsetOfWords returns the charset of the first encoded word in a field, if raw text may
// be in it.
func charsetOfWords(field string) string {
	if !strings.Contains(field, "=?") {
		return ""
	}
	if _, w, ok := nextWord(field); ok {
		return tellingCharset(w.charset)
	}
	return ""
}

// learnCharset notes the charset of a text part: raw names may be in it.
func (x *run) learnCharset(e *entity) {
	if x.charset == "" && strings.HasPrefix(e.mediaType.value, "text/") {
		x.charset = tellingCharset(e.mediaType.get("charset"))
	}
}

// tellingCharset returns a charset's name if it tells something of raw text. The
// single-byte charsets of Western Europe fit any text; 7-bit ones and UTF fit no raw one.
func tellingCharset(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	if len(name) > 40 || strings.HasPrefix(name, "utf") || strings.HasPrefix(name, "iso-8859-1") || strings.HasPrefix(name, "iso-2022") || strings.HasSuffix(name, "ascii") || strings.HasSuffix(name, "1252") {
		return ""
	}
	return strings.Clone(name)
}
