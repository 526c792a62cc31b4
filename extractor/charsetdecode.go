package extractor

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/korean"
)

// decodeTable decodes a charset of single bytes (see singleByteTables).
func decodeTable(table, s string) (string, bool) {
	runes := []rune(table)
	ascii := 256 - len(runes)
	var out strings.Builder
	for i := range len(s) {
		switch c := int(s[i]); {
		case c < ascii:
			out.WriteByte(s[i])
		case runes[c-ascii] == utf8.RuneError:
			return "", false
		default:
			out.WriteRune(runes[c-ascii])
		}
	}
	return out.String(), true
}

// decodeUTF16 decodes UTF-16. It is big-endian unless a byte order mark says otherwise (RFC
// 2781 section 4.3), or unless only the second byte is zero.
func decodeUTF16(s string) (string, bool) {
	var order binary.ByteOrder = binary.BigEndian
	b := []byte(s)
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		order, b = binary.LittleEndian, b[2:]
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		b = b[2:]
	case len(b) >= 2 && b[0] != 0 && b[1] == 0:
		order = binary.LittleEndian
	}
	if len(b)%2 != 0 {
		return "", false
	}
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) > 0; b = b[2:] {
		units = append(units, order.Uint16(b))
	}
	return string(utf16.Decode(units)), true
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

// decodeUTF32 decodes UTF-32. It is big-endian unless a byte order mark or the charset's
// name says otherwise.
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

// decodeISO2022KR decodes ISO-2022-KR, the mail charset of Korea (RFC 1557). It has seven
// bits, and characters of KS X 1001 between SO and SI.
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

// decodeJohab decodes Johab (KS X 1001 annex 3). A syllable has five bits for each of its
// three letters. Other characters are those of KS X 1001.
func decodeJohab(s string) (string, bool) {
	var out strings.Builder
	for b := []byte(s); len(b) > 0; {
		if b[0] < 0x80 {
			out.WriteByte(b[0])
			b = b[1:]
			continue
		}
		if len(b) < 2 {
			return "", false
		}
		r, ok := johabRune(b[0], b[1])
		if !ok {
			return "", false
		}
		out.WriteRune(r)
		b = b[2:]
	}
	return out.String(), true
}

func johabRune(lead, trail byte) (rune, bool) {
	if lead < 0xd8 {
		code := int(lead)<<8 | int(trail)
		initial, vowel, final := code>>10&31-2, johabVowels[code>>5&31], code&31-1
		if final > 17 {
			final-- // 18 is no final consonant
		}
		if initial < 0 || initial > 18 || vowel < 0 || final < 0 || final > 27 {
			return 0, false
		}
		return rune(0xac00 + (initial*21+vowel)*28 + final), true
	}
	row := 0
	switch {
	case lead >= 0xd9 && lead <= 0xde:
		row = int(lead-0xd9)*2 + 0x21
	case lead >= 0xe0 && lead <= 0xf9:
		row = int(lead-0xe0)*2 + 0x4a
	default:
		return 0, false
	}
	cell := int(trail) - 0x31
	if trail >= 0x91 {
		cell = int(trail) - 0x43
	}
	if cell < 0 || trail > 0x7e && trail < 0x91 {
		return 0, false
	}
	if cell >= 94 {
		row, cell = row+1, cell-94
	}
	decoded, err := korean.EUCKR.NewDecoder().Bytes([]byte{byte(row) | 0x80, byte(cell+0x21) | 0x80})
	r, _ := utf8.DecodeRune(decoded)
	return r, err == nil && r != utf8.RuneError
}

// johabVowels are the vowels by their five bits; -1 for none.
var johabVowels = [32]int{
	-1, -1, -1, 0, 1, 2, 3, 4, -1, -1, 5, 6, 7, 8, 9, 10,
	-1, -1, 11, 12, 13, 14, 15, 16, -1, -1, 17, 18, 19, 20, -1, -1,
}
