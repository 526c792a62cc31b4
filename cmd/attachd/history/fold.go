package history

import (
	"database/sql/driver"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"modernc.org/sqlite"
)

// fold makes texts comparable without regard to case: "Ä", "ä" and "A" with a combining diaeresis
// become the same. Accents stay, as they make other words.
func fold(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	s = strings.Map(func(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }, s)
	return norm.NFC.String(s)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// clean makes a foreign text fit for the file: valid UTF-8, at most so many bytes, and without NUL,
// at which SQLite's own functions would end.
func clean(s string, most int) string {
	s = strings.ToValidUTF8(cut(s, most), "\uFFFD")
	s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	return strings.Clone(cut(s, most))
}

// cut shortens a text to at most so many bytes, between two characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	n := most
	for n > 0 && n > most-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// holds reports whether a text holds a folded one, without regard to case.
func holds(s, folded string) bool {
	if folded == "" {
		return true
	}
	if isASCII(s) {
		return containsFolded(s, folded)
	}
	return strings.Contains(fold(s), folded)
}

// containsFolded is strings.Contains on the lower case of s, which it does not make.
func containsFolded(s, folded string) bool {
	for i := 0; i+len(folded) <= len(s); i++ {
		j := 0
		for j < len(folded) && lower(s[i+j]) == folded[j] {
			j++
		}
		if j == len(folded) {
			return true
		}
	}
	return false
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// holdsFunction is holds for SQL. The index, the search in one account and the search for short
// texts all ask it, so that they find the same.
const holdsFunction = "attachd_holds"

func init() {
	sqlite.MustRegisterDeterministicScalarFunction(holdsFunction, 2, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		s, _ := args[0].(string)
		folded, _ := args[1].(string)
		if holds(s, folded) {
			return int64(1), nil
		}
		return int64(0), nil
	})
}
