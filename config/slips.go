package config

import (
	"bytes"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// slips finds the usual mistakes in a YAML file, with their places and what to write instead.
// yaml.v3 reports most of them only with a line, often the one before, and with words about tokens.
// slips reads the lines as YAML is mostly written, and reports nothing if in doubt.
//
// A certain slip is in a file that YAML accepts, but with a meaning that nobody intended. The
// others count only if yaml.v3 refuses the file.
type slips struct {
	found   []slip
	line    int    // from 1
	text    string // of the line
	key     string // the last key
	anchors map[string]bool

	levels []level // the columns that mappings and lists stand in
	opens  bool    // the next line may stand further in
	lost   bool    // the columns cannot be judged any more
	scalar int     // within a text of several lines: the indentation of its key; else -1

	quote   byte   // of an open quoted text, or 0
	flow    []byte // the open brackets
	opening slip   // the beginning of the quoted text or of the outermost bracket
	named   bool   // within brackets: a key has come, its value not yet
}

// slip is one mistake.
type slip struct {
	line, col int // col in bytes, from 0
	text      string
	certain   bool
}

// level is a mapping or a list of several lines.
type level struct {
	col  int
	list bool
}

var (
	syntaxLine    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^yaml: (?:line (\d+): )?`) })
	unknownAnchor = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`unknown anchor '.*'`) })
)

// syntax reports a syntax error: by the slips, or else by the words of yaml.v3, which knows a line
// at best.
func (d *decoder) syntax(data []byte, err error, slips []slip) {
	for _, s := range slips {
		at := d.at
		at.line, at.col = s.line, utf8.RuneCount(d.lines[s.line-1][:s.col])+1
		d.problem(at, "%s", s.text)
	}
	if len(slips) > 0 {
		return
	}
	// The name of the anchor is left out: it may be a password with an asterisk in front.
	text := unknownAnchor().ReplaceAllString(err.Error(), "unknown anchor")
	m := syntaxLine().FindStringSubmatch(text)
	if m == nil {
		d.problem(d.offset(data, 0), "the file is not valid YAML")
		return
	}
	at := d.offset(data, 0)
	if n, err := strconv.Atoi(m[1]); err == nil {
		at.line = max(min(n, len(d.lines)), 1)
		line := d.lines[at.line-1]
		at.col = len(line) - len(bytes.TrimLeft(line, " \t")) + 1
	}
	d.problem(at, "%s", strings.TrimPrefix(text, m[0]))
}

func findSlips(lines [][]byte) []slip {
	s := slips{anchors: map[string]bool{}, scalar: -1}
	for i, line := range lines {
		s.line, s.text = i+1, strings.TrimRight(string(line), "\r")
		switch {
		case s.quote != 0:
			s.inQuote(0)
		case len(s.flow) > 0:
			s.inFlow(0)
		default:
			s.block()
		}
	}
	if s.quote != 0 || len(s.flow) > 0 {
		s.found = append(s.found, s.opening)
	}
	return s.found
}

func (s *slips) add(col int, format string, args ...any) {
	s.found = append(s.found, slip{line: s.line, col: col, text: fmt.Sprintf(format, args...)})
}

// sure is add for a certain slip.
func (s *slips) sure(col int, format string, args ...any) {
	s.found = append(s.found, slip{s.line, col, fmt.Sprintf(format, args...), true})
}

const (
	noBreakSpaces = "\u00a0\u2007\u202f\u2002\u2003\u2009\u3000"
	wrongDashes   = "\u2010\u2011\u2012\u2013\u2014\u2212\u2022"
	wrongQuotes   = "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb"
)

// keyAndMore is a key, its colon and the text right behind it.
var keyAndMore = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([a-z][a-z0-9_]*):([^ \t].*)$`) })

// block reads a line outside of quoted texts and brackets.
func (s *slips) block() {
	indent := len(s.text) - len(strings.TrimLeft(s.text, " "))
	rest := s.text[indent:]
	switch r, _ := utf8.DecodeRuneInString(rest); {
	case s.scalar >= 0 && (strings.TrimSpace(rest) == "" || indent > s.scalar):
		return
	case isEnd(strings.TrimLeft(rest, "\t")):
		return
	case r == '\t':
		s.add(indent, "write blanks: a tab cannot indent")
		return
	case strings.ContainsRune(noBreakSpaces, r):
		s.sure(indent, "write a plain blank: this is a space of another kind (%U), which YAML takes for a letter", r)
		return
	case strings.HasPrefix(s.text, "---"), strings.HasPrefix(s.text, "..."), strings.HasPrefix(s.text, "%"):
		s.levels, s.opens, s.scalar = nil, false, -1
		return
	}
	s.scalar = -1
	at, dashed := s.dashes(indent)
	if at < 0 {
		return
	}
	colon := keyEnd(s.text[at:])
	if colon < 0 {
		if !s.missingBlank(at) && (dashed || s.opens) {
			s.opens = false
			s.value(at)
		}
		return
	}
	if s.missingBlank(at) {
		return
	}
	s.level(at, false, dashed)
	s.key = strings.Trim(s.text[at:at+colon], `"' `)
	value := at + colon + 1
	value += len(s.text[value:]) - len(strings.TrimLeft(s.text[value:], " \t"))
	s.value(value)
}

