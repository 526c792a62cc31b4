package config

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// meanings says what YAML takes a value for, by its first character. Such a value needs quotes to
// be text.
var meanings = map[byte]string{
	'*': "YAML takes what begins with * for an alias", '&': "YAML takes what begins with & for an anchor", '!': "YAML takes what begins with ! for a type",
	'@': "YAML lets no value begin with @", '`': "YAML lets no value begin with `", '%': "YAML lets no value begin with %",
	'|': "YAML takes | for the beginning of a text of several lines", '>': "YAML takes > for the beginning of a text of several lines",
	'[': "YAML takes [ for the beginning of a list", '{': "YAML takes { for the beginning of a mapping",
	']': "YAML takes ] for the end of a list", '}': "YAML takes } for the end of a mapping", ',': "YAML takes a comma for the end of an entry",
	'?': "YAML takes ? for a key of several lines",
}

var (
	anchorName   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_-]+`) })
	scalarHeader = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[|>][-+1-9]{0,2}[ \t]*(#.*)?$`) })
	escapes      = `0abtnvfre "/\N_LPxuU`
)

const colonAndBlank = "YAML takes a colon and a blank for the end of a key"

// value reads the value behind a key or a dash, in the column at.
func (s *slips) value(at int) {
	rest := s.text[at:]
	if isEnd(rest) {
		s.opens = true
		return
	}
	plain := strings.TrimRight(cutComment(rest), " \t")
	switch rest[0] {
	case '"', '\'':
		s.opening = slip{line: s.line, col: at, text: "close this quote: the text that it begins has no end"}
		s.quote = rest[0]
		s.inQuote(at + 1)
		return
	case '[', '{':
		s.opening = slip{line: s.line, col: at, text: "close this bracket with " + map[byte]string{'[': "]", '{': "}"}[rest[0]]}
		if s.template(at, plain) {
			return
		}
		s.inFlow(at)
		return
	case '|', '>':
		if scalarHeader().MatchString(rest) {
			s.scalar = 0
			if n := len(s.levels); n > 0 {
				s.scalar = s.levels[n-1].col
			}
			return
		}
	case '&':
		if name := anchorName().FindString(rest[1:]); name != "" && (len(rest) == len(name)+1 || rest[len(name)+1] == ' ') {
			s.anchors[name] = true
			behind := at + 1 + len(name)
			s.value(behind + len(s.text[behind:]) - len(strings.TrimLeft(s.text[behind:], " ")))
			return
		}
	case '!':
		if strings.HasPrefix(rest, "!!") {
			return
		}
	}
	s.opens = false
	if s.reserved(at, plain) {
		return
	}
	s.typographic(at, plain)
	i := strings.Index(plain+" ", ": ")
	switch {
	case i < 0 || s.key == "<<":
	case s.key != "" && isKey(plain[:i]):
		s.add(at, "write %q in the next line, further in than %q", plain[:i+1], printable(s.key)+":")
	default:
		s.add(at, "write %s in quotes: %s", s.shown(plain), colonAndBlank)
	}
}

// reserved reports a value if its first character has a meaning in YAML.
func (s *slips) reserved(at int, plain string) bool {
	switch meaning := meanings[plain[0]]; {
	case plain[0] == '*' && s.anchors[plain[1:]], meaning == "", plain[0] == '?' && !strings.HasPrefix(plain, "? "):
	default:
		s.add(at, "write %s in quotes: %s", s.shown(plain), meaning)
		return true
	}
	if strings.HasPrefix(plain, "- ") {
		s.add(at, "write the list in lines of its own, each with its dash")
		return true
	}
	return false
}

// template reports a text with two leading brackets, such as a path template. No mapping begins so.
func (s *slips) template(at int, plain string) bool {
	found := strings.HasPrefix(plain, "{{")
	if found {
		s.opens = false
		s.sure(at, "write %s in quotes: %s", s.shown(plain), meanings['{'])
	}
	return found
}

// shown returns a value in quotes, or "the value" if it may be a secret.
func (s *slips) shown(plain string) string {
	if !isKey(s.key) {
		return "the value"
	}
	// What looks like a mapping may hold one under a key of its own.
	mapping := strings.ContainsAny(plain, "{[")
	for _, secret := range []string{"pass", "secret", "token", "command", "key", "ping", "url", "proxy", "headers"} {
		if strings.Contains(s.key, secret) || mapping && strings.Contains(plain, secret) {
			return "the value"
		}
	}
	return quote(plain)
}

// typographic reports a value in typographic quotation marks, or with a no-break space at its end.
func (s *slips) typographic(at int, plain string) {
	first, n := utf8.DecodeRuneInString(plain)
	last, m := utf8.DecodeLastRuneInString(plain)
	marks := wrongQuotes + `"'`
	if strings.ContainsRune(wrongQuotes, first) && strings.ContainsRune(marks, last) && len(plain) > n {
		s.sure(at, `write %s with "straight" quotes: YAML takes %c for a letter`, s.shown(plain[n:len(plain)-m]), first)
	} else if strings.ContainsRune(noBreakSpaces, last) {
		s.sure(at+len(plain)-m, "delete this space: it is one of another kind (%U), which YAML takes for a letter", last)
	}
}

