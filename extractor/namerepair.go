package extractor

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// isPath reports whether a name is a path on the sender's machine. RFC 2183 section 2.3
// takes its last component for the name. Most slashes in names belong to no path:
// "Zahlungsavis vom 05/03/2026.pdf", "FV/0012/2026.pdf". A path begins like one, goes up, or
// has plain folder names with letters before the file name.
func isPath(name string) bool {
	if !strings.ContainsAny(name, `/\`) {
		return false
	}
	slashed := strings.ReplaceAll(name, `\`, "/")
	switch {
	case slashed[0] == '/', strings.HasPrefix(slashed, "./"), strings.HasPrefix(slashed, "~/"):
		return true
	case len(slashed) > 2 && slashed[1] == ':' && unicode.IsLetter(rune(slashed[0])): // C:/docs
		return true
	case strings.Contains(slashed, "://"), strings.HasPrefix(slashed, "../"), strings.Contains(slashed, "/../"):
		return true
	}
	folders, file := path.Split(slashed)
	if base, ext := SplitExt(file); ext == "" || !strings.ContainsFunc(base, unicode.IsLetter) {
		return false
	}
	for i, folder := range strings.Split(strings.TrimSuffix(folders, "/"), "/") {
		if !isPlain(folder) || utf8.RuneCountInString(folder) < 2 || i == 0 && !strings.ContainsFunc(folder, unicode.IsLetter) {
			return false
		}
	}
	return isPlain(file)
}

// isPlain reports whether a component of a path is made of letters, digits and the signs
// that join them, as programs name their folders.
func isPlain(component string) bool {
	return component != "" && !strings.ContainsFunc(component, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && !strings.ContainsRune("._-+~$", r)
	})
}

// quotes are the pairs that programs put around a name.
var quotes = [...][2]string{
	{`"`, `"`},
	{"'", "'"},
	{"`", "'"},
	{"\u201c", "\u201d"},
	{"\u201e", "\u201c"},
	{"\u201e", "\u201d"},
	{"\u201d", "\u201d"},
	{"\u2018", "\u2019"},
	{"\u201a", "\u2018"},
	{"\u00ab", "\u00bb"},
	{"\u00bb", "\u00ab"},
	{"\u2039", "\u203a"},
	{"\u300c", "\u300d"},
	{"\uff02", "\uff02"},
}

// unquote takes off the quotes around a name, or around the part of it before the
// extension, and a single straight quote at either end.
//
// QUIRK: a program quotes the name, and its library quotes it once more.
func unquote(name string) string {
	if strings.HasPrefix(name, `\`) { // QUIRK: a script escapes the quotes of another one
		if _, quoted := strings.CutPrefix(strings.TrimLeft(name, `\`), `"`); quoted || strings.HasPrefix(strings.TrimLeft(name, `\`), "'") {
			name = escapedQuotes.Replace(name)
		}
	}
	for range 3 { // a few layers at most
		before := name
		name = unwrap(strings.TrimSpace(name))
		if base, ext := SplitExt(name); ext != "" {
			if inner := unwrap(base); len(inner) < len(base) {
				name = inner + ext
			}
		}
		if name == before {
			break
		}
	}
	if strings.Count(name, `"`) == 1 {
		name = strings.Trim(name, `"`)
	}
	return name
}

var escapedQuotes = strings.NewReplacer(`\\"`, `"`, `\"`, `"`, `\'`, `'`)

func unwrap(s string) string {
	for _, q := range quotes {
		inner, ok := strings.CutPrefix(s, q[0])
		if !ok {
			continue
		}
		if inner, ok = strings.CutSuffix(inner, q[1]); ok && inner != "" && !strings.Contains(inner, q[0]) && !strings.Contains(inner, q[1]) {
			return inner
		}
	}
	return s
}

// longestLoneExtension is the length of the longest extension that stands for a name, its
// dot left out: ".htaccess" is a name.
const longestLoneExtension = 5

// isExtension reports whether a name is nothing but an extension.
func isExtension(name string) bool {
	ext, ok := strings.CutPrefix(name, ".")
	return ok && len(ext) > 1 && len(ext) <= longestLoneExtension && !strings.ContainsFunc(ext, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// The zero width joiners join emoji, and letters of Arabic, Persian and Indian scripts,
// where they are a matter of spelling.
const (
	nonJoiner = '\u200c'
	joiner    = '\u200d'
)

// dropLooseJoiners drops the joiners that join nothing, at the ends and beside Latin
// letters: there they make one name look like another.
func dropLooseJoiners(name string) string {
	if !strings.ContainsRune(name, nonJoiner) && !strings.ContainsRune(name, joiner) {
		return name
	}
	var out strings.Builder
	before := rune(0)
	for i, r := range name {
		if r == joiner || r == nonJoiner {
			after, _ := utf8.DecodeRuneInString(name[i+utf8.RuneLen(r):])
			if !isJoinable(before) || !isJoinable(after) {
				continue
			}
		}
		out.WriteRune(r)
		before = r
	}
	return out.String()
}

// isJoinable reports whether a joiner beside this character means anything.
func isJoinable(r rune) bool {
	return r > 0x2ff && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsSymbol(r)) && r != utf8.RuneError
}
