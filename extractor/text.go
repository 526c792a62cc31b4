package extractor

import (
	"encoding/base64"
	"io"
	"strings"

	"github.com/emersion/go-message/charset"
)

// decodeText decodes RFC 2047 encoded words wherever they stand, in quotes and
// within words as well, and guesses the charset of raw 8-bit text.
func decodeText(s string, report func(ProblemKind, string)) string {
	if !strings.Contains(s, "=?") {
		return guessCharset(s, report)
	}
	var out strings.Builder
	// The bytes of adjacent words of one charset are decoded together, since
	// mailers cut multi-byte characters between two words.
	var bytes []byte
	var charset string
	flush := func() {
		if bytes != nil {
			out.WriteString(decodeCharset(charset, string(bytes), report))
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
			out.WriteString(guessCharset(before, report))
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
	out.WriteString(guessCharset(s, report))
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
		if end < 0 {
			return at, "", nil, false // none of the next ones ends either
		}
		body := text[:end]
		cs, _, _ = strings.Cut(cs, "*") // RFC 2231 section 5: a language
		if strings.EqualFold(encoding, "b") {
			decoded = decodeB(body)
		} else {
			decoded = decodeQ(body)
		}
		at = span{i, i + 2 + (len(s[i+2:]) - len(text)) + end + 2}
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

// decodeCharset converts text to UTF-8; of an unknown charset it guesses.
func decodeCharset(name, s string, report func(ProblemKind, string)) string {
	if name == "" || strings.EqualFold(name, "us-ascii") || strings.EqualFold(name, "utf-8") || strings.EqualFold(name, "utf8") {
		return guessCharset(s, report)
	}
	r, err := charset.Reader(name, strings.NewReader(s))
	if err == nil {
		var b strings.Builder
		if _, err = io.Copy(&b, r); err == nil {
			return b.String()
		}
	}
	report(ProblemCharset, name)
	return guessCharset(s, report)
}
