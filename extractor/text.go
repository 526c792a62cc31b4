package extractor

import (
	"encoding/base64"
	"strings"
)

// texts decodes the texts of headers.
type texts struct {
	report  func(ProblemKind, string)
	charset string // used elsewhere in the message; "" if it names none that helps
}

// deepestWords is how deep encoded words may stand within encoded words.
const deepestWords = 3

// decode decodes the encoded words of RFC 2047 wherever they stand, in quotes and within
// words as well, and guesses the charset of raw 8-bit text.
//
// QUIRK: programs encode text that is encoded already, whole or cut into several words.
func (t texts) decode(s string) string {
	for range deepestWords {
		decoded := t.decodeOnce(s)
		if _, _, ok := nextWord(decoded); !ok || decoded == s {
			return decoded
		}
		s = decoded
	}
	return s
}

func (t texts) decodeOnce(s string) string {
	if !strings.Contains(s, "=?") {
		return t.guess(s)
	}
	var out strings.Builder
	var run wordRun
	for s != "" {
		at, w, ok := nextWord(s)
		if !ok {
			break
		}
		before := s[:at.start]
		if !run.open || strings.TrimSpace(before) != "" {
			run.flush(t, &out)
			out.WriteString(t.guess(before))
		} // blanks between two words do not count (RFC 2047 section 6.2)
		if run.open && !strings.EqualFold(w.charset, run.charset) {
			run.flush(t, &out)
		}
		run.add(w)
		s = s[at.end:]
	}
	run.flush(t, &out)
	out.WriteString(t.guess(s))
	return out.String()
}

// wordRun is a run of adjacent encoded words of one charset. Their bytes are decoded
// together: mailers cut a character of several bytes between two words, and some cut within
// an escape or within the four characters of base64.
type wordRun struct {
	open    bool
	charset string
	bytes   []byte
	last    word // not yet decoded
}

func (r *wordRun) add(w word) {
	if r.open && r.last.goesOn(w) {
		r.last.text += w.text
		return
	}
	r.settle()
	r.open, r.charset, r.last = true, w.charset, w
}

// settle decodes the last word.
func (r *wordRun) settle() {
	if r.last.base64 {
		r.bytes = append(r.bytes, decodeB(r.last.text)...)
	} else {
		r.bytes = append(r.bytes, decodeQ(r.last.text)...)
	}
	r.last = word{}
}

func (r *wordRun) flush(t texts, out *strings.Builder) {
	if r.open {
		r.settle()
		out.WriteString(t.convert(r.charset, string(r.bytes)))
		*r = wordRun{}
	}
}

// goesOn reports whether the next word continues w, which was cut within an escape or within
// four characters of base64. Such a rest of base64 is too short for a byte, or leaves bits
// over, or is made up to four characters by the next word.
func (w word) goesOn(next word) bool {
	if w.base64 != next.base64 {
		return false
	}
	if !w.base64 {
		return strings.LastIndexByte(w.text, '=') >= max(len(w.text)-2, 0)
	}
	s := strings.TrimSpace(w.text)
	if strings.HasSuffix(s, "=") {
		return false
	}
	over := len(s) % 4
	switch over {
	case 0:
		return false
	case 1:
		return true
	}
	unused := base64Value(s[len(s)-1]) & (1<<(2*(4-over)) - 1)
	return unused != 0 || (over+len(strings.TrimSpace(next.text)))%4 == 0
}

type span struct{ start, end int }

// word is an encoded word, "=?charset?Q or B?text?=".
type word struct {
	charset, text string
	base64        bool
}

// nextWord returns the first encoded word in s and its place.
func nextWord(s string) (at span, w word, ok bool) {
	for from := 0; ; {
		i := strings.Index(s[from:], "=?")
		if i < 0 {
			return at, w, false
		}
		i += from
		from = i + 2
		cs, rest, ok := strings.Cut(s[i+2:], "?")
		if !ok || len(cs) > 64 || strings.ContainsAny(cs, " \t=") {
			continue
		}
		encoding, text, ok := strings.Cut(rest, "?")
		if !ok || len(encoding) != 1 || !strings.Contains("bBqQ", encoding) {
			continue
		}
		end := strings.Index(text, "?=")
		if end < 0 && (strings.Contains(text, "=?") || strings.ContainsAny(text, " \t")) {
			return at, w, false // no word behind it ends either
		}
		behind := end + 2
		if end < 0 { // QUIRK: the field was cut
			end = len(strings.TrimRight(text, `?"`))
			behind = len(text)
		}
		w.charset, _, _ = strings.Cut(cs, "*") // RFC 2231 section 5: a language
		w.text, w.base64 = text[:end], strings.EqualFold(encoding, "b")
		at = span{i, i + 2 + (len(s[i+2:]) - len(text)) + behind}
		return at, w, true
	}
}

// decodeB decodes base64 (RFC 2047 section 4.1), with or without padding. It passes over
// characters outside the alphabet.
func decodeB(s string) []byte {
	clean := make([]byte, 0, len(s))
	for i := range len(s) {
		if base64Value(s[i]) < 64 {
			clean = append(clean, s[i])
		}
	}
	for i, c := range clean {
		switch c {
		case '-':
			clean[i] = '+'
		case '_':
			clean[i] = '/'
		}
	}
	if len(clean)%4 == 1 {
		clean = clean[:len(clean)-1]
	}
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(clean)))
	n, _ := base64.RawStdEncoding.Decode(out, clean)
	return out[:n]
}

func decodeQ(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '_':
			out = append(out, ' ')
		case c == '=' && i+2 < len(s):
			hi, ok1 := unhex(s[i+1])
			lo, ok2 := unhex(s[i+2])
			if ok1 && ok2 {
				out = append(out, hi<<4|lo)
				i += 2
			} else {
				out = append(out, c)
			}
		default:
			out = append(out, c)
		}
	}
	return out
}

// convert converts text of a charset to UTF-8. It guesses the charset if it is unknown.
func (t texts) convert(name, s string) string {
	name = strings.ToLower(strings.Trim(name, "\"' \t"))
	switch name {
	case "", "us-ascii", "ascii", "utf-8", "utf8", "unknown-8bit", "x-unknown":
		return t.guess(s)
	}
	if decoded, ok := decodeCharset(name, s); ok {
		return decoded
	}
	t.report(ProblemCharset, clip(name))
	return t.guess(s)
}
