package extractor

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// parameters is the value of a structured field (RFC 2045 section 5.1): a token and its
// parameters.
type parameters struct {
	value  string // lower case, without comments
	params []parameter
}

type parameter struct {
	name  string // lower case
	value string // unquoted
}

// get returns the value of the first parameter of a name that has one; "" for none.
func (p parameters) get(name string) string {
	for _, q := range p.params {
		if q.name == name && q.value != "" {
			return q.value
		}
	}
	return ""
}

// maxParameters bounds the parameters of one field. An honest one has a handful.
const maxParameters = 1000

// parseParameters reads a field such as Content-Type. Beyond RFC 2045 section 5.1 it takes
// what mailers send:
//
//   - values with blanks and special characters that are not quoted;
//   - quotes that are not closed, or stand within quotes;
//   - semicolons that are missing or doubled;
//   - comments anywhere.
func parseParameters(s string) parameters {
	var p parameters
	s = strings.TrimLeft(s, " \t;")
	end := strings.IndexAny(s, ";")
	head := s
	rest := ""
	if end >= 0 {
		head, rest = s[:end], s[end+1:]
	}
	// QUIRK: "attachment filename=x" lacks the semicolon, "filename=x" the type.
	if i := strings.IndexByte(head, '='); i >= 0 {
		start := strings.LastIndexAny(strings.TrimRight(head[:i], " \t"), " \t") + 1
		rest = s[start:]
		head = head[:start]
	}
	p.value = strings.ToLower(strings.TrimSpace(stripComments(head)))
	if major, minor, ok := strings.Cut(p.value, "/"); ok { // QUIRK: "text / plain"
		major, minor = strings.TrimRight(major, " \t"), strings.TrimLeft(minor, " \t")
		if len(major)+len("/")+len(minor) < len(p.value) {
			p.value = major + "/" + minor
		}
	}
	if i := strings.IndexAny(p.value, " \t"); i >= 0 {
		p.value = p.value[:i]
	}
	p.value = strings.Trim(p.value, `"'`)
	for rest != "" && len(p.params) < maxParameters {
		var q parameter
		q, rest = nextParameter(rest)
		if q.name != "" {
			p.params = append(p.params, q)
		}
	}
	return p
}

// nextParameter reads "name=value" up to its semicolon.
func nextParameter(s string) (q parameter, rest string) {
	s = strings.TrimLeft(s, " \t\r\n;")
	eq := strings.IndexAny(s, "=;")
	if eq < 0 {
		return q, ""
	}
	if s[eq] == ';' { // a parameter without a value
		return q, s[eq+1:]
	}
	q.name = strings.ToLower(strings.TrimSpace(stripComments(s[:eq])))
	s = strings.TrimLeft(s[eq+1:], " \t\r\n")
	if strings.HasPrefix(s, `"`) {
		q.value, rest = quotedValue(s[1:])
		return q, rest
	}
	end := strings.IndexByte(s, ';')
	// QUIRK: 'name=a.pdf filename=b.pdf' lacks the semicolon.
	if next := missingSemicolon(s, end); next >= 0 {
		q.value = strings.TrimSpace(s[:next])
		return q, s[next:]
	}
	if strings.HasPrefix(q.name, "filename") || q.name == "name" {
		end = endOfUnquotedName(s, end)
	}
	if q.value = s; end >= 0 {
		q.value, rest = s[:end], s[end+1:]
	}
	q.value = strings.TrimSpace(q.value)
	if n := len(q.value); n >= 2 && q.value[0] == '\'' && q.value[n-1] == '\'' {
		q.value = q.value[1 : n-1]
	}
	return q, rest
}

// endOfUnquotedName returns the end of an unquoted name, or -1 for the end of s. end is its
// first semicolon.
//
// QUIRK: an unquoted name may have semicolons in it. The text behind such a semicolon is no
// parameter: it has the name's extension in it, or is the rest of the field.
func endOfUnquotedName(s string, end int) int {
	for end >= 0 {
		piece := s[end+1:]
		next := strings.IndexByte(piece, ';')
		if next >= 0 {
			piece = piece[:next]
		}
		if strings.TrimSpace(piece) == "" || strings.Contains(piece, "=") || next >= 0 && !strings.Contains(piece, ".") {
			return end
		}
		if next < 0 {
			return -1
		}
		end += 1 + next
	}
	return end
}

// longestUnquoted is how many bytes of an unquoted value are searched for a missing
// semicolon.
const longestUnquoted = 1000

// missingSemicolon returns the start of a known parameter behind a blank in an unquoted
// value, or -1. The value ends at end, or with s if end is -1.
func missingSemicolon(s string, end int) int {
	if end < 0 {
		end = len(s)
	}
	s = s[:min(end, longestUnquoted)]
	for from := 0; ; {
		eq := strings.IndexByte(s[from:], '=')
		if eq < 0 {
			return -1
		}
		eq += from
		start := from + strings.LastIndexAny(s[from:eq], " \t") + 1
		switch strings.ToLower(strings.TrimRight(s[start:eq], "*0123456789")) {
		case "filename", "name", "charset", "boundary", "size", "creation-date", "modification-date", "type", "format":
			if start > from {
				return start
			}
		}
		from = eq + 1
	}
}

