package pop3

import (
	"bytes"
	"encoding/base64"
	"slices"
)

// minSecret is the least length, in bytes, of a secret that is looked for in what the server says. To mask a shorter
// one, which may be part of any word, would tell what it is.
const minSecret = 6

// masking stands in the place of a secret.
const masking = "***"

// secrets are what was sent in a session and is not to be shown when the server says it back: as it is, in other case, backwards, and in
// base64 wherever that begins. QUIRK: some servers answer an unknown command, or one that they do not expect, with the whole
// of it; and who wants to know a password that he can't read in a log has only to send it back in another form.
//
// What else can be done to a secret is not seen through: a part of it, other encodings, a blank between its letters. A
// server knows the password and need not put it into our log to keep it; this is for logs that others read.
type secrets struct{ forms [][]byte } // in lower case

// add has a secret masked from now on.
func (s *secrets) add(secret string) {
	if len(secret) < minSecret {
		return
	}
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

// encodedWithin is what the base64 of a text has of a secret in it, with so many bytes before it (modulo three): where the text goes on
// behind it, and where it ends with it.
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

// Mask replaces secrets in what some other server said by "***", in the forms in which [Client.Conceal] finds them.
func Mask(text string, concealed ...string) string {
	var s secrets
	for _, secret := range concealed {
		s.add(secret)
	}
	return string(s.mask([]byte(text)))
}

// Conceal has a secret masked in whatever the server says, from now on: where it is sent in base64, as AUTH
// does, a server may repeat what it stands for. It is found in other case, backwards and in base64, too, and not in other forms.
func (c *Client) Conceal(secret string) { c.log.secrets.add(secret) }
