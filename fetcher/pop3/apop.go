package pop3

import (
	"crypto/md5"
	"encoding/hex"
	"strings"
)

// maxTimestamp bounds a timestamp with its brackets, in bytes.
const maxTimestamp = 512

// Timestamp returns the APOP timestamp of the greeting with its brackets, such
// as "<1896.697170952@dbc.mtview.ca.us>" (RFC 1939 section 7). It must be an RFC
// 5322 msg-id of printable ASCII. When the greeting holds none, or several, the
// error wraps [ErrNoTimestamp].
//
// An impostor who may choose the timestamp can get at the password (CVE-2007-1558).
// The strict form makes that harder, though not impossible.
func (c *Client) Timestamp() (string, error) {
	ts := timestamp(c.server.greeting)
	if ts == "" {
		return "", &noTimestampError{c.server.greeting}
	}
	return ts, nil
}

type noTimestampError struct{ greeting string }

func (e *noTimestampError) Error() string {
	return ErrNoTimestamp.Error() + ": " + printable([]byte(e.greeting), maxErrorText)
}
func (e *noTimestampError) Unwrap() error { return ErrNoTimestamp }

// Apop logs in with APOP (RFC 1939 section 7): it sends an MD5 digest in place of
// the password. Without a timestamp in the greeting nothing is sent at all and the
// error wraps [ErrNoTimestamp].
func (c *Client) Apop(user, password string) error {
	ts, err := c.Timestamp()
	if err != nil {
		return err
	}
	if err := c.queue("APOP", user, apopDigest(ts, password)); err != nil {
		return err
	}
	if err := c.sendLogin(); err != nil {
		return err
	}
	_, err = c.reply("APOP")
	return c.answered(err)
}

func apopDigest(timestamp, password string) string {
	sum := md5.Sum([]byte(timestamp + password))
	return hex.EncodeToString(sum[:])
}

// timestamp returns the one valid msg-id of a greeting, or "".
func timestamp(greeting string) string {
	found := ""
	for rest := greeting; ; {
		start := strings.IndexByte(rest, '<')
		if start < 0 {
			return found
		}
		rest = rest[start:]
		n := msgID(rest)
		if n == 0 {
			rest = rest[1:]
			continue
		}
		if found != "" {
			return ""
		}
		found, rest = rest[:n], rest[n:]
	}
}

// msgID returns the length of the msg-id at the start of s, or 0 (RFC 5322
// section 3.6.4 with the quoted strings of its obsolete form, no white space).
func msgID(s string) int {
	s = s[:min(len(s), maxTimestamp)]
	n := localPart(s[1:])
	if n == 0 || !strings.HasPrefix(s[1+n:], "@") {
		return 0
	}
	n += 2
	m := dotAtom(s[n:])
	if m == 0 {
		m = literal(s[n:])
	}
	if m == 0 || !strings.HasPrefix(s[n+m:], ">") {
		return 0
	}
	return n + m + 1
}

// localPart returns the length of words, atoms or quoted strings, joined by dots.
func localPart(s string) int {
	for n := 0; ; n++ {
		word := atom(s[n:])
		if word == 0 {
			word = quoted(s[n:])
		}
		if word == 0 {
			return 0
		}
		n += word
		if !strings.HasPrefix(s[n:], ".") {
			return n
		}
	}
}

func dotAtom(s string) int {
	for n := 0; ; n++ {
		word := atom(s[n:])
		if word == 0 {
			return 0
		}
		n += word
		if !strings.HasPrefix(s[n:], ".") {
			return n
		}
	}
}

func atom(s string) int {
	n := 0
	for n < len(s) && isAtext(s[n]) {
		n++
	}
	return n
}

func isAtext(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", b) >= 0
}

func quoted(s string) int {
	if !strings.HasPrefix(s, `"`) {
		return 0
	}
	for n := 1; n < len(s) && '!' <= s[n] && s[n] <= '~'; n++ {
		switch s[n] {
		case '"':
			return n + 1
		case '\\':
			if n++; n == len(s) || s[n] < '!' || s[n] > '~' {
				return 0
			}
		}
	}
	return 0
}

// literal returns the length of a domain literal such as "[192.0.2.1]".
func literal(s string) int {
	if !strings.HasPrefix(s, "[") {
		return 0
	}
	for n := 1; n < len(s) && '!' <= s[n] && s[n] <= '~' && s[n] != '[' && s[n] != '\\'; n++ {
		if s[n] == ']' {
			if n == 1 {
				return 0
			}
			return n + 1
		}
	}
	return 0
}
