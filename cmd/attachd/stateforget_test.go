package main

import (
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestDeliveredBefore: of a message that was delivered, has another size now, and is refused, state
// check says that it was delivered, and state forget that its files come again.
func TestDeliveredBefore(t *testing.T) {
	t.Parallel()
	s := pop3test.NewServer()
	s.Users, s.Pipelining = map[string]string{"u0": "pw0"}, true
	notes := apptest.Notes(2)
	s.Mailboxes = map[string][]pop3test.Message{"u0": notes}
	var refuses atomic.Bool
	s.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
		if !refuses.Load() || cmd != "RETR" && cmd != "TOP" {
			return false
		}
		c.Reply("-ERR no")
		return true
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	config := apptest.Server{Addr: s.Addr(), Certificate: s.CertPEM()}.Config(t, t.TempDir())
	if code, log := once(t, config); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, log)
	}
	s.Wait()
	refuses.Store(true)
	grown := notes[0]
	grown.Raw = append([]byte("X-Scanned: yes\r\n"), grown.Raw...)
	s.Replace("u0", grown, notes[1], pop3test.Message{UIDL: "new", Raw: notes[0].Raw})
	once(t, config)
	shown, _ := attachd(t, "state", "check", "--config", config)
	if want := regexp.MustCompile(`message '` + notes[0].UIDL + `' could not be retrieved .*\n    one of this UIDL was delivered 20.*: of \d+ bytes as the server said, and this one is of \d+; attachd state forget --uidl has both fetched again\n`); !want.MatchString(shown) || strings.Count(shown, "one of this UIDL") != 1 || !strings.Contains(shown, "message 'new' could not be retrieved") {
		t.Errorf("state check says\n%s", shown)
	}
	for uidl, want := range map[string]string{
		notes[0].UIDL: "2 messages forgotten\n  1 of these had been delivered: the files come again, beside those that are there, unless duplicates: skip\n",
		"new":         "1 message forgotten\n",
	} {
		shown, code := attachd(t, "state", "forget", "lab", "--uidl", uidl, "--config", config)
		if code != exitOK || !strings.HasSuffix(shown, want) {
			t.Errorf("state forget --uidl %s: exit code %d, says\n%s", uidl, code, shown)
		}
	}
}
