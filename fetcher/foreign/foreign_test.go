package foreign

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"":                       "",
		"Rechnung vom 05_03.pdf": "Rechnung vom 05_03.pdf",
		"Übergröße 請求書 счёт حساب ใบแจ้งหนี้": "Übergröße 請求書 счёт حساب ใบแจ้งหนี้",
		"\x1b]0;owned\a":                 `\x1b]0;owned\a`,
		"a\x1b[2Jb":                      `a\x1b[2Jb`,
		"\u009b31m\u0085":                `\u009b31m\u0085`,
		"\x9b31m":                        `\x9b31m`, // C1 as one byte
		"\x7f\x00\b\v\f\r":               `\x7f\x00\b\v\f\r`,
		"one\ntwo\tthree":                `one\ntwo\tthree`,
		"one\u2028two\u2029":             `one\u2028two\u2029`,
		"invoice\u202egpj.exe":           `invoice\u202egpj.exe`,
		"\u200e\u200f\u2066\u2069\u061c": `\u200e\u200f\u2066\u2069\u061c`,
		"a\u200bb\u2060c\ufeffd\u00ade":  `a\u200bb\u2060c\ufeffd\u00ade`,
		"a\u200db\u200cc":                `a\u200db\u200cc`,
		"می\u200cخواهم":                  "می\u200cخواهم",
		"क\u094d\u200dष":                 "क\u094d\u200dष",
		"👩\u200d🚀 ❤\ufe0f 1\ufe0f":       "👩\u200d🚀 ❤\ufe0f 1\ufe0f",
		"a\ufe0f.pdf":                    `a\ufe0f.pdf`,
		"\u3164\u115f\u1160\uffa0\u034f": `\u3164\u115f\u1160\uffa0\u034f`,
		"\u2800":                         `\u2800`,
		"\U000e0061\U000e0100":           `\U000e0061\U000e0100`,
		"\ue000":                         `\ue000`,
		"caf\xe9.pdf":                    `caf\xe9.pdf`,
		"\xed\xa0\x80":                   `\xed\xa0\x80`,
		"\ufffd":                         "\ufffd",
		"one\u00a0two":                   "one\u00a0two",
		`C:\temp\x1b`:                    `C:\temp\x1b`,
	} {
		got := Text(in)
		if got != want {
			t.Errorf("Text(%q) = %q, want %q", in, got, want)
		}
		if again := Text(got); again != got {
			t.Errorf("Text(%q) = %q: not as it was", got, again)
		}
	}
	if got, want := Lines("one\n\ttwo\r\n\x1b"), "one\n\ttwo\\r\n\\x1b"; got != want {
		t.Errorf("Lines: %q, want %q", got, want)
	}
}

func TestJSON(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":"b"}` + "\n":              `{"a":"b"}` + "\n",
		`{"a":"ü\u001b"}`:               `{"a":"ü\u001b"}`,
		"\"\x7f\u009b\u202e\u2028\"":    `"\u007f\u009b\u202e\u2028"`,
		"\"\U000e0061👩\u200d🚀a\u200d\"": `"\udb40\udc61👩` + "\u200d" + `🚀a\u200d"`,
		"\"\xff\"":                      `"\ufffd"`,
	} {
		if got := string(JSON([]byte(in))); got != want {
			t.Errorf("JSON(%q) = %q, want %q", in, got, want)
		}
	}
}

// steers reports whether a terminal, or the eye, would be misled.
func steers(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == 0x2028 || r == 0x2029 || r == 0x200b || unicode.Is(unicode.Bidi_Control, r)
	}) || !utf8.ValidString(s)
}

// FuzzText: nothing that steers comes through, a second round changes nothing, and JSON
// keeps its values.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a\x1b[0m", "\u202e\xff", "क\u094d\u200dष", "\u009b\U000e0061"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		shown := Text(s)
		if steers(shown) {
			t.Errorf("Text(%q) = %q", s, shown)
		}
		if Text(shown) != shown {
			t.Errorf("Text(%q) = %q", shown, Text(shown))
		}
		for line := range strings.Lines(Lines(s)) {
			if steers(strings.NewReplacer("\n", "", "\t", "").Replace(line)) {
				t.Errorf("Lines(%q) has %q", s, line)
			}
		}
		var text bytes.Buffer
		if err := json.NewEncoder(JSONWriter{&text}).Encode(s); err != nil {
			t.Fatal(err)
		}
		if steers(strings.TrimSuffix(text.String(), "\n")) {
			t.Errorf("JSON of %q: %q", s, &text)
		}
		var back string
		if err := json.Unmarshal(text.Bytes(), &back); err != nil || back != strings.ToValidUTF8(s, "\ufffd") && utf8.ValidString(s) {
			t.Errorf("JSON of %q reads %q, %v", s, back, err)
		}
	})
}
