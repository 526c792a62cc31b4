package config

import (
	"regexp"
	"strings"
	"sync"
)

// A pattern that hardly matches anything leaves out every attachment without an error. These are
// the usual mistakes: another language of patterns, several patterns in one, a word in place of a
// pattern.

var (
	// wholeName is a file's name with its extension, a good pattern: smime.p7s.
	wholeName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[^.].*\.[0-9A-Za-z]{1,8}$`) })
	// extension is meant as one: pdf, .pdf, tar.gz.
	extension = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\.?[0-9A-Za-z]{1,5}(\.(gz|bz2|xz|zst))?$`) })
	// regular matches what only a regular expression has.
	regular = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\\[.dwsDWS]|^\^|\$$|^\.\*|\.\+|\[[^\]]*.-.[^\]]*\]|\([^)]*\|[^)]*\)`)
	})
	// address is a sender in place of a file's name; icon@2x.png is not one.
	address = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[^@ ]+@[^@ 0-9][^@ ]*\.[A-Za-z]{2,}$`) })
	// several matches several patterns in one.
	several = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[,;|] *[*.]|[^ ] +\*\.|\{[^}]*,[^}]*\}`) })
)

// patternsOf warns of patterns that hardly match what they are meant to.
func (l *loader) patternsOf(r *rawRule) {
	for _, key := range []struct {
		*patterns
		slip func(string) string
	}{{&r.Name, nameSlip}, {&r.From, fromSlip}, {&r.To, fromSlip}, {&r.Subject, subjectSlip}} {
		for i, p := range key.list {
			if i >= len(key.places) || strings.TrimSpace(p) == "" {
				continue
			}
			if text := key.slip(p); text != "" {
				l.warn(WarnOddPattern, key.places[i], "%s", text)
			}
		}
	}
}

// nameSlip says what is odd about a pattern of a file's name, or returns "".
func nameSlip(p string) string {
	switch {
	case several().MatchString(p):
		return quote(p) + " is one pattern, and not several: write a list, such as [\"*.pdf\", \"*.xml\"]"
	case regular().MatchString(p):
		return quote(p) + ` looks like a regular expression, and is a pattern: * is any run of characters, ? one of them; did you mean "*.pdf"?`
	case address().MatchString(p):
		return "takes only a file whose whole name is " + quote(p) + ", did you mean {from: " + p + "}?"
	case strings.ContainsAny(p, "*?"), wholeName().MatchString(p) && !extension().MatchString(p):
		return ""
	case extension().MatchString(p):
		return "takes only a file whose whole name is " + quote(p) + ", did you mean " + quote("*."+strings.TrimPrefix(p, ".")) + "?"
	case strings.Contains(p, "/"):
		return "takes only a file whose whole name is " + quote(p) + ", did you mean {type: " + p + "}?"
	}
	return "takes only a file whose whole name is " + quote(p) + ", did you mean " + quote("*"+p+"*") + "?"
}

// fromSlip says what is odd about a pattern of a sender's or a recipient's address, or returns "".
func fromSlip(p string) string {
	meant := ""
	switch _, after, named := strings.Cut(p, "<"); {
	case regular().MatchString(p):
		return quote(p) + ` looks like a regular expression, and is a pattern: * is any run of characters, ? one of them; did you mean "*@example.org"?`
	case named:
		meant = strings.TrimRight(after, "> ")
	case strings.HasPrefix(p, "@"):
		meant = "*" + p
	case strings.ContainsAny(p, "*?@"):
		return ""
	case wholeName().MatchString(p):
		meant = "*@" + p
	default:
		meant = "*" + p + "*"
	}
	return "is compared with the whole address, which is never " + quote(p) + ", did you mean " + quote(meant) + "?"
}

// subjectSlip says what is odd about a pattern of a subject, or returns "".
func subjectSlip(p string) string {
	if regular().MatchString(p) && !strings.HasPrefix(p, "[") {
		return quote(p) + ` looks like a regular expression, and is a pattern: * is any run of characters, ? one of them; did you mean "*invoice*"?`
	}
	if strings.ContainsAny(p, "*?") {
		return ""
	}
	return "takes only mail whose whole subject is " + quote(p) + ", did you mean " + quote("*"+p+"*") + "?"
}