// inQuote reads a quoted text from i on, and the rest of the line behind it.
func (s *slips) inQuote(i int) {
	for ; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '\\' && s.quote == '"':
			if i++; i < len(s.text) && strings.IndexByte(escapes, s.text[i]) < 0 {
				s.add(i-1, `write \\ in place of \, or 'single' quotes around the value`)
			}
		case c == s.quote && c == '\'' && strings.HasPrefix(s.text[i+1:], "'"):
			i++
		case c == s.quote:
			s.quote = 0
			if len(s.flow) > 0 {
				s.inFlow(i + 1)
			} else {
				within := map[byte]string{'"': `\"`, '\'': "''"}[c]
				s.behind(i+1, fmt.Sprintf("write %s for a quote within quotes, and nothing behind the closing one", within))
			}
			return
		}
	}
}

// behind checks that nothing follows a quoted text or a bracket.
func (s *slips) behind(i int, instead string) {
	rest := strings.TrimLeft(s.text[i:], " \t")
	if s.opens = false; !isEnd(rest) && rest[0] != ':' {
		s.add(len(s.text)-len(rest), "%s", instead)
	}
}

// behindBracket is behind for brackets, which may have been meant as text.
func (s *slips) behindBracket(i int) {
	rest := strings.TrimRight(cutComment(strings.TrimLeft(s.text[i:], " \t")), " \t")
	switch {
	case rest != "" && strings.IndexByte("]}", rest[0]) >= 0:
		s.behind(i, "delete this bracket: it closes nothing")
	case s.opening.line == s.line && !isEnd(rest) && rest[0] != ':':
		plain := strings.TrimRight(cutComment(s.text[s.opening.col:]), " \t")
		s.add(s.opening.col, "write %s in quotes: %s", s.shown(plain), meanings[plain[0]])
		s.opens = false
	default:
		s.behind(i, "write nothing behind the closing bracket")
	}
}

// inFlow reads from i on within brackets.
func (s *slips) inFlow(i int) {
	for i < len(s.text) {
		c := s.text[i]
		switch {
		case c == ' ' || c == '\t':
			i++
			continue
		case c == '#' && (i == 0 || s.text[i-1] == ' '):
			return
		case c == '[' || c == '{':
			if s.flow, s.named = append(s.flow, c), false; c == '{' && s.template(i, strings.TrimRight(s.text[i:], " ")) {
				s.flow = nil
				return
			}
		case c == ']' || c == '}':
			if s.flow = s.flow[:len(s.flow)-1]; len(s.flow) == 0 {
				s.behindBracket(i + 1)
				return
			}
		case c == ',':
			s.named = false
		case c == ':':
		case c == '"' || c == '\'':
			s.quote = c
			s.inQuote(i + 1)
			return
		default:
			i = s.flowToken(i)
			continue
		}
		i++
	}
}

// flowToken reads a key or a value within brackets and returns its end.
func (s *slips) flowToken(i int) int {
	rest := cutComment(s.text[i:])
	end := 0
	for end < len(rest) && strings.IndexByte(",[]{}", rest[end]) < 0 && !(rest[end] == ':' && (end+1 == len(rest) || strings.IndexByte(" ,[]{}", rest[end+1]) >= 0)) {
		end++
	}
	plain := strings.TrimRight(rest[:end], " \t")
	switch isName := end < len(rest) && rest[end] == ':'; {
	case isName && s.named:
		length := strings.IndexAny(rest, ",]}")
		if length < 0 {
			length = len(rest)
		}
		s.add(i, "write %s in quotes: %s", s.shown(rest[:length]), colonAndBlank)
		return i + length
	case isName:
		s.key, s.named = plain, true
	case plain == "" || strings.HasPrefix(plain, "!!"):
	case plain[0] == '&' && anchorName().FindString(plain[1:]) == plain[1:]:
		s.anchors[plain[1:]] = true
	case !s.reserved(i, plain):
		s.typographic(i, plain)
		s.missingBlankInFlow(i, plain)
	}
	return i + max(end, 1)
}

// missingBlankInFlow is missingBlank for {host:mx.example}.
func (s *slips) missingBlankInFlow(i int, plain string) {
	if name, _, ok := strings.Cut(plain, ":"); ok && isKey(name) && s.flow[len(s.flow)-1] == '{' && !isURL(plain) {
		s.sure(i+len(name)+1, "write a blank behind %q", name+":")
	}
}

// cutComment removes a comment.
func cutComment(text string) string {
	for i := 1; i < len(text); i++ {
		if text[i] == '#' && (text[i-1] == ' ' || text[i-1] == '\t') {
			return text[:i]
		}
	}
	return text
}
