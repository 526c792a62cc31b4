// Package foreign makes text printable that strangers chose: senders, servers, whoever
// named a file. Every such text passes here before a terminal, a log or JSON output.
//
// These are written as escapes, in the manner of Go:
//
//   - escape sequences of terminals, which move the cursor, set the title or write to
//     the clipboard: ESC, and the C1 controls that stand for two bytes of them (\x1b, \u009b)
//   - line separators, which forge lines of a log (\n, \u2028)
//   - bidirectional controls, which turn "gpj.exe" into "exe.jpg" for the reader (\u202e)
//   - invisible characters, which make two names look like one (\u200b, \U000e0061)
//   - bytes that are not UTF-8 (\xff)
//
// What a person can read stays as it is, in any script. A backslash stays too, so that
// text which was escaped once does not change when it is escaped again. The price:
// an escape cannot be told from text that looks like one.
package foreign

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns s for one line of a terminal, a table or a log. Line breaks and tabs
// are escaped.
func Text(s string) string { return escape(s, false) }

// Lines is [Text] for what may have several lines, such as an error that joins others:
// line feeds and tabs stay.
func Lines(s string) string { return escape(s, true) }

// Error returns the text of err by [Lines].
func Error(err error) string { return Lines(err.Error()) }

// JSON returns a JSON text with the same values, in which every character that [Text]
// would escape is an escape of JSON, such as \u009b (RFC 8259 section 7). A JSON encoder
// need not escape anything above U+001F. Bytes that are not UTF-8 become U+FFFD. Line
// feeds and tabs between the values stay.
func JSON(text []byte) []byte {
	clean := 0
	for clean < len(text) && isPlain(text[clean]) {
		clean++
	}
	if clean == len(text) {
		return text
	}
	out := append(make([]byte, 0, len(text)+len(text)/4), text[:clean]...)
	before := rune(0)
	for i := clean; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		next, _ := utf8.DecodeRune(text[i+n:])
		switch {
		case isPlain(text[i]), r != utf8.RuneError && shows(before, r, next), r == utf8.RuneError && n == 3:
			out, before = append(out, text[i:i+n]...), r
			i += n
			continue
		case r == utf8.RuneError: // not UTF-8: JSON can't say which byte
			out = append(out, `\ufffd`...)
		case r > 0xffff:
			out = appendHex(out, 'u', 4, 0xd800+(r-0x10000)>>10)
			out = appendHex(out, 'u', 4, 0xdc00+(r-0x10000)&0x3ff)
		default:
			out = appendHex(out, 'u', 4, r)
		}
		before = 0
		i += n
	}
	return out
}

func isPlain(c byte) bool { return c >= ' ' && c <= '~' || c == '\n' || c == '\t' }

// JSONWriter passes on JSON texts by [JSON]. Each Write must be one or more whole texts,
// as a logger and a json.Encoder write them.
type JSONWriter struct{ W io.Writer }

// Write writes the texts to W in one Write. It returns len(text), or 0 and W's error.
func (w JSONWriter) Write(text []byte) (int, error) {
	if _, err := w.W.Write(JSON(text)); err != nil {
		return 0, err
	}
	return len(text), nil
}

func escape(s string, lines bool) string {
	clean := 0
	for clean < len(s) && (s[clean] >= ' ' && s[clean] <= '~' || lines && isPlain(s[clean])) {
		clean++
	}
	if clean == len(s) {
		return s
	}
	out := append(make([]byte, 0, len(s)+len(s)/4), s[:clean]...)
	before := rune(0)
	for i := clean; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		next, _ := utf8.DecodeRuneInString(s[i+n:])
		switch {
		case lines && (r == '\n' || r == '\t'):
			out = append(out, byte(r))
		case r == utf8.RuneError && n == 1:
			out = appendHex(out, 'x', 2, rune(s[i]))
		case shows(before, r, next):
			out, before = append(out, s[i:i+n]...), r
			i += n
			continue
		default:
			out = appendEscape(out, r)
		}
		before = 0
		i += n
	}
	return string(out)
}

func appendEscape(out []byte, r rune) []byte {
	if i := strings.IndexRune("\a\b\t\n\v\f\r", r); i >= 0 {
		return append(out, '\\', "abtnvfr"[i])
	}
	switch {
	case r < 0x80:
		return appendHex(out, 'x', 2, r)
	case r < 0x10000:
		return appendHex(out, 'u', 4, r)
	}
	return appendHex(out, 'U', 8, r)
}

func appendHex(out []byte, kind byte, digits int, r rune) []byte {
	out = append(out, '\\', kind)
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		out = append(out, "0123456789abcdef"[r>>shift&0xf])
	}
	return out
}

const (
	nonJoiner, joiner           = 0x200c, 0x200d
	textVariant, pictureVariant = 0xfe0e, 0xfe0f
	blankBraille                = 0x2800
)

// shows reports whether a reader sees r, between its two neighbours, and nothing obeys it.
func shows(before, r, next rune) bool {
	switch {
	case r >= ' ' && r <= '~':
		return true
	case r == joiner || r == nonJoiner: // for Persian, the scripts of India, composed pictures
		return (joins(before) || before == pictureVariant) && joins(next)
	case r == textVariant || r == pictureVariant:
		return before > '~' && unicode.IsSymbol(before) || before == '#' || before == '*' || before >= '0' && before <= '9'
	case fills(r):
		return false
	}
	return unicode.IsPrint(r) || unicode.Is(unicode.Zs, r)
}

// fills reports whether r is invisible although Unicode has it as a letter, a mark or a
// symbol.
func fills(r rune) bool {
	return r == blankBraille || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// joins reports whether a joiner beside r has a meaning. No script that joins has letters
// of two cases.
func joins(r rune) bool {
	return r != utf8.RuneError && !fills(r) && unicode.In(r, unicode.Lo, unicode.Mn, unicode.Mc, unicode.So, unicode.Sk)
}
