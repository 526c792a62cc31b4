package pop3_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/attachd/attachd/fetcher/pop3"
)

// TestLineLimit: a status line may have 8 KiB with its line end, and one that
// never ends costs no more than the buffer.
func TestLineLimit(t *testing.T) {
	t.Parallel()
	for length, want := range map[int]error{600: nil, 8192: nil, 8193: pop3.ErrLineTooLong, 1 << 20: pop3.ErrLineTooLong} {
		synctest.Test(t, func(t *testing.T) {
			_, err := serve(t, func(conn net.Conn) error {
				io.WriteString(conn, "+OK "+strings.Repeat("x", length-len("+OK \r\n"))+"\r\n")
				return nil
			})
			if !errors.Is(err, want) {
				t.Errorf("greeting of %d bytes: error %v, want %v", length, err, want)
			}
		})
	}
}

func TestGreetings(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ sent, want string }{
		{"* OK IMAP4rev1 ready\r\n", "read greeting: not a POP3 server: an IMAP server answered: POP3S is port 995, POP3 with STLS port 110"},
		{"220 mx ESMTP\r\n", "read greeting: not a POP3 server: an SMTP or FTP server answered: POP3S is port 995, POP3 with STLS port 110"},
		{"SSH-2.0-OpenSSH_9.6\r\n", "read greeting: not a POP3 server: an SSH server answered: POP3S is port 995, POP3 with STLS port 110"},
		{"HTTP/1.1 400 Bad Request\r\n\r\n", "read greeting: not a POP3 server: an HTTP server answered: POP3S is port 995, POP3 with STLS port 110"},
		{"<!DOCTYPE html>", "read greeting: not a POP3 server: an HTTP server answered: POP3S is port 995, POP3 with STLS port 110"},
		{"\x15\x03\x01\x00\x02\x02\x46", "read greeting: not a POP3 server: a TLS server answered: use implicit TLS on this port"},
		{"\x00\x01garbage\r\n", `read greeting: not a POP3 server: it greets with "\x00\x01garbage"`},
		{"\r\n", `read greeting: not a POP3 server: it greets with ""`},
		{"+OKAY\r\n", `read greeting: not a POP3 server: it greets with "+OKAY"`},
		{"-ERR [SYS/TEMP] too many connections\r\n", "read greeting: server said: -ERR [SYS/TEMP] too many connections"},
		{"", "read greeting: server closed the connection instead of greeting: unexpected EOF"},
		{"+O", "read greeting: server closed the connection instead of greeting: unexpected EOF"},
		{"+OK without end", "read greeting: server closed the connection instead of greeting: unexpected EOF"},
		{"+ok\r\n", ""},
		{"+OK\r\n", ""},
		{"+OK\n", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, err := serve(t, func(conn net.Conn) error {
				io.WriteString(conn, test.sent)
				return nil
			})
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("%q: error %q, want %q", test.sent, got, test.want)
			}
			_, refused := errors.AsType[*pop3.Error](err)
			if want := strings.HasPrefix(test.sent, "-ERR"); refused != want {
				t.Errorf("%q: is a refusal: %t, want %t", test.sent, refused, want)
			}
		})
	}
}
