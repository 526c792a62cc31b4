package extractor

import (
	"bytes"
	"iter"
)

// shortestLine is how many characters a line has at least whose length tells that it is one of
// base64, because others are as long.
const shortestLine = 16

// likeness is what a line of a base64 body is. Text behind base64 ends it.
type likeness int

const (
	base64Data likeness = iota
	plainText           // for sure, or where it is to be expected
	likelyText          // taken for text, and may be base64: that is told as a loss
	likelyData          // taken for base64, and may be text: that is told as a loss
)

// weigh tells base64 from text. Blanks alone make no text of a line: RFC 2045 section 6.8 has them
// ignored, and mailers that wrap base64 like a text put them within lines. Text is words with
// blanks between them, and rules that separate footers.
func (d *base64Decoder) weigh(line []byte) likeness {
	blanks := countBlanks(line)
	n, spaced := len(line)-blanks, blanks > bytes.Count(line, []byte("\r")) // a bare CR may be a line end
	if isRule(line) {
		return d.weighRule(line, n, spaced)
	}
	if !spaced && !d.padded {
		return base64Data // as every decoder takes it
	}
	illegal, words := base64Junk(line) > blanks, isWords(line)
	if d.padded {
		return d.weighBehind(line, n, spaced, illegal, words)
	}
	many := bytes.Count(line, []byte(" ")) >= 2
	switch {
	case !words && !illegal && !d.blanks && endsInWords(line):
		return likelyData // to whose last line text may be glued
	case !words, !illegal && (isPadded(line) || !hasLongWord(line)):
		return base64Data
	case !d.any, illegal && many:
		return plainText
	case illegal && !d.gap && d.last == d.longest:
		return base64Data // and the characters are told
	case n == d.longest && n >= sureLine, d.blanks:
		return likelyData // as other lines are
	case d.gap && !d.gaps || d.last < d.longest:
		return plainText // behind the only blank line, or behind the last line, which is shorter
	case many:
		return likelyText
	}
	return likelyData
}

// weighBehind is weigh for a line behind padding: text, or another block of base64.
func (d *base64Decoder) weighBehind(line []byte, n int, spaced, illegal, words bool) likeness {
	switch {
	case padBytes.hasAll(line): // the padding itself may be cut in two
		return base64Data
	case illegal || spaced && words || n%4 != 0 && line[0] == '=' || bytes.HasPrefix(line, []byte("--")):
		return plainText
	case !words && n == d.longest && n >= shortestLine, n%4 == 0 && isPadded(line):
		return base64Data
	case n%4 != 0 || words || spaced && !d.blanks:
		return likelyText
	}
	return base64Data
}

// weighRule is weigh for a line of symbols. A run of 0xFF is a line of slashes in the usual
// alphabet, and of underscores in the url-safe one.
func (d *base64Decoder) weighRule(line []byte, n int, spaced bool) likeness {
	usual := !spaced && usualSymbolBytes.hasAll(line)
	switch {
	case d.any && string(line) == "--": // the line before a signature (RFC 3676 section 4.3)
		return plainText
	case d.padded && usual && n == d.longest && n >= shortestLine:
		return base64Data
	case d.padded && usual && (n%4 == 0 || n == d.longest):
		return likelyData
	case d.padded && n%4 == 0 && n == d.longest:
		return likelyText
	case d.padded:
		return plainText
	case bytes.ContainsAny(line, "+/"):
		return base64Data
	case n >= 10 && (d.gap || spaced || d.last < d.longest || len(line) != d.last):
		return plainText
	case d.any && n > 1 && n < d.longest:
		return likelyText
	}
	return base64Data
}

// endOfPadding returns where padding ends within a line, behind the characters that ask for it and
// before something else, and 0 if there is no such place.
func (d *base64Decoder) endOfPadding(line []byte) int {
	begin := bytes.IndexByte(line, '=')
	if begin < 0 || base64Junk(line[:begin]) > 0 {
		return 0
	}
	end := len(line) - len(bytes.TrimLeft(line[begin:], "="))
	behind := line[end:]
	if len(behind) == 0 || behind[0] == '-' && !bytes.HasPrefix(behind, []byte("--")) || end-begin > 2 || (d.n+end)%4 != 0 {
		return 0
	}
	return end
}

