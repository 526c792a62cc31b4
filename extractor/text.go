package extractor

import (
	"encoding/base64"
	"strings"
)

// texts reads the texts of headers.
type texts struct {
	report  func(ProblemKind, string)
	charset string // that the message uses elsewhere; "" when it names none that helps
}

// decode decodes RFC 2047 encoded words wherever they stand, in quotes and
// within words as well, and guesses the charset of raw 8-bit text.
func (t texts) decode(s string) string {
	if !strings.Contains(s, "=?") {
		return t.guess(s)
	}
	var out strings.Builder
	// The bytes of adjacent words of one charset are decoded together, since
	// mailers cut multi-byte characters between two words.
	var bytes []byte
	var charset string
	flush := func() {
		if bytes != nil {
			out.WriteString(t.convert(charset, string(bytes)))
			bytes = nil
		}
	}
	for s != "" {
		word, cs, decoded, ok := nextWord(s)
		if !ok {
			break
		}
		before := s[:word.start]
		if bytes == nil || strings.TrimSpace(before) != "" {
			flush()
			out.WriteString(t.guess(before))
		} // blanks between two words do not count (RFC 2047 section 6.2)
		if bytes != nil && !strings.EqualFold(cs, charset) {
			flush()
		}
		charset = cs
		bytes = append(bytes, decoded...)
		if bytes == nil {
			bytes = []byte{}
		}
		s = s[word.end:]
	}
	flush()
	out.WriteString(t.guess(s))
	return out.String()
}

type span struct{ start, end int }

// nextWord finds the first encoded word "=?charset?Q or B?text?=".
func nextWord(s string) (at span, charset string, decoded []byte, ok bool) {
	for from := 0; ; {
		i := strings.Index(s[from:], "=?")
		if i < 0 {
			return at, "", nil, false
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
			return at, "", nil, false // none of the next ones ends either
		}
		behind := end + 2
		if end < 0 { // QUIRK: the field was cut
			end = len(strings.TrimRight(text, `?"`))
			behind = len(text)
		}
		body := text[:end]
		cs, _, _ = strings.Cut(cs, "*") // RFC 2231 section 5: a language
		if strings.EqualFold(encoding, "b") {
			decoded = decodeB(body)
		} else {
			decoded = decodeQ(body)
		}
		at = span{i, i + 2 + (len(s[i+2:]) - len(text)) + behind}
		return at, cs, decoded, true
	}
}

// decodeB decodes base64 with or without padding, passing over what is none.
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

// convert converts text of a charset to UTF-8; of an unknown one it guesses.
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
