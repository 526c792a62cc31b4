package extractor

import (
	"strings"
	"unicode"
	"unicode/utf8"

	charsets "golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// guessed are the charsets of raw 8-bit names, besides UTF-8. If two weigh the same for a
// name, the first one is taken.
var guessed = []struct {
	name   string
	enc    charsets.Encoding
	weigh  func(pair [2]byte) int // weighs a two-byte character; nil for single bytes
	second func(c byte) bool      // whether c may be a second byte
}{
	{"windows-1252", charmap.Windows1252, nil, nil},
	{"shift_jis", japanese.ShiftJIS, weighShiftJIS, func(c byte) bool { return c >= 0x40 && c != 0x7f && c <= 0xfc }},
	{"euc-kr", korean.EUCKR, weighEUCKR, isGR},
	{"gb18030", simplifiedchinese.GB18030, weighGB, func(c byte) bool { return c >= 0x40 && c != 0x7f && c != 0xff }},
	{"big5", traditionalchinese.Big5, weighBig5, func(c byte) bool { return c >= 0x40 && c <= 0x7e || isGR(c) }},
}

func isGR(c byte) bool { return c >= 0xa1 && c <= 0xfe }

// guess returns raw text in UTF-8, whose charset it guesses. A name is too short for the
// statistics of a language. Two things tell: whether the bytes come in pairs, and in which
// rows of a charset's table they fall, since each charset keeps its common characters
// together.
func (t texts) guess(s string) string {
	if utf8.ValidString(s) {
		if strings.Contains(s, "\x1b$") { // raw ISO-2022-JP (RFC 1468), which is 7 bits wide
			if decoded, err := japanese.ISO2022JP.NewDecoder().String(s); err == nil {
				return decoded
			}
		}
		return s
	}
	if decoded, ok := decodeCharset(t.charset, s); ok {
		t.report(ProblemRaw8Bit, "taken for "+t.charset+", as the message is")
		return decoded
	}
	best, bestName, highest := "", "", -1<<30
	for _, g := range guessed {
		decoded, err := g.enc.NewDecoder().String(s)
		if err != nil || strings.ContainsRune(decoded, utf8.RuneError) {
			continue
		}
		weight := weighLatin(s)
		if g.weigh != nil {
			weight = weighPairs(s, g.weigh, g.second, g.name == "shift_jis")
		}
		if weight > highest {
			if decoded, ok := decodeCharset(t.charset, s); ok {
				t.report(ProblemRaw8Bit, "taken for "+t.charset+", as the message is")
				return decoded
			}
			best, bestName, highest = decoded, g.name, weight
		}
	}
	if bestName == "" { // no charset has these bytes
		t.report(ProblemRaw8Bit, "")
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	t.report(ProblemRaw8Bit, "taken for "+bestName)
	return best
}

// weighLatin weighs text as windows-1252, byte by byte. European names have single high
// bytes among ASCII letters, and seldom two in a row.
func weighLatin(s string) int {
	weight, run := 0, 0
	for i := range len(s) {
		c := s[i]
		if c < 0x80 {
			run = 0
			continue
		}
		run++
		switch {
		case c >= 0xc0 && c != 0xd7 && c != 0xf7:
			weight += 4
		case c == 0x8a || c == 0x8c || c == 0x8e || c == 0x9a || c == 0x9c || c == 0x9e || c == 0x9f:
			weight += 3 // Š Œ Ž š œ ž Ÿ
		case c == 0x80 || c >= 0x91 && c <= 0x97 || c == 0xa7 || c == 0xb0 || c == 0xb4 || c == 0xa0 || c == 0xa9 || c == 0xae || c == 0xaa || c == 0xba:
			weight++ // the euro, quotes and dashes of word processors, signs in names
		default:
			weight -= 3
		}
		switch {
		case run > 2:
			weight -= 5
		case run == 2:
			weight -= 3
		}
		// European names have no capitals behind small letters.
		if c >= 0xc0 && c <= 0xde && i > 0 && unicode.IsLower(rune(s[i-1])) {
			weight -= 3
		}
	}
	return weight
}

// weighPairs weighs text as a charset of two-byte characters, byte by byte.
func weighPairs(s string, weigh func([2]byte) int, second func(byte) bool, kana bool) int {
	weight, word := 0, false // word: behind an ASCII letter
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < 0x80 {
			word = isLetter(c)
			continue
		}
		if kana && c >= 0xa1 && c <= 0xdf { // half-width katakana, a byte each
			weight--
			continue
		}
		if i+1 == len(s) || !second(s[i+1]) {
			return -1 << 20
		}
		w := weigh([2]byte{c, s[i+1]})
		if s[i+1] < 0x80 {
			w -= 2 // a letter behind a high byte is more likely a letter
			if word {
				w -= 4
			}
		}
		weight += 2 * w
		word = false
		i++
	}
	return weight
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// The weight of a two-byte character is 3 if every text of the language has such, 2 if it
// is common, and less if a name hardly has it.

func weighShiftJIS(p [2]byte) int {
	switch c := p[0]; {
	case c == 0x82 && p[1] >= 0x9f, c == 0x83 && p[1] <= 0x96:
		return 3 // kana
	case c == 0x81, c == 0x82:
		return 1 // signs, wide letters and digits
	case c >= 0x88 && c <= 0x97:
		return 2 // kanji of level 1
	case c >= 0x98 && c <= 0x9f:
		return 1
	}
	return -2
}

func weighEUCKR(p [2]byte) int {
	switch c := p[0]; {
	case c >= 0xb0 && c <= 0xc8:
	case c == 0xa1, c == 0xa3:
		return 0
	default:
		return -2
	}
	// Chinese lies in the same rows. Read as Korean, it gives syllables that Korean hardly
	// has: with a doubled initial, a diphthong, or none of the seven usual final consonants.
	decoded, err := korean.EUCKR.NewDecoder().Bytes(p[:])
	r, _ := utf8.DecodeRune(decoded)
	if err != nil || r < 0xac00 || r > 0xd7a3 {
		return -2
	}
	syllable := int(r - 0xac00)
	initial, vowel, final := syllable/588, syllable/28%21, syllable%28
	if 1<<initial&(1<<1|1<<4|1<<8|1<<10|1<<13) != 0 || 1<<vowel&(1<<3|1<<10|1<<15) != 0 || 1<<final&(1<<0|1<<1|1<<4|1<<8|1<<16|1<<17|1<<19|1<<21) == 0 {
		return 0
	}
	return 2
}

func weighGB(p [2]byte) int {
	switch c := p[0]; {
	case c >= 0xb0 && c <= 0xd7 && p[1] >= 0xa1:
		if c >= 0xc9 {
			return 3 // Korean has Hanja here, which names do not use any more
		}
		return 2
	case c == 0xa1, c == 0xa3:
		return 0
	case c >= 0xd8 && c <= 0xf7 && p[1] >= 0xa1:
		return 0
	}
	return -2
}

func weighBig5(p [2]byte) int {
	switch c := p[0]; {
	case c >= 0xa4 && c <= 0xc6:
		return 2 // level 1
	case c >= 0xc9 && c <= 0xf9:
		return 0
	}
	return -2
}
