package pop3test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

var profiles = []Profile{
	{
		Name: "163", Login: "pass",
		Quirk: "refuses to send more than 10 messages in a session: Download exceed",
		uidl:  func(n int, raw []byte) string { return fmt.Sprintf("1tbi%s-%daaaaa0", hash(raw)[:16], n) },
		quirks: Quirks{
			Greeting: "+OK Welcome to coremail Mail Pop3 Server",
			Capa:     fixed("TOP, USER, PIPELINING, UIDL, LANG, UTF8, SASL PLAIN"),
			Retr:     RetrQuirks{Limit: 10, LimitAnswer: "-ERR Download exceed. msg=10"},
		},
	},
	{
		Name: "cyrus", Login: "apop",
		Quirk:    "offers APOP; a UIDL is the folder's validity and the message's number",
		uidl:     func(n int, _ []byte) string { return fmt.Sprintf("1699999999.%d", n) },
		features: Features{APOP: true},
		quirks: Quirks{
			Greeting: "+OK mail.example Cyrus POP3 server ready <APOP>",
			Capa: fixed("SASL PLAIN LOGIN, EXPIRE NEVER, LOGIN-DELAY 0, TOP, UIDL, PIPELINING, " +
				"RESP-CODES, AUTH-RESP-CODE, USER"),
		},
	},
	{
		Name: "dovecot", Login: "plain",
		Quirk: "disconnects after 3 bad commands before the login",
		uidl:  func(n int, _ []byte) string { return fmt.Sprintf("%08x5f3759df", n) },
		quirks: Quirks{
			Greeting: "+OK Dovecot ready.",
			Capa: fixed("CAPA, TOP, UIDL, RESP-CODES, PIPELINING, AUTH-RESP-CODE, USER, " +
				"SASL PLAIN LOGIN"),
			MaxUnknown: 3,
		},
	},
	{
		Name: "exchange", Login: "plain",
		Quirk: "counts octets as its database has them, has small numbers for UIDLs, continues AUTH with a bare +",
		uidl:  func(n int, _ []byte) string { return fmt.Sprint(6490 + n) },
		quirks: Quirks{
			Greeting: "+OK The Microsoft Exchange POP3 service is ready.",
			Capa:     fixed("TOP, UIDL, SASL PLAIN, USER"),
			Auth:     AuthQuirks{Continuation: "+"},
			List:     ListQuirks{Octets: func(raw []byte) int64 { return int64(len(raw))*11/10 + 512 }},
		},
	},
	{
		Name: "exchange-online", Login: "xoauth2",
		Quirk: "takes XOAUTH2 in two lines only, and calls it a bad password when one logs in too often",
		uidl:  func(n int, raw []byte) string { return fmt.Sprintf("AAMkAD%s=%d", hash(raw)[:32], n) },
		quirks: Quirks{
			Greeting: "+OK The Microsoft Exchange POP3 service is ready. [UABPAFAAMwBUAEUAUwBUAA==]",
			Capa:     fixed("TOP, UIDL, SASL XOAUTH2"),
			Auth:     AuthQuirks{Continuation: "+"},
			Throttle: Throttle{
				Logins: 1000, Window: time.Hour,
				Answer: "-ERR Logon failure: unknown user name or bad password.",
			},
		},
	},
	{
		Name: "gmail", Login: "pass",
		Quirk: "lists the oldest 250 messages, and those retrieved no more once QUIT has come, deleted or not",
		uidl:  func(n int, _ []byte) string { return fmt.Sprintf("GmailId18%014x", n) },
		quirks: Quirks{
			Greeting: "+OK Gpop ready for requests from 127.0.0.1 pop3test",
			Capa: func(loggedIn bool) []string {
				if loggedIn {
					return []string{"USER", "RESP-CODES", "PIPELINING", "EXPIRE 0", "LOGIN-DELAY 300", "TOP", "UIDL", "X-GOOGLE-RICO"}
				}
				return []string{"USER", "RESP-CODES", "EXPIRE 0", "LOGIN-DELAY 300", "TOP", "UIDL", "X-GOOGLE-RICO", "SASL PLAIN"}
			},
			List: ListQuirks{Oldest: 250},
			Retr: RetrQuirks{ConsumesAtQuit: true},
		},
	},
	{
		Name: "mailpit", Login: "pass",
		Quirk: "stuffs no dots and garbles the sizes (before its repair)",
		uidl:  func(_ int, raw []byte) string { return hash(raw)[:22] },
		quirks: Quirks{
			Greeting: "+OK Mailpit POP3 server",
			Capa:     fixed("TOP, USER, UIDL, IMPLEMENTATION Mailpit"),
			List:     ListQuirks{Size: func(octets int64) string { return fmt.Sprintf("%%!d(float64=%d)", octets) }},
			Retr:     RetrQuirks{Unstuffed: true},
		},
	},
	{
		Name: "outlook", Login: "pass",
		Quirk: "answers LIST with the login limit of 15 minutes",
		uidl:  func(n int, _ []byte) string { return fmt.Sprintf("MSG%d.%d", 1480000000+n, n) },
		quirks: Quirks{
			Greeting: "+OK POP3 server ready",
			Capa:     fixed("TOP, USER, UIDL, EXPIRE NEVER"),
			Throttle: Throttle{
				Logins: 12, Window: 15 * time.Minute, Command: "LIST",
				Answer: "-ERR Exceeded the login limit for a 15 minute period. Reduce the frequency of requests to the POP3 server.",
			},
		},
	},
	{
		Name: "qmail", Login: "pass",
		Quirk: "knows no CAPA, and counts octets without CR",
		uidl:  func(n int, _ []byte) string { return fmt.Sprintf("17000000%02d.%d.mail.example", n%100, n) },
		quirks: Quirks{
			Greeting: "+OK <4711.1700000000@mail.example>",
			Capa:     func(bool) []string { return nil },
			List: ListQuirks{Octets: func(raw []byte) int64 {
				return int64(len(raw) - bytes.Count(raw, []byte("\r\n")))
			}},
		},
	},
	{
		Name: "webde", Login: "pass",
		Quirk: "wants 720 seconds between logins",
		uidl:  func(_ int, raw []byte) string { return "0M" + hash(raw)[:28] },
		quirks: Quirks{
			Greeting: "+OK POP server ready H webde 0M",
			Capa:     fixed("TOP, UIDL, USER, SASL PLAIN, IMPLEMENTATION trinity"),
			Throttle: Throttle{
				Logins: 1, Window: 720 * time.Second,
				Answer: "-ERR login too soon, the interval is 720 seconds: try again later",
			},
		},
	},
	{
		Name: "wildduck", Login: "pass",
		Quirk: "ends every session after 60 seconds",
		uidl:  func(n int, raw []byte) string { return fmt.Sprintf("%s%04x", hash(raw)[:20], n) },
		quirks: Quirks{
			Greeting:   "+OK WDPop ready for requests from 127.0.0.1",
			Capa:       fixed("TOP, UIDL, USER, SASL PLAIN, PIPELINING, RESP-CODES, EXPIRE NEVER"),
			MaxSession: time.Minute,
		},
	},
	{
		Name: "zimbra", Login: "pass",
		Quirk: "offers APOP in its greeting and does not mean it",
		uidl:  func(n int, raw []byte) string { return fmt.Sprintf("%d.%s", 256+n, hash(raw)[:20]) },
		quirks: Quirks{
			Greeting: "+OK zimbra.example Zimbra POP3 server ready <APOP>",
			Capa:     fixed("TOP, USER, UIDL, EXPIRE 31 USER, XOIP, SASL PLAIN, IMPLEMENTATION ZimbraInc"),
		},
	},
}

// fixed is a CAPA that the login does not change.
func fixed(lines string) func(loggedIn bool) []string {
	return func(bool) []string { return strings.Split(lines, ", ") }
}

func hash(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
