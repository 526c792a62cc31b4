package pop3

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

var (
	// ErrStatDiffers says that the reply to STAT is not what it was before in the
	// same session, see [Confirm].
	ErrStatDiffers = errors.New("another reply to STAT than before")
	// ErrNoTimestamp says that the greeting holds no timestamp, or more than one,
	// that APOP could answer (RFC 1939 section 7).
	ErrNoTimestamp = errors.New("greeting has no valid APOP timestamp")
	// ErrNoSTLS says that the server does not offer STLS (RFC 2595 section 4).
	// Nothing is sent in the clear instead.
	ErrNoSTLS = errors.New("server does not offer STLS")
	// ErrInjected says that there was input between the +OK to STLS and the TLS
	// handshake: somebody on the line put it there for us to believe later.
	ErrInjected = errors.New("plaintext injected after STLS")
	// ErrNotPOP3 says that the other end speaks another protocol.
	ErrNotPOP3 = errors.New("not a POP3 server")
	// ErrLineTooLong says that a line exceeds its limit.
	ErrLineTooLong = errors.New("line too long")
	// ErrListTooLong says that a list exceeds its limit.
	ErrListTooLong = errors.New("list too long")
	// ErrDesync says that something other than a reply stood where a reply must.
	ErrDesync = errors.New("out of step with the server")
)

// Error is a refusal, the reply -ERR (RFC 1939 section 3). The client stays
// usable.
type Error struct {
	// Cmd is the verb that was refused, "" for a greeting.
	Cmd string
	// Code is the response code in upper case, such as "IN-USE" or "SYS/TEMP" (RFC
	// 2449 section 8, RFC 3206), "" when there is none.
	Code string
	// Text is the server's line with its -ERR, at most 512 bytes of it. Bytes that
	// are not UTF-8, or that can't be seen, are written as "\xb5".
	Text string
}

// maxErrorText bounds Error.Text, in bytes.
const maxErrorText = 512

func newError(cmd string, line []byte) *Error {
	_, text := parseReply(line)
	return &Error{Cmd: cmd, Code: responseCode(text), Text: printable(line, maxErrorText)}
}

// Error returns the server's words.
func (e *Error) Error() string { return "server said: " + e.Text }

// Busy reports whether another session has the maildrop, so that waiting helps. A
// response code decides (IN-USE, RFC 2449 section 8.1.1); without one the text does.
func (e *Error) Busy() bool {
	if e.Code != "" {
		return e.Code == "IN-USE"
	}
	return !e.Throttled() && e.says("maildrop lock", "maildrop is lock", "mailbox lock", "mailbox is lock", "already lock", "unable to lock", "can't lock", "cannot lock", "could not lock", "lock busy", "in use", "busy")
}

// Throttled reports whether the server wants to be asked less often, or for less.
// LOGIN-DELAY says so (RFC 2449 section 8.1.2), and so do the words of many servers,
// behind SYS/TEMP, AUTH and other codes as well as without one.
func (e *Error) Throttled() bool {
	switch e.Code {
	case "LOGIN-DELAY":
		return true
	case "IN-USE":
		return false
	}
	return e.says("limit", "exceed", "too many", "too often", "too frequent", "too soon", "too fast", "too quick", "wait", "minimum time", "minimum interval", "throttl",
		"bandwidth", "frequency", "maximum number", "maximum connection", "max connection", "simultaneous", "concurrent", "overload", "slow down")
}

// statedWait is a length of time in a server's text.
var statedWait = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)\b(\d{1,5})[ -]*(sec|min|hour|hr)`) })

// Wait returns the length of time that the server's text names, 0 if it names
// none. Most likely the server wants to be left alone for so long.
func (e *Error) Wait() time.Duration {
	m := statedWait().FindStringSubmatch(e.Text)
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	unit := map[string]time.Duration{"sec": time.Second, "min": time.Minute, "hour": time.Hour, "hr": time.Hour}[strings.ToLower(m[2])]
	return time.Duration(n) * unit
}

// Temporary reports whether the same command may succeed later. The response code
// decides (RFC 2449 section 8, RFC 3206), then the text. In doubt it may.
func (e *Error) Temporary() bool {
	switch {
	case e.Code == "SYS/PERM", e.Code == "AUTH" && !e.Throttled():
		return false
	case e.Code == "SYS", strings.HasPrefix(e.Code, "SYS/"), e.Busy(), e.Throttled():
		return true
	}
	// Some servers that are busy, or throttle, name the password in the same breath.
	if e.says("lock", "again", "later", "unavailable", "timeout", "timed out", "temporar") {
		return true
	}
	marks := []string{"unknown command", "unrecognized", "unrecognised", "not implemented", "not supported", "unsupported", "invalid command", "no such message"}
	switch e.Cmd {
	case "USER", "PASS", "APOP", "AUTH":
		marks = append(marks, "permission denied", "access denied", "password", "authentication", "credential", "login failed", "logon fail", "no such user", "unknown user", "invalid user", "disabled")
	}
	return !e.says(marks...)
}

func (e *Error) says(marks ...string) bool {
	text := strings.ToLower(e.Text)
	return slices.ContainsFunc(marks, func(mark string) bool { return strings.Contains(text, mark) })
}

// ProtocolError says that the server does not keep to the protocol. The client is
// broken then.
type ProtocolError struct {
	// Detail is what was seen, safe to print.
	Detail string
	// Err is the kind of fault, such as [ErrDesync].
	Err error
}

// Error returns the kind of fault and what was seen.
func (e *ProtocolError) Error() string { return e.Err.Error() + ": " + e.Detail }

// Unwrap returns the kind of fault.
func (e *ProtocolError) Unwrap() error { return e.Err }

// timedOut reports whether err is a deadline of the connection that has passed.
func timedOut(err error) bool {
	network, ok := errors.AsType[net.Error](err)
	return ok && network.Timeout()
}

// timeoutError says what was waited for, where a net.Error names addresses. limit is
// the entry of [Timeouts] that has passed, in the words of the configuration; "" is
// one that the configuration lacks.
type timeoutError struct {
	text, limit string
	err         error
}

func (e *timeoutError) Error() string {
	if e.limit == "" {
		return e.text
	}
	return e.text + " (timeouts." + e.limit + ")"
}
func (e *timeoutError) Unwrap() error { return e.err }

// Limit returns the entry of [Timeouts] that has passed, in the words of the configuration, "" for
// one that the configuration lacks. Callers find it by an interface of their own.
func (e *timeoutError) Limit() string { return e.limit }

// printable returns what a server sent, at most limit bytes of it, fit for logs and
// terminals. Characters that can't be seen are shown by their bytes, as "\xb5". If b
// is not UTF-8 as a whole, every byte beyond ASCII is shown like that: those who know
// the charset can read it, and nothing is guessed.
func printable(b []byte, limit int) string {
	if len(b) > limit {
		b = b[:limit]
		for n := range utf8.UTFMax { // a character that is cut is none
			if whole := b[:limit-n]; utf8.Valid(whole) {
				b = whole
				break
			}
		}
	}
	b = bytes.TrimRight(b, "\r\n\t ")
	var s strings.Builder
	readable := utf8.Valid(b)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if !readable && r >= utf8.RuneSelf || !unicode.IsPrint(r) {
			for _, c := range b[:n] {
				fmt.Fprintf(&s, `\x%02x`, c)
			}
		} else {
			s.WriteRune(r)
		}
		b = b[n:]
	}
	return s.String()
}

// inQuotes returns b between quotes, made printable.
func inQuotes(b []byte, limit int) string { return `"` + printable(b, limit) + `"` }
