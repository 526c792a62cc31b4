package pop3

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// Error is an -ERR of the server (RFC 1939 section 3).
type Error struct {
	// Cmd is the verb that was refused, without its arguments.
	Cmd string
	// Code is the response code in upper case ("IN-USE", "SYS/TEMP"; RFC 2449
	// section 8, RFC 3206), "" when there is none.
	Code string
	// Text is the server's line, "-ERR" included, without control characters.
	Text string
}

// Error returns the server's words.
func (e *Error) Error() string { return "server said: " + e.Text }

// Temporary reports whether trying again later may do. The response code
// decides; without one, or in doubt, it may.
func (e *Error) Temporary() bool {
	switch {
	case e.Code == "AUTH", e.Code == "SYS/PERM", strings.HasPrefix(e.Code, "SYS/PERM/"):
		return false
	}
	return true
}

// ProtocolError says that the server sent something that is not POP3. The
// session can't go on after it.
type ProtocolError struct {
	Step string // what was being done, "read reply to LIST"
	Line string // what came, cut and without control characters
	Hint string // what was expected, or what to do
}

// Error returns "STEP: unexpected LINE: HINT".
func (e *ProtocolError) Error() string {
	return fmt.Sprintf("%s: unexpected %q: %s", e.Step, e.Line, e.Hint)
}

// Errors of lines and lists that exceed the package's limits.
var (
	ErrLineTooLong = errors.New("line too long")
	ErrListTooLong = errors.New("list too long")
)

// readLine reads one line and returns it without its line end, which may be a
// bare LF.
func (c *Client) readLine(limit int) (string, error) {
	line, err := c.r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull), err == nil && len(line) > limit:
		return "", ErrLineTooLong
	case errors.Is(err, io.EOF):
		if len(line) > 0 {
			return "", fmt.Errorf("connection ended within %q: %w", printable(string(line)), io.ErrUnexpectedEOF)
		}
		return "", fmt.Errorf("server closed the connection: %w", io.ErrUnexpectedEOF)
	case err != nil:
		return "", err
	}
	text := string(bytes.TrimRight(line, "\r\n"))
	if c.trace != nil {
		c.trace(TraceLine{From: FromServer, Text: printable(text)})
	}
	return text, nil
}

// okText returns what stands behind "+OK". Nothing else that begins with "+" is
// a success: hMailServer really sent "+ERR".
func okText(line string) (string, bool) {
	if len(line) < 3 || !strings.EqualFold(line[:3], "+OK") {
		return "", false
	}
	rest := line[3:]
	if rest == "" {
		return "", true
	}
	if rest[0] != ' ' && rest[0] != '\t' {
		return "", false
	}
	return strings.TrimSpace(rest), true
}

// parseErr reads "-ERR [CODE] text", nil when line is none.
func parseErr(verb, line string) *Error {
	if len(line) < 4 || !strings.EqualFold(line[:4], "-ERR") || len(line) > 4 && line[4] != ' ' && line[4] != '\t' {
		return nil
	}
	e := &Error{Cmd: verb, Text: printable(line)}
	text := strings.TrimSpace(line[4:])
	if strings.HasPrefix(text, "[") {
		if code, _, ok := strings.Cut(text[1:], "]"); ok && len(code) <= 64 && isCode(code) {
			e.Code = strings.ToUpper(code)
		}
	}
	return e
}

// isCode reports whether s is a response code by RFC 2449 section 9: printable
// without brackets and blanks.
func isCode(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '[' {
			return false
		}
	}
	return s != ""
}

// maxShown is how much of a foreign line an error or a trace shows.
const maxShown = 512

// printable makes a server's line fit for logs and terminals: bounded, valid
// UTF-8, without control characters that would forge lines or colours.
func printable(s string) string {
	cut := len(s) > maxShown
	if cut {
		s = s[:maxShown]
	}
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
	if cut {
		s += "..."
	}
	return s
}

// parseNumber reads a message number or count: digits only, above all no sign,
// and not beyond what an int32 holds.
func parseNumber(s string) (int, bool) {
	if s == "" || len(s) > 10 {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, n <= math.MaxInt32
}

// parseSize reads octets, -1 for what is no number. It is a hint only, so a
// size beyond an int64 is the largest there is.
func parseSize(s string) int64 {
	if s == "" {
		return -1
	}
	var n int64
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return -1
		}
		if n > (math.MaxInt64-9)/10 {
			return math.MaxInt64
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n
}

// Side is who sent a line.
type Side bool

// The two sides.
const (
	FromServer Side = false
	FromClient Side = true
)

// String returns "client" or "server".
func (s Side) String() string {
	if s == FromClient {
		return "client"
	}
	return "server"
}

// TraceLine is one line of the dialogue, without its line end. Secrets are
// masked, and messages are left out.
type TraceLine struct {
	From Side
	Text string
}
