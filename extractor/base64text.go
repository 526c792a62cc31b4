package extractor

import "bytes"

// isText reports whether a line of a base64 body is text. Behind padding, everything is text but
// whole groups of four characters. Elsewhere, text is words with other characters between them, and
// rules that separate footers. Blanks alone make no text of a line: RFC 2045 section 6.8 has them
// ignored, and mailers that wrap base64 like a text put them within lines.
func (d *base64Decoder) isText(line []byte) bool {
	rule, illegal := true, false
	for _, c := range line {
		illegal = illegal || base64Value(c) == base64Illegal
		rule = rule && (c == '_' || c == '-' || c == '*' || c == ' ')
	}
	blanks := countBlanks(line)
	spaced := blanks > bytes.Count(line, []byte("\r")) // a bare CR may be a line end
	// In the url-safe alphabet, a line as long as all others may be a run of 0xFF.
	if rule && len(line) >= 10 && (d.padded || d.gap || spaced || d.last < d.longest || len(line) != d.last) {
		return true
	}
	if d.padded && len(bytes.Trim(line, "=")) > 0 { // the padding itself may be cut in two
		return illegal || (len(line)-blanks)%4 != 0 || blanks > 0 && isWords(line)
	}
	// Text ends the body behind a line shorter than the others, which is the last, or behind the only
	// blank line. With other characters than base64's it does so anywhere.
	ends := d.any && d.n == 0 && (d.gap && !d.gaps || d.last < d.longest)
	sure := illegal && (!d.any || bytes.Count(line, []byte(" ")) >= 2)
	if !spaced || !ends && !sure {
		return false
	}
	if n := len(line) - blanks; !sure && (n == d.longest && n >= sureLine || isPadded(line) || !hasLongWord(line)) {
		return false
	}
	return isWords(line)
}

// isWords reports whether a line is words of a language, and no base64 with blanks in it: whether
// most of its letters, digits, pluses and slashes stand in words. A word has its capitals at its
// beginning, or nothing else, and digits at its end or alone. Base64 changes between the kinds of
// characters within any few of them, unless it is of one byte or two over and over.
func isWords(line []byte) bool {
	all, inWords := bytes.Count(line, []byte("/"))+bytes.Count(line, []byte("+")), 0
	for rest := line; len(rest) > 0; {
		n := 0
		for n < len(rest) && isWordByte(rest[n]) {
			n++
		}
		if n == 0 {
			rest = rest[1:]
			continue
		}
		all += n
		if isWord(rest[:n]) {
			inWords += n
		}
		rest = rest[n:]
	}
	return all > 0 && inWords*5 >= all*3 && !isPeriodic(withoutBlanks(line))
}

// hasLongWord reports whether four letters in a row are a word's: a few characters of base64 are
// easily like a short one.
func hasLongWord(line []byte) bool {
	for s := range bytes.FieldsFuncSeq(line, func(r rune) bool { return r < 0x80 && !isWordByte(byte(r)) }) {
		if len(bytes.TrimRight(s, "0123456789")) >= 4 && isWord(s) {
			return true
		}
	}
	return false
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

// isWordByte reports whether c is a letter or a digit. Every byte of another charset than ASCII
// counts as a letter.
func isWordByte(c byte) bool {
	return c >= 0x80 || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// longestCapitals is how many characters a word in capitals has at most.
const longestCapitals = 20

// isWord reports whether letters and digits make a word.
func isWord(s []byte) bool {
	letters := bytes.TrimRight(s, "0123456789")
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
	}
	return digits == 0 && (upper == 0 || upper == 1 && s[0] <= 'Z')
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
