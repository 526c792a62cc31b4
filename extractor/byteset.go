package extractor

// byteSet is a set of bytes. Package bytes makes a set anew at each call, which takes longer than
// to look at a short line.
type byteSet [256]bool

var (
	blankBytes   = setOf(" \t")
	lineEndBytes = setOf("\r\n")
	spaceBytes   = setOf(" \t\r\n")
	digitBytes   = setOf("0123456789")
	padBytes     = setOf("=")
	quoteBytes   = setOf("> ")
	// symbolBytes are those of rules. The usual alphabet of base64 has some of them.
	symbolBytes      = setOf("_-*+/ \t")
	usualSymbolBytes = setOf("+/")
	// wordBytes are letters and digits. Every byte of another charset than ASCII counts as a letter.
	wordBytes = func() *byteSet {
		set := setOf("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
		for c := 0x80; c < len(set); c++ {
			set[c] = true
		}
		return set
	}()
)

func setOf(s string) *byteSet {
	var set byteSet
	for i := range len(s) {
		set[s[i]] = true
	}
	return &set
}

// trimLeft returns b without the bytes of the set that it begins with.
func (s *byteSet) trimLeft(b []byte) []byte {
	for len(b) > 0 && s[b[0]] {
		b = b[1:]
	}
	return b
}

// trimRight returns b without the bytes of the set that it ends with.
func (s *byteSet) trimRight(b []byte) []byte {
	for len(b) > 0 && s[b[len(b)-1]] {
		b = b[:len(b)-1]
	}
	return b
}

// hasAll reports whether b has no byte outside of the set.
func (s *byteSet) hasAll(b []byte) bool { return len(s.trimLeft(b)) == 0 }
