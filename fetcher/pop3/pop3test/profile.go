package pop3test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Profile is a provider, or a server program, as its users meet it.
type Profile struct {
	// Name is for the command line, such as "exchange-online".
	Name string
	// Quirk is what is odd about it, in a sentence.
	Quirk string
	// Login is the way to log in: "apop", "pass", "plain" or, with an access token,
	// "xoauth2".
	Login string

	uidl  func(n int, raw []byte) string
	setUp func(s *Server)
}

// NewServer returns a server in the manner of the profile, not started yet, with one
// mailbox. secret is the password or the access token.
func (p Profile) NewServer(user, secret string, raws ...[]byte) *Server {
	s := NewServer()
	if p.Login == "xoauth2" {
		s.NoUserPass, s.Tokens = true, map[string]string{user: secret}
	} else {
		s.Users = map[string]string{user: secret}
	}
	var messages []Message
	for i, raw := range raws {
		messages = append(messages, Message{UIDL: p.uidl(i+1, raw), Raw: raw})
	}
	s.Mailboxes = map[string][]Message{user: messages}
	p.setUp(s)
	return s
}

// ProfileNamed returns the profile of a name.
func ProfileNamed(name string) (p Profile, ok bool) {
	all := Profiles()
	i := slices.IndexFunc(all, func(p Profile) bool { return p.Name == name })
	if i < 0 {
		return p, false
	}
	return all[i], true
}

// Throttle refuses sessions that come too often.
type Throttle struct {
	// Logins are allowed within Window.
	Logins int
	Window time.Duration
	// Command is the verb that is refused then with Answer, or "" for the login.
	Command, Answer string
}

// manner is how a profile's server differs from an ordinary one.
type manner struct {
	// capa is the answer to CAPA, nil for a refusal.
	capa func(loggedIn bool) []string
	// octets is the size of a message as this server counts, size how LIST says it.
	octets func(raw []byte) int64
	size   func(octets int64) string
	// unstuffed sends messages with dots as they are.
	unstuffed bool
	// badCommands before the login end the session.
	badCommands int
	// retr is how many messages a session may retrieve; retrRefusal answers then.
	retr        int
	retrRefusal string
	// session is how long one lasts, whatever is going on.
	session time.Duration
}

// fixed is a CAPA that the login does not change.
func fixed(lines string) func(bool) []string {
	return func(bool) []string { return strings.Split(lines, ", ") }
}

