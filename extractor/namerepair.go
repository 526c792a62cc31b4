package extractor

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// isPath reports whether a name is the path of a file on the sender's machine, of
// which the last component is the name. Most slashes in names are none of a path's:
// "Zahlungsavis vom 05/03/2026.pdf", "FV/0012/2026.pdf". What is one begins like one,
// goes up, or has plain names with letters in them before a file name.
func isPath(name string) bool {
	if !strings.ContainsAny(name, `/\`) {
		return false
	}
	slashed := strings.ReplaceAll(name, `\`, "/")
	switch {
	case slashed[0] == '/', strings.HasPrefix(slashed, "./"), strings.HasPrefix(slashed, "~/"):
		return true
	case len(slashed) > 2 && slashed[1] == ':' && unicode.IsLetter(rune(slashed[0])): // C:/docs, and C:file is none
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

// isPlain reports whether a component of a path is made of letters, digits and what
// joins them, as programs name their folders.
func isPlain(component string) bool {
	return component != "" && !strings.ContainsFunc(component, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && !strings.ContainsRune("._-+~$", r)
	})
}

// quotes are those that programs put around a name, the opening one first.
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

// unquote takes off the quotes around a name, or around all of it that stands before
// the extension, and a straight one that is left at an end.
//
// QUIRK: the program quotes the name, and so does its library.
func unquote(name string) string {
	if strings.HasPrefix(name, `\`) { // of a script that escapes what another one quotes
		if _, quoted := strings.CutPrefix(strings.TrimLeft(name, `\`), `"`); quoted || strings.HasPrefix(strings.TrimLeft(name, `\`), "'") {
			name = escapedQuotes.Replace(name)
		}
	}
	for range 3 { // of each of a few layers
		before := name
		name = unwrap(strings.TrimSpace(name))
		if base, ext := SplitExt(name); ext != "" {
			name = unwrap(base) + ext
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

// longestLoneExtension is how long an extension is that stands for a name, so that
// ".htaccess" is none.
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

// dropLooseJoiners drops the joiners that join nothing: beside Latin letters, where
// they make one name look like another, and at the ends.
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

// isJoinable reports whether a joiner beside a character means anything.
func isJoinable(r rune) bool {
	return r > 0x2ff && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsSymbol(r)) && r != utf8.RuneError
}
