package pop3

import (
	"bytes"
	"encoding/base64"
	"slices"
)

// minSecret is the least length, in bytes, of a secret that is looked for in what
// the server says. A shorter one may be part of any word: to mask it would tell what
// it is.
const minSecret = 6

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
//   - in base64, wherever that begins
//
// Other forms are not: a part of the secret, other encodings, blanks between its
// letters.
type secrets struct {
	added []string // whose forms are not made yet
	forms [][]byte // in lower case
}

// add has a secret masked from now on. Most sessions mask nothing, and the forms of a token take
// hundreds of KB, so mask makes them.
func (s *secrets) add(secret string) {
	if len(secret) >= minSecret {
		s.added = append(s.added, secret)
	}
}

// form adds the forms of a secret.
func (s *secrets) form(secret string) {
	backwards := []byte(secret)
	slices.Reverse(backwards)
	runes := []rune(secret)
	slices.Reverse(runes)
	forms := [][]byte{[]byte(secret), backwards, []byte(string(runes))}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for _, form := range forms[:2] {
			for before := range 3 {
				forms = append(forms, encodedWithin(encoding, form, before)...)
			}
		}
	}
	for _, form := range forms {
		form = lower(form)
		if len(form) >= minSecret && !slices.ContainsFunc(s.forms, func(known []byte) bool { return bytes.Equal(known, form) }) {
			s.forms = append(s.forms, form)
		}
	}
	// The longest first: the base64 of a secret at one place may be part of that at another.
	slices.SortStableFunc(s.forms, func(a, b []byte) int { return len(b) - len(a) })
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
		s.form(secret)
	}
	s.added = nil
	if len(s.forms) == 0 {
		return line
	}
	folded := lower(line)
	var masked []byte
	from := 0
	for at := 0; at < len(folded); at++ {
		for _, form := range s.forms {
			if bytes.HasPrefix(folded[at:], form) {
				masked = append(append(masked, line[from:at]...), masking...)
				from = at + len(form)
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
// as it is, in other case, backwards and in base64, if it has 6 bytes or more.
func (c *Client) Conceal(secret string) { c.log.secrets.add(secret) }
