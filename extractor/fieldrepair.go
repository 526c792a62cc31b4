package extractor

import (
	"bytes"
	"strings"
)

// repairable are the fields without which a part can't be read. slips is the number of
// wrong letters that a name may have.
var repairable = [...]struct {
	name, letters string
	slips         int
}{
	{"Content-Type", "contenttype", 1},
	{"Content-Disposition", "contentdisposition", 2},
	{"Content-Transfer-Encoding", "contenttransferencoding", 2},
}

// misspeltName returns the repairable field that a name is meant to be; "" for none.
//
// QUIRK: hand-written mailers send "ContentType", "Content_Type" and "Conent-Type".
func misspeltName(name []byte) string {
	if len(name) < 9 || len(name) > 30 {
		return ""
	}
	letters := lettersOf(name)
	for _, field := range repairable {
		if n := len(letters) - len(field.letters); n <= field.slips && -n <= field.slips && slips(letters, field.letters) <= field.slips {
			return field.name
		}
	}
	return ""
}

// lettersOf returns the letters of a name, in lower case.
func lettersOf(name []byte) string {
	letters := make([]byte, 0, len(name))
	for _, c := range name {
		switch {
		case c >= 'A' && c <= 'Z':
			letters = append(letters, c|0x20)
		case c >= 'a' && c <= 'z':
			letters = append(letters, c)
		}
	}
	return string(letters)
}

// slips counts the letters that are wrong, missing, too many, or swapped with the next one:
// the optimal string alignment distance.
func slips(a, b string) int {
	var rows [3][32]int
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			wrong := 1
			if a[i] == b[j] {
				wrong = 0
			}
			row[j+1] = min(row[j]+1, last[j+1]+1, last[j]+wrong)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// repairField splits a line of a repairable field with a blank in its name or without its
// colon: "Content Type: text/csv", "Content-Type application/pdf". The rest must be a value
// of that field, since texts speak of content types, too.
func repairField(line []byte) (name string, value []byte, ok bool) {
	if len(line) == 0 || line[0]|0x20 != 'c' {
		return "", nil, false
	}
	for _, field := range repairable {
		n := 0
		for i := 0; i < len(field.letters) && n < len(line); n++ {
			switch c := line[n]; {
			case c|0x20 == field.letters[i]:
				i++
			case strings.IndexByte("- _", c) < 0:
				n = len(line)
			}
			if i == len(field.letters) {
				n++
				break
			}
		}
		if n >= len(line) {
			continue
		}
		value := bytes.TrimLeft(line[n:], " \t:=;")
		if len(value) < len(line)-n && isValueOf(field.name, value) {
			return field.name, value, true
		}
	}
	return "", nil, false
}

func isValueOf(field string, value []byte) bool {
	word, _, _ := strings.Cut(string(value[:min(len(value), longestFieldName)]), ";")
	word = strings.ToLower(strings.TrimSpace(word))
	switch field {
	case "Content-Type":
		major, minor, ok := strings.Cut(word, "/")
		return ok && major != "" && minor != "" && !strings.ContainsAny(word, " \t")
	case "Content-Disposition":
		return word == "attachment" || word == "inline"
	}
	return len(parseEncodings(word, ignore)) > 0 && !strings.Contains(word, " ")
}

// parseField reads a structured field. The whole field or some of its parameters may be
// encoded words.
//
// QUIRK: RFC 2047 section 5 forbids them in a structured field. Programs encode the whole
// field if it has 8-bit characters; some libraries do so by default.
func parseField(s string, t texts) parameters {
	return parseParameters(decodeStructure(s, t))
}

// decodeStructure decodes the encoded words of a structured field outside of its parameters'
// values.
func decodeStructure(s string, t texts) string {
	if !strings.Contains(s, "=?") {
		return s
	}
	var out strings.Builder
	var at structure
	for s != "" {
		word, _, ok := nextWord(s)
		if !ok {
			break
		}
		at.pass(s[:word.start])
		out.WriteString(s[:word.start])
		if at.inValue {
			at.pass(s[word.start:word.end])
			out.WriteString(s[word.start:word.end])
			s = s[word.end:]
			continue
		}
		end := word.end
		for {
			more, _, ok := nextWord(s[end:])
			if !ok || strings.TrimSpace(s[end:end+more.start]) != "" {
				break
			}
			end += more.end
		}
		decoded := t.decode(s[word.start:end])
		t.report(ProblemEncodedField, clip(decoded))
		at.pass(decoded)
		out.WriteString(decoded)
		s = s[end:]
	}
	return out.String() + s
}

// structure is the state of a reader within a structured field.
type structure struct {
	inValue  bool // of a parameter
	inQuotes bool
}

func (at *structure) pass(s string) {
	for i := range len(s) {
		switch s[i] {
		case '"':
			at.inQuotes = !at.inQuotes
		case '=':
			at.inValue = true
		case ';':
			at.inValue = at.inValue && at.inQuotes
		}
	}
}
