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
	if len(s) > most {
		s = s[:most]
		for len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
		if r, n := utf8.DecodeLastRuneInString(s); r == utf8.RuneError && n == 1 {
			s = s[:len(s)-1] // the first byte of what was cut
		}
		s = strings.Clone(s)
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.ReplaceAll(s, "\x00", "\uFFFD")
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
