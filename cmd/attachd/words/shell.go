package words

import "strings"

// Shell is a text as one word of a command line that somebody copies into a shell: as it is where
// a shell takes nothing in it for its own, else in single quotes (POSIX.1-2017, Shell Command
// Language, section 2.2.2).
func Shell(word string) string {
	harmless := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > '~' || strings.ContainsRune("/._-+@:,%=", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !harmless(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