// glued returns the groups of base64 that text begins with: list software writes its footer right
// behind a last line without a line end. A word is none.
func (d *base64Decoder) glued(text []byte) []byte {
	n := 0
	for n < len(text) && base64Value(text[n]) < base64Blank {
		n++
	}
	if isWords(text[:n]) {
		return nil
	}
	return text[:max(n-(d.n+n)%4, 0)]
}

// isRule reports whether a line has symbols and nothing else.
func isRule(line []byte) bool {
	return symbolBytes.hasAll(line)
}

// isWords reports whether a line is words of a language, and no base64 with blanks in it: whether
// most of its letters, digits, pluses and slashes stand in words. A word has its capitals at its
// beginning, or nothing else, and digits at its end or alone. Base64 changes between the kinds of
// characters within any few of them, unless it is of one byte or two over and over.
func isWords(line []byte) bool {
	all, inWords := bytes.Count(line, []byte("/"))+bytes.Count(line, []byte("+")), 0
	for s := range wordsOf(line) {
		all += len(s)
		if isWord(s) {
			inWords += len(s)
		}
	}
	return all > 0 && inWords*5 >= all*3 && !isPeriodic(withoutBlanks(line))
}

// hasLongWord reports whether four letters in a row are a word's: a few characters of base64 are
// easily like a short one.
func hasLongWord(line []byte) bool {
	for s := range wordsOf(line) {
		if len(digitBytes.trimRight(s)) >= 4 && isWord(s) {
			return true
		}
	}
	return false
}

// endsInWords reports whether what stands behind the first blank of a line is words.
func endsInWords(line []byte) bool {
	_, behind, _ := bytes.Cut(line, []byte(" "))
	return hasLongWord(behind) && isWords(behind)
}

// isPadded reports whether a line ends with the padding that its characters ask for.
func isPadded(line []byte) bool {
	return len(line) > 0 && line[len(line)-1] == '=' && (len(line)-countBlanks(line))%4 == 0
}

// isPeriodic reports whether every fourth character is the same, or every eighth, as in base64 of
// one byte or of two over and over.
func isPeriodic(line []byte) bool {
	for _, period := range [...]int{4, 8} {
		same := 0
		for i := period; i < len(line); i++ {
			if line[i] == line[i-period] {
				same++
			}
		}
		if same > 0 && same*3 >= (len(line)-period)*2 {
			return true
		}
	}
	return false
}

// wordsOf yields the runs of letters and digits of a line. Every byte of another charset than ASCII
// counts as a letter.
func wordsOf(line []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for n := 0; n < len(line); n++ {
			start := n
			for n < len(line) && wordBytes[line[n]] {
				n++
			}
			if n > start && !yield(line[start:n]) {
				return
			}
		}
	}
}

// longestCapitals is how many characters a word in capitals has at most.
const longestCapitals = 20

// isWord reports whether letters and digits make a word.
func isWord(s []byte) bool {
	letters := digitBytes.trimRight(s)
	var lower, upper, digits, foreign int
	for _, c := range letters {
		switch {
		case c >= 0x80:
			foreign++
		case 'a' <= c && c <= 'z':
			lower++
		case 'A' <= c && c <= 'Z':
			upper++
		default:
			digits++
		}
	}
	switch {
	case foreign > 0 || len(letters) == 0:
		return true
	case upper == len(letters):
		return len(s) <= longestCapitals
	case digits > 0:
		return false
	}
	return upper == 0 || upper == 1 && s[0] <= 'Z' || isCompound(letters)
}

// isCompound reports whether letters are words that were put together, such as MailScanner and
// iPhone: two small letters or more follow each capital.
func isCompound(letters []byte) bool {
	small := 2 // of those in a row
	for _, c := range letters {
		switch {
		case 'a' <= c:
			small++
		case small < 2:
			return false
		default:
			small = 0
		}
	}
	return small >= 2
}

// countBlanks counts the blanks and line ends of a line.
func countBlanks(line []byte) (n int) {
	for _, c := range line {
		if base64Value(c) == base64Blank {
			n++
		}
	}
	return n
}

// withoutBlanks returns a line without its blanks.
func withoutBlanks(line []byte) []byte {
	if countBlanks(line) == 0 {
		return line
	}
	short := make([]byte, 0, len(line))
	for _, c := range line {
		if base64Value(c) != base64Blank {
			short = append(short, c)
		}
	}
	return short
}