// isEnd reports whether rest is empty or a comment.
func isEnd(rest string) bool { return rest == "" || rest[0] == '#' }

// dashes reads the dashes of list entries and returns the column behind them, or -1 if nothing
// follows.
func (s *slips) dashes(at int) (behind int, dashed bool) {
	for {
		rest := s.text[at:]
		if rest != "-" && !strings.HasPrefix(rest, "- ") && !strings.HasPrefix(rest, "-\t") {
			break
		}
		s.level(at, true, dashed)
		dashed = true
		at += 1 + len(rest[1:]) - len(strings.TrimLeft(rest[1:], " \t"))
		if isEnd(s.text[at:]) {
			s.opens = true
			return -1, true
		}
	}
	rest := s.text[at:]
	r, n := utf8.DecodeRuneInString(rest)
	key, _, colon := strings.Cut(strings.TrimLeft(rest[n:], " "+noBreakSpaces), ":")
	switch {
	case !colon || !isKey(key):
	case r == '-':
		s.lost = true
		s.sure(at, "write a blank behind the dash")
		return -1, dashed
	case strings.ContainsRune(wrongDashes, r):
		s.lost = true
		s.sure(at, "write - and a blank: this is a dash of another kind (%U), which YAML takes for a letter", r)
		return -1, dashed
	}
	return at, dashed
}

// missingBlank reports a key without a blank behind its colon. It does not quote the value, which
// may be a password.
func (s *slips) missingBlank(at int) bool {
	m := keyAndMore().FindStringSubmatch(s.text[at:])
	if m == nil || !isKey(m[1]) || strings.HasSuffix(s.key, "_command") || isURL(s.text[at:]) {
		return false
	}
	s.lost = true
	behind := at + len(m[1]) + 1
	if r, _ := utf8.DecodeRuneInString(m[2]); strings.ContainsRune(noBreakSpaces, r) {
		s.sure(behind, "write a plain blank behind %q: this is a space of another kind (%U), which YAML takes for a letter", m[1]+":", r)
	} else {
		s.sure(behind, "write a blank behind %q", m[1]+":")
	}
	return true
}

// keyEnd returns the place of the colon behind a key, or -1.
func keyEnd(text string) int {
	from := 0
	if text[0] == '"' || text[0] == '\'' {
		if from = strings.IndexByte(text[1:], text[0]) + 2; from == 1 || !strings.HasPrefix(strings.TrimLeft(text[from:], " "), ":") {
			return -1
		}
	} else if strings.IndexByte("[{", text[0]) >= 0 {
		return -1
	}
	for i := from; i < len(text); i++ {
		switch {
		case text[i] == ':' && (i+1 == len(text) || text[i+1] == ' ' || text[i+1] == '\t'):
			return i
		case text[i] == '#' && i > 0 && text[i-1] == ' ':
			return -1
		}
	}
	return -1
}

// level checks the column of a key or a dash against those above. inline means behind a dash, where
// a level begins.
func (s *slips) level(col int, list, inline bool) {
	opens := s.opens || inline
	s.opens = false
	n := len(s.levels)
	for n > 0 && (s.levels[n-1].col > col || s.levels[n-1].col == col && s.levels[n-1].list && !list) {
		n--
	}
	all := s.levels
	s.levels = all[:n]
	if n > 0 && all[n-1] == (level{col, list}) {
		return
	}
	if len(all) == 0 || n > 0 && opens && n == len(all) {
		s.levels = append(s.levels, level{col, list})
		return
	}
	// The neighbours are the ones in the nearest column; of two, the inner one.
	wanted, distance := -1, 0
	for _, l := range all[max(n-1, 0):] {
		if d := max(l.col-col, col-l.col); l.list == list && (wanted < 0 || d <= distance) {
			wanted, distance = l.col, d
		}
	}
	if s.lost || wanted < 0 {
		return
	}
	s.lost = true
	what := "-"
	if !list {
		what = printable(s.text[col:][:keyEnd(s.text[col:])]) + ":"
	}
	s.add(col, "write %s before %q, as before its neighbours, not %d", blanks(wanted), what, col)
}

func blanks(n int) string {
	switch n {
	case 0:
		return "no blank"
	case 1:
		return "1 blank"
	}
	return fmt.Sprintf("%d blanks", n)
}

// knownKeys are the keys of all sections.
var knownKeys = sync.OnceValue(func() map[string]decodable {
	all := map[string]decodable{}
	for _, section := range []any{
		&rawConfig{}, &rawAccount{}, &rawTLS{}, &rawOAuth{}, &rawLog{}, &rawLimits{}, &rawTimeouts{}, &rawQuarantine{}, &rawRule{},
		&rawHTTP{}, &rawMetrics{}, &rawHistory{}, &rawNotify{}, &rawTarget{}, &rawMailTarget{}, &rawNtfyTarget{}, &rawWebhookTarget{},
	} {
		fieldsOf(reflect.ValueOf(section).Elem(), all)
	}
	return all
})

// isURL tells a URL from the section http without a blank.
func isURL(text string) bool { return strings.HasPrefix(text, "http://") }

func isKey(name string) bool { _, ok := knownKeys()[name]; return ok }
