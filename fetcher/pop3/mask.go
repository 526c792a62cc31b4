package pop3

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"slices"
	"sync"
)

// minSecret is the least length, in bytes, of a secret that is looked for everywhere
// in what the server says. A shorter one may be part of any word, and to mask it
// there would tell what it is: it is looked for as a word of its own.
const minSecret = 6

// protocol is what a reply has of its own in front of the server's words (RFC 1939
// section 3, RFC 2449 section 8, RFC 3206). It means the same whatever the password is.
var protocol = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)^(\+OK|-ERR)( \[(IN-USE|LOGIN-DELAY|SYS/TEMP|SYS/PERM|AUTH)\])?`)
})

// masking stands in the place of a secret.
const masking = "***"

// secrets are what was sent in a session and must not be shown when the server says
// it back. QUIRK: some servers answer a command that they do not expect with the
// whole of it. A hostile server could send a secret back in another form, so that it
// gets into logs that others read. These forms are found:
//
//   - the secret as it is
//   - in other case
//   - backwards
//   - in base64, wherever that begins if it is not short
//
// Other forms are not: a part of the secret, other encodings, blanks between its
// letters.
type secrets struct {
	added []string // whose forms are not made yet
	forms []form
}

// form is one in which a secret may be said.
type form struct {
	text []byte // in lower case
	word bool   // it counts only where no letter or digit is beside it
}

// beginsAt reports whether the form stands at a place of a line in lower case.
func (f *form) beginsAt(line []byte, at int) bool {
	if !bytes.HasPrefix(line[at:], f.text) {
		return false
	}
	end := at + len(f.text)
	return !f.word || (at == 0 || !joined(line[at-1], line[at])) && (end == len(line) || !joined(line[end-1], line[end]))
}

// joined reports whether two bytes beside each other belong to one word.
func joined(a, b byte) bool { return inWord(a) && inWord(b) }

func inWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
}

// add has a secret masked from now on. Most sessions mask nothing, and the forms of a token take
// hundreds of KB, so mask makes them.
func (s *secrets) add(secret string) {
	if secret != "" {
		s.added = append(s.added, secret)
	}
}

// formsOf adds the forms of a secret.
func (s *secrets) formsOf(secret string) {
	backwards := []byte(secret)
	slices.Reverse(backwards)
	runes := []rune(secret)
	slices.Reverse(runes)
	whole := [][]byte{[]byte(secret), backwards, []byte(string(runes))}
	var forms [][]byte
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for _, form := range whole[:2] {
			whole = append(whole, encoding.AppendEncode(nil, form))
			for before := range 3 {
				forms = append(forms, encodedWithin(encoding, form, before)...)
			}
		}
	}
	for i, text := range append(whole, forms...) {
		f := form{lower(text), len(text) < minSecret}
		// A short part of an encoded text is no word of its own.
		if (i < len(whole) || !f.word) && !slices.ContainsFunc(s.forms, func(known form) bool { return bytes.Equal(known.text, f.text) }) {
			s.forms = append(s.forms, f)
		}
	}
	// The longest first: the base64 of a secret at one place may be part of that at another.
	slices.SortStableFunc(s.forms, func(a, b form) int { return len(b.text) - len(a.text) })
}

// encodedWithin returns what the base64 of a text holds of a secret in that text:
// first if the text goes on behind the secret, then if it ends with it. before is
// the number of bytes before the secret, modulo three.
func encodedWithin(encoding *base64.Encoding, secret []byte, before int) [][]byte {
	encoded := encoding.AppendEncode(nil, append(make([]byte, before), secret...))
	first := (before*8 + 5) / 6
	behind := (before + len(secret)) * 8 / 6
	return [][]byte{encoded[min(first, behind):behind], encoded[min(first, len(encoded)):]}
}

// lower maps ASCII letters, so that places stay what they are.
func lower(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		out[i] = c
	}
	return out
}

// mask replaces secrets in a line.
func (s *secrets) mask(line []byte) []byte {
	for _, secret := range s.added {
		s.formsOf(secret)
	}
	s.added = nil
	if len(s.forms) == 0 {
		return line
	}
	folded := lower(line)
	var masked []byte
	from := 0
	for at := len(protocol().Find(line)); at < len(folded); at++ {
		for i := range s.forms {
			if s.forms[i].beginsAt(folded, at) {
				masked = append(append(masked, line[from:at]...), masking...)
				from = at + len(s.forms[i].text)
				at = from - 1
				break
			}
		}
	}
	if masked == nil {
		return line
	}
	return append(masked, line[from:]...)
}

// Mask returns what some other server said with "***" in place of the concealed
// secrets, in the forms that [Client.Conceal] finds.
func Mask(text string, concealed ...string) string {
	var s secrets
	for _, secret := range concealed {
		s.add(secret)
	}
	return string(s.mask([]byte(text)))
}

// Conceal masks a secret in whatever the server says from now on, in errors and in
// the trace. Secrets that are sent as they are need no Conceal. It is for AUTH, which
// sends them in base64: a server may repeat what that stands for. A secret is found
// as it is, in other case, backwards and in base64; one of less than 6 bytes where it is a
// word of its own.
func (c *Client) Conceal(secret string) { c.log.secrets.add(secret) }