func hash(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// Profiles returns all profiles, by name. Their numbers are those that users report,
// and a test may change them in the server.
func Profiles() []Profile {
	return []Profile{
		{
			Name: "163", Quirk: "refuses to send more than 10 messages in a session: Download exceed", Login: "pass",
			uidl: func(n int, raw []byte) string { return "1tbi" + hash(raw)[:16] + fmt.Sprintf("-%daaaaa0", n) },
			setUp: func(s *Server) {
				s.Greeting = "+OK Welcome to coremail Mail Pop3 Server"
				s.manner.capa = fixed("TOP, USER, PIPELINING, UIDL, LANG, UTF8, SASL PLAIN")
				s.manner.retr, s.manner.retrRefusal = 10, "-ERR Download exceed. msg=10"
			},
		},
		{
			Name: "cyrus", Quirk: "offers APOP; a UIDL is the folder's validity and the message's number", Login: "apop",
			uidl: func(n int, _ []byte) string { return fmt.Sprintf("1699999999.%d", n) },
			setUp: func(s *Server) {
				s.APOP, s.Greeting = true, "+OK mail.example Cyrus POP3 server ready <APOP>"
				s.manner.capa = fixed("SASL PLAIN LOGIN, EXPIRE NEVER, LOGIN-DELAY 0, TOP, UIDL, PIPELINING, RESP-CODES, AUTH-RESP-CODE, USER")
			},
		},
		{
			Name: "dovecot", Quirk: "disconnects after 3 bad commands before the login", Login: "plain",
			uidl: func(n int, _ []byte) string { return fmt.Sprintf("%08x5f3759df", n) },
			setUp: func(s *Server) {
				s.Greeting = "+OK Dovecot ready."
				s.manner.capa = fixed("CAPA, TOP, UIDL, RESP-CODES, PIPELINING, AUTH-RESP-CODE, USER, SASL PLAIN LOGIN")
				s.manner.badCommands = 3
			},
		},
		{
			Name: "exchange", Quirk: "counts octets as its database has them, has small numbers for UIDLs, continues AUTH with a bare +", Login: "plain",
			uidl: func(n int, _ []byte) string { return fmt.Sprint(6490 + n) },
			setUp: func(s *Server) {
				s.Greeting = "+OK The Microsoft Exchange POP3 service is ready."
				s.manner.capa = fixed("TOP, UIDL, SASL PLAIN, USER")
				s.manner.octets = func(raw []byte) int64 { return int64(len(raw))*11/10 + 512 }
				s.Continuation = "+"
			},
		},
		{
			Name: "exchange-online", Quirk: "takes XOAUTH2 in two lines only, and calls it a bad password when one logs in too often", Login: "xoauth2",
			uidl: func(n int, raw []byte) string { return fmt.Sprintf("AAMkAD%s=%d", hash(raw)[:32], n) },
			setUp: func(s *Server) {
				s.Greeting = "+OK The Microsoft Exchange POP3 service is ready. [UABPAFAAMwBUAEUAUwBUAA==]"
				s.manner.capa = fixed("TOP, UIDL, SASL XOAUTH2")
				s.Continuation = "+"
				s.Throttle = Throttle{Logins: 1000, Window: time.Hour, Answer: "-ERR Logon failure: unknown user name or bad password."}
			},
		},
		{
			Name: "gmail", Quirk: "lists the oldest 250 messages, and those retrieved no more once QUIT has come, deleted or not", Login: "pass",
			uidl: func(n int, _ []byte) string { return fmt.Sprintf("GmailId18%014x", n) },
			setUp: func(s *Server) {
				s.Greeting = "+OK Gpop ready for requests from 127.0.0.1 pop3test"
				s.manner.capa = func(loggedIn bool) []string {
					if loggedIn {
						return []string{"USER", "RESP-CODES", "PIPELINING", "EXPIRE 0", "LOGIN-DELAY 300", "TOP", "UIDL", "X-GOOGLE-RICO"}
					}
					return []string{"USER", "RESP-CODES", "EXPIRE 0", "LOGIN-DELAY 300", "TOP", "UIDL", "X-GOOGLE-RICO", "SASL PLAIN"}
				}
				s.Oldest, s.PopOnQuit = 250, true
			},
		},
		{
			Name: "mailpit", Quirk: "stuffs no dots and garbles the sizes (before its repair)", Login: "pass",
			uidl: func(_ int, raw []byte) string { return hash(raw)[:22] },
			setUp: func(s *Server) {
				s.Greeting = "+OK Mailpit POP3 server"
				s.manner.capa = fixed("TOP, USER, UIDL, IMPLEMENTATION Mailpit")
				s.manner.unstuffed = true
				s.manner.size = func(octets int64) string { return fmt.Sprintf("%%!d(float64=%d)", octets) }
			},
		},
		{
			Name: "outlook", Quirk: "answers LIST with the login limit of 15 minutes", Login: "pass",
			uidl: func(n int, _ []byte) string { return fmt.Sprintf("MSG%d.%d", 1480000000+n, n) },
			setUp: func(s *Server) {
				s.Greeting = "+OK POP3 server ready"
				s.manner.capa = fixed("TOP, USER, UIDL, EXPIRE NEVER")
				s.Throttle = Throttle{Logins: 12, Window: 15 * time.Minute, Command: "LIST", Answer: "-ERR Exceeded the login limit for a 15 minute period. Reduce the frequency of requests to the POP3 server."}
			},
		},
		{
			Name: "qmail", Quirk: "knows no CAPA, and counts octets without CR", Login: "pass",
			uidl: func(n int, _ []byte) string { return fmt.Sprintf("17000000%02d.%d.mail.example", n%100, n) },
			setUp: func(s *Server) {
				s.Greeting = "+OK <4711.1700000000@mail.example>"
				s.manner.capa = func(bool) []string { return nil }
				s.manner.octets = func(raw []byte) int64 { return int64(len(raw) - bytes.Count(raw, []byte("\r\n"))) }
			},
		},
		{
			Name: "webde", Quirk: "wants 720 seconds between logins", Login: "pass",
			uidl: func(_ int, raw []byte) string { return "0M" + hash(raw)[:28] },
			setUp: func(s *Server) {
				s.Greeting = "+OK POP server ready H webde 0M"
				s.manner.capa = fixed("TOP, UIDL, USER, SASL PLAIN, IMPLEMENTATION trinity")
				s.Throttle = Throttle{Logins: 1, Window: 720 * time.Second, Answer: "-ERR login too soon, the interval is 720 seconds: try again later"}
			},
		},
		{
			Name: "wildduck", Quirk: "ends every session after 60 seconds", Login: "pass",
			uidl: func(n int, raw []byte) string { return hash(raw)[:20] + fmt.Sprintf("%04x", n) },
			setUp: func(s *Server) {
				s.Greeting = "+OK WDPop ready for requests from 127.0.0.1"
				s.manner.capa = fixed("TOP, UIDL, USER, SASL PLAIN, PIPELINING, RESP-CODES, EXPIRE NEVER")
				s.manner.session = time.Minute
			},
		},
		{
			Name: "zimbra", Quirk: "offers APOP in its greeting and does not mean it", Login: "pass",
			uidl: func(n int, raw []byte) string { return fmt.Sprintf("%d.%s", 256+n, hash(raw)[:20]) },
			setUp: func(s *Server) {
				s.Greeting = "+OK zimbra.example Zimbra POP3 server ready <APOP>"
				s.manner.capa = fixed("TOP, USER, UIDL, EXPIRE 31 USER, XOIP, SASL PLAIN, IMPLEMENTATION ZimbraInc")
			},
		},
	}
}

// throttled notes a login of user and reports whether it comes too soon.
func (s *Server) throttled(user string) bool {
	if s.Throttle.Logins <= 0 {
		return false
	}
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := now()
	recent := slices.DeleteFunc(s.logins[user], func(login time.Time) bool { return at.Sub(login) >= s.Throttle.Window })
	tooSoon := len(recent) >= s.Throttle.Logins
	if !tooSoon {
		recent = append(recent, at)
	}
	s.logins[user] = recent
	return tooSoon
}
