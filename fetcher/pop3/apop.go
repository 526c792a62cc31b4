package pop3

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// ErrNoTimestamp says that the greeting offers no APOP.
var ErrNoTimestamp = errors.New("greeting holds no valid APOP timestamp")

// maxTimestamp is the longest timestamp that is answered.
const maxTimestamp = 512

// Timestamp returns the timestamp of the greeting, brackets included, that APOP
// answers (RFC 1939 section 7). It must be the only valid one, a msg-id of RFC
// 5322 section 3.6.4 in printable ASCII: greetings that are anything else are how
// an impostor makes colliding challenges that give the password away
// (CVE-2007-1558). The error wraps [ErrNoTimestamp].
func (c *Client) Timestamp() (string, error) { return timestamp(c.greeting) }

func timestamp(greeting string) (string, error) {
	found := ""
	for rest := greeting; ; {
		open := strings.IndexByte(rest, '<')
		if open < 0 {
			break
		}
		rest = rest[open:]
		end := strings.IndexByte(rest, '>')
		if end < 0 {
			break
		}
		candidate := rest[:end+1]
		rest = rest[1:]
		if !isMsgID(candidate) {
			continue
		}
		if found != "" {
			return "", fmt.Errorf("%w: more than one in %q", ErrNoTimestamp, printable(greeting))
		}
		found = candidate
	}
	if found == "" {
		return "", fmt.Errorf("%w: %q", ErrNoTimestamp, printable(greeting))
	}
	return found, nil
}

// isMsgID reports whether s is "<left@right>" by RFC 5322 section 3.6.4, with a
// quoted string allowed on the left as RFC 822 had it.
func isMsgID(s string) bool {
	if len(s) < 5 || len(s) > maxTimestamp || s[0] != '<' || s[len(s)-1] != '>' {
		return false
	}
	inner := s[1 : len(s)-1]
	for i := range len(inner) {
		if inner[i] < 0x21 || inner[i] > 0x7e {
			return false
		}
	}
	left, right, ok := cutUnquoted(inner)
	if !ok {
		return false
	}
	quoted := len(left) >= 2 && left[0] == '"' && left[len(left)-1] == '"'
	literal := len(right) >= 2 && right[0] == '[' && right[len(right)-1] == ']' && !strings.ContainsAny(right[1:len(right)-1], `[]\`)
	return (quoted || isDotAtom(left)) && (literal || isDotAtom(right))
}

// cutUnquoted cuts at the one "@" that stands outside of quotes.
func cutUnquoted(s string) (left, right string, ok bool) {
	at, inQuotes := -1, false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && inQuotes:
			i++
		case s[i] == '"':
			inQuotes = !inQuotes
		case s[i] == '@' && !inQuotes:
			if at >= 0 {
				return "", "", false
			}
			at = i
		}
	}
	if at < 0 || inQuotes {
		return "", "", false
	}
	return s[:at], s[at+1:], true
}

// isDotAtom is dot-atom-text of RFC 5322 section 3.2.3. Dovecot's timestamps
// hold the "/" and "=" of base64, which are atom characters.
func isDotAtom(s string) bool {
	if s == "" || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		digit := c >= '0' && c <= '9'
		if !letter && !digit && c != '.' && strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) < 0 {
			return false
		}
	}
	return true
}

// Apop logs in with the digest of the greeting's timestamp and the password (RFC
// 1939 section 7): the password itself does not cross the line.
func (c *Client) Apop(user, password string) error {
	stamp, err := c.Timestamp()
	if err != nil {
		return err
	}
	if strings.ContainsAny(user, " \t") {
		return errors.New("APOP: user name holds a blank")
	}
	_, err = c.cmd("APOP", user+" "+apopDigest(stamp, password), user+" ***")
	return err
}

func apopDigest(stamp, password string) string {
	sum := md5.Sum([]byte(stamp + password))
	return hex.EncodeToString(sum[:])
}
