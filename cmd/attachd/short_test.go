package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestRetryShort: a message that the server cut, among others as long as listed, is delivered from
// quarantine by hand, and stays on the server even so.
func TestRetryShort(t *testing.T) {
	t.Parallel()
	var messages []pop3test.Message
	for n := range 2 {
		raw := fmt.Sprintf("Message-ID: <%d@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: application/pdf; name=\"%[1]d.pdf\"\r\n\r\n%s", n, strings.Repeat("a line of text\r\n", 100))
		messages = append(messages, pop3test.Message{UIDL: fmt.Sprint("m", n), Raw: []byte(raw)})
	}
	s := pop3test.NewServer()
	s.Users, s.Mailboxes, s.APOP = map[string]string{"u0": "pw0"}, map[string][]pop3test.Message{"u0": messages}, true
	s.Hook = func(c *pop3test.Conn, cmd, args string) bool {
		if cmd != "RETR" || c.UIDL(args) != "m0" {
			return false
		}
		raw := messages[0].Raw
		c.Send([]byte("+OK\r\n" + string(raw[:bytes.LastIndexByte(raw[:len(raw)*3/4], '\n')+1]) + ".\r\n"))
		return true
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	left := func() int { return len(s.Mailbox("u0")) }
	server := apptest.Server{Addr: s.Addr(), StartTLSAddr: s.Addr(), Certificate: s.CertPEM(), Left: left}
	config := server.Config(t, t.TempDir(), "after: delete", "attempts: 1")
	if code, log := once(t, config); code != exitTemporary || !strings.Contains(log, " octets came of the ") || left() != 1 {
		t.Fatalf("exit code %d, %d left\n%s", code, left(), log)
	}
	if out, err := program(t, "quarantine", "retry", "--all", "--config", config).CombinedOutput(); err != nil || !strings.Contains(string(out), "delivered, 1 attachment") {
		t.Fatalf("%v\n%s", err, out)
	}
	if code, log := once(t, config); code != exitOK || left() != 1 {
		t.Errorf("exit code %d, %d left, want the message to stay\n%s", code, left(), log)
	}
}