// quotedValue reads up to the closing quote. Mailers put quotes within quotes: the closing
// one stands before a semicolon or the end.
func quotedValue(s string) (value, rest string) {
	if i := strings.IndexAny(s, `"\`); i >= 0 && s[i] == '"' && closes(s[i+1:]) {
		return s[:i], afterQuote(s[i+1:])
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '\\':
			// A backslash that escapes nothing stands for itself: it is a path's.
			if i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
				if s[i+1] == '"' && closes(s[i+2:]) && !strings.Contains(s[i+2:], `"`) {
					b.WriteByte(c) // "C:\dir\" is a path's end, not an escape
					return b.String(), afterQuote(s[i+2:])
				}
				i++
				b.WriteByte(s[i])
				continue
			}
			b.WriteByte(c)
		case '"':
			if closes(s[i+1:]) {
				return b.String(), afterQuote(s[i+1:])
			}
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	// No quote closes it. A semicolon with a parameter behind it most likely ended it.
	if i := strings.IndexByte(s, ';'); i >= 0 && strings.Contains(s[i:], "=") {
		return strings.TrimSpace(s[:i]), s[i+1:]
	}
	return strings.TrimSpace(b.String()), ""
}

// closes reports whether a quote may be a closing one, by the text behind it.
func closes(rest string) bool {
	rest = strings.TrimLeft(rest, " \t\r\n")
	if rest == "" || rest[0] == ';' || rest[0] == '(' {
		return true
	}
	// The semicolon is missing: a name and "=" follow.
	i := strings.IndexByte(rest[:min(len(rest), 24)], '=')
	return i > 0 && !strings.ContainsAny(rest[:i], " \t\";.")
}

func afterQuote(rest string) string {
	rest = strings.TrimLeft(rest, " \t\r\n")
	if strings.HasPrefix(rest, "(") {
		if i := strings.IndexByte(rest, ')'); i >= 0 {
			rest = rest[i+1:]
		}
	}
	return rest
}

// stripComments takes out comments, "(...)" (RFC 5322 section 3.2.2).
func stripComments(s string) string {
	if !strings.Contains(s, "(") {
		return s
	}
	var b strings.Builder
	depth := 0
	for i := range len(s) {
		switch {
		case s[i] == '(':
			depth++
		case s[i] == ')' && depth > 0:
			depth--
		case depth == 0:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// text returns the decoded parameter of a name: by RFC 2231, by the encoded words of RFC
// 2047, or raw. It reports every assumption to t.
func (p parameters) text(name string, t texts) string {
	if s, ok := p.extended(name, t); ok {
		return s
	}
	return t.decode(p.get(name))
}

// extended puts name*=, name*0=, name*1*= and so on together (RFC 2231 sections 3 and 4).
// Segments come in any order. A percent triple may be cut between two of them.
func (p parameters) extended(name string, t texts) (string, bool) {
	type segment struct {
		number  int
		encoded bool
		value   string
	}
	var segments []segment
	for _, q := range p.params {
		suffix, ok := strings.CutPrefix(q.name, name+"*")
		if !ok {
			continue
		}
		encoded := strings.HasSuffix(suffix, "*") || suffix == ""
		number, err := strconv.Atoi(strings.TrimSuffix(suffix, "*"))
		if suffix == "" {
			number, err = 0, nil
		}
		if err != nil || number < 0 {
			continue
		}
		segments = append(segments, segment{number, encoded, q.value})
	}
	if len(segments) == 0 {
		return "", false
	}
	slices.SortStableFunc(segments, func(a, b segment) int { return cmp.Compare(a.number, b.number) })
	charset := ""
	first := &segments[0]
	cs, rest, quoted := strings.Cut(first.value, "'")
	_, value, twice := strings.Cut(rest, "'")
	switch {
	case first.encoded && quoted && twice:
		charset, first.value = cs, value
	case first.encoded && quoted && isCharset(cs): // QUIRK: no language, and its quote is missing
		charset, first.value = cs, rest
	case quoted && strings.HasPrefix(rest, "'") && isCharset(cs): // QUIRK: the star is missing
		charset, first.value, first.encoded = cs, value, true
	}
	if first.number > 0 {
		t.report(ProblemNameGap, "")
	}
	pieces := make([]string, 0, len(segments))
	encoded := ""
	for i, s := range segments {
		if i > 0 && s.number == segments[i-1].number {
			continue
		}
		if i > 0 && s.number != segments[i-1].number+1 {
			t.report(ProblemNameGap, "")
		}
		// In a segment that is not encoded, a percent sign stands for itself. Encoded
		// segments are joined first, since a triple may be cut between them.
		if s.encoded || charset != "" && hasHighTriple(s.value) {
			encoded += s.value
			continue
		}
		pieces = append(pieces, percentDecode(encoded), s.value)
		encoded = ""
	}
	value = strings.Join(append(pieces, percentDecode(encoded)), "")
	if charset == "" {
		return t.decode(value), value != ""
	}
	if text := t.convert(charset, value); !strings.Contains(text, "=?") {
		return text, value != ""
	}
	return t.decode(value), true // QUIRK: encoded words within
}

// hasHighTriple reports whether a text has the percent triple of a byte beyond ASCII. No
// plain name has one.
//
// QUIRK: some mailers encode every segment and put the star behind the first one only.
func hasHighTriple(s string) bool {
	for i := 0; i+2 < len(s); i++ {
		if s[i] == '%' {
			hi, ok1 := unhex(s[i+1])
			_, ok2 := unhex(s[i+2])
			if ok1 && ok2 && hi >= 8 {
				return true
			}
		}
	}
	return false
}

func percentDecode(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, ok1 := unhex(s[i+1])
			lo, ok2 := unhex(s[i+2])
			if ok1 && ok2 {
				out = append(out, hi<<4|lo)
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}
