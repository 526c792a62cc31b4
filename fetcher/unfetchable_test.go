package fetcher

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// still is a hook that applies h while the mailbox holds all of n messages.
func still(n int, h hook) hook {
	return func(c *pop3test.Conn, cmd, args string) bool {
		return c.UIDL(fmt.Sprint(n)) != "" && h(c, cmd, args)
	}
}

// TestUnfetchable: a message that STAT, LIST and UIDL don't agree on costs no other one. It is
// fetched where that is safe. Elsewhere it is left with a warning, also by Check.
func TestUnfetchable(t *testing.T) {
	t.Parallel()
	list := func(lines ...string) string { return "+OK\r\n" + strings.Join(append(lines, "."), "\r\n") + "\r\n" }
	long := strings.Repeat("u", 3000)
	all, others := []string{"one\r\n", "two\r\n", "three\r\n"}, []string{"one\r\n", "three\r\n"}
	const one, lacks2 = "1 of 3 messages can't be fetched", "number 2, and"
	for name, tt := range map[string]struct {
		answers []string
		why     string   // where messages are kept; "" is nothing
		also    string   // further words
		kept    []string // what is delivered there
		deleted string   // why where messages are deleted at once
	}{
		"UIDL lacks one":                  {[]string{"UIDL", list("1 a", "3 c")}, one, lacks2, others, ""},
		"UIDL lacks the last":             {[]string{"UIDL", list("1 a", "2 b")}, one, "number 3, and", all[:2], ""},
		"UIDL lacks two":                  {[]string{"UIDL", list("1 a")}, "2 of 3 messages", "number 2, 3, and", all[:1], ""},
		"UIDL and LIST lack one":          {[]string{"UIDL", list("1 a", "2 b"), "LIST", list("1 5", "2 5")}, one, "STAT counts 1 more", all[:2], one},
		"STAT counts two more":            {[]string{"STAT", "+OK 5 99\r\n"}, "2 of 5 messages", "STAT counts 2 more", all, "2 of 5 messages"},
		"STAT counts one less":            {[]string{"STAT", "+OK 2 10\r\n"}, "", "", all, ""},
		"STAT counts one less than LIST":  {[]string{"STAT", "+OK 2 10\r\n", "UIDL", list("1 a", "3 c")}, one, lacks2, others, ""},
		"mail came after UIDL":            {[]string{"STAT", "+OK 2 10\r\n", "UIDL", list("1 a", "2 b")}, "", "", all[:2], ""},
		"mail came after STAT":            {[]string{"STAT", "+OK 1 5\r\n", "LIST", list("1 5", "2 5")}, "", "", all, ""},
		"STAT says nothing":               {[]string{"STAT", "+OK\r\n", "UIDL", list("1 a", "3 c")}, one, lacks2, others, ""},
		"a line without a UIDL":           {[]string{"UIDL", list("1 a", "2", "3 c")}, one, lacks2, others, ""},
		"a UIDL with NUL":                 {[]string{"UIDL", list("1 a", "2 b\x00x", "3 c")}, one, "the UIDL of message 2 holds NUL", others, ""},
		"a number with NUL":               {[]string{"UIDL", list("1 a", "2\x00 b", "3 c")}, one, `"2\x00 b" in the answer to UIDL`, others, ""},
		"a UIDL of 3,000 bytes":           {[]string{"UIDL", list("1 a", "2 "+long, "3 c")}, one, "more than 2048 bytes for message 2", others, ""},
		"a line of 100,000 bytes":         {[]string{"UIDL", list("1 a", "2 "+strings.Repeat(long, 34), "3 c")}, one, "more than 2048 bytes for message 2", others, ""},
		"a long line without a number":    {[]string{"UIDL", list("1 a", long, "3 c")}, one, "uuu", others, ""},
		"a garbled line":                  {[]string{"UIDL", list("1 a", "b 2", "3 c")}, one, `"b 2"`, others, ""},
		"a negative number":               {[]string{"UIDL", list("1 a", "-2 b", "3 c")}, one, `"-2 b"`, others, ""},
		"a number beyond all":             {[]string{"UIDL", list("1 a", "99999999999 b", "3 c")}, one, lacks2, others, ""},
		"a line twice":                    {[]string{"UIDL", list("1 a", "2 b", "2 b", "3 c")}, "", "", all, ""},
		"a line twice, far apart":         {[]string{"UIDL", list("2 b", "1 a", "3 c", "2 b")}, "", "", all, ""},
		"the list twice":                  {[]string{"UIDL", list("1 a", "2 b", "3 c", "1 a", "2 b", "3 c")}, "", "", all, ""},
		"a number twice, two UIDLs":       {[]string{"UIDL", list("1 a", "2 b", "2 x", "3 c")}, one, "message 2 has two UIDLs", others, ""},
		"a number three times":            {[]string{"UIDL", list("1 a", "2 b", "2 x", "2 b", "3 c")}, one, "message 2 has two UIDLs", others, ""},
		"a number twice, once without":    {[]string{"UIDL", list("1 a", "2 b", "2", "3 c")}, one, "message 2 has two UIDLs", others, ""},
		"a number twice in another place": {[]string{"UIDL", list("1 a", "2 b", "2 c")}, "2 of 3 messages", "number 2, 3, and", all[:1], ""},
		"a UIDL twice":                    {[]string{"UIDL", list("1 a", "2 b", "3 b")}, "", "", all, ""},
		"LIST lacks one":                  {[]string{"LIST", list("1 5", "3 7")}, "", "", all, ""},
		"LIST has one twice":              {[]string{"LIST", list("1 5", "2 5", "2 5", "3 7")}, "", "", all, ""},
		"LIST has one in two sizes":       {[]string{"LIST", list("1 5", "2 50", "2 5", "2 50", "3 7")}, "", "", all, ""},
		"LIST has a long line":            {[]string{"LIST", list("1 5", "2 5"+strings.Repeat(" ", 3000), "3 7")}, "", "", all, ""},
		"LIST has NUL":                    {[]string{"LIST", list("1 5", "2 \x005", "3 7")}, "", "", all, ""},
		"LIST has garbage":                {[]string{"LIST", list("1 5", "what", "3 7")}, "", "", all, ""},
		"no UIDL, LIST has one twice":     {[]string{"UIDL", "-ERR unknown command\r\n", "LIST", list("1 5", "2 5", "2 6", "3 7")}, "only after: delete", "", none, ""},
		"no UIDL, LIST lacks one":         {[]string{"UIDL", "-ERR unknown command\r\n", "LIST", list("1 5", "3 7")}, "only after: delete", "", none, one},
	} {
		for _, policy := range []string{"keep", "delete later", "delete"} {
			t.Run(name+", "+policy, func(t *testing.T) {
				t.Parallel()
				p := play{want: tt.kept, left: 3, errs: []string{tt.why, tt.why}, hook: still(3, answers(tt.answers...)), account: func(a *Account) {
					if a.Delete = policy != "keep"; policy == "delete later" {
						a.DeleteAfter = 24 * time.Hour
					}
				}}
				if tt.kept == nil {
					p.want = none
				}
				if policy == "delete" {
					// What was left at first is fetched when the mailbox is consistent again.
					p.want, p.left, p.errs = all, 0, []string{tt.deleted, "", ""}
				}
				w, sink := p.begin(t)
				var log bytes.Buffer
				w.supervisor.Log = zerolog.New(&log)
				for i, want := range p.errs {
					err := w.once(t)
					if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
						t.Fatalf("poll %d: error %v, want %q", i+1, err, want)
					}
					if want != "" && policy != "delete" && !strings.Contains(err.Error(), tt.also) {
						t.Errorf("poll %d: error %v, want %q", i+1, err, tt.also)
					}
					if i == 0 && want != "" && !strings.Contains(log.String(), want) {
						t.Errorf("the log does not say %q", want)
					}
				}
				p.check(t, w, sink)
				if policy == "delete" {
					return
				}
				probe, err := poll.Check(t.Context(), w.account.Account, zerolog.Nop())
				if said := fmt.Sprint(probe.Unfetchable, err); !strings.Contains(said, tt.why) || !strings.Contains(said, tt.also) || tt.why == "" && said != "<nil>" {
					t.Errorf("check says %s", said)
				}
			})
		}
	}
}

// TestFromZero: a server that really counts messages from 0 has all of them fetched and deleted.
func TestFromZero(t *testing.T) {
	t.Parallel()
	fromZero := func(s *pop3test.Server) { s.List.FromZero = true }
	zeroBased := func(c *pop3test.Conn, cmd, _ string) bool {
		if cmd != "UIDL" && cmd != "LIST" {
			return false
		}
		c.Reply("+OK")
		for n := 1; c.UIDL(fmt.Sprint(n)) != ""; n++ {
			value := c.UIDL(fmt.Sprint(n))
			if cmd == "LIST" {
				value = "5"
			}
			c.Reply(fmt.Sprint(n-1, " ", value))
		}
		c.Reply(".")
		return true
	}
	for _, pipelining := range []bool{false, true} {
		subtests(t, map[string]play{
			fmt.Sprint("delete, pipelining ", pipelining): {server: func(s *pop3test.Server) { fromZero(s); s.Pipelining = pipelining }},
			fmt.Sprint("keep, pipelining ", pipelining):   {server: func(s *pop3test.Server) { fromZero(s); s.Pipelining = pipelining }, keep: true},
		})
	}
	// Later the first message is compared before it is deleted.
	w, _ := counting(t)
	now := time.Now()
	w.supervisor.now = func() time.Time { return now }
	w.server.List.FromZero, w.account.Delete, w.account.DeleteAfter = true, true, time.Hour
	w.server.Mailboxes["u0"] = []pop3test.Message{mail("a", "one", "Message-ID: <1@x>"), mail("b", "two", "Message-ID: <2@x>")}
	w.start(t)
	w.poll(t)
	now = now.Add(2 * time.Hour)
	w.poll(t)
	if n := len(w.server.Mailbox("u0")); n > 0 {
		t.Errorf("%d messages are left", n)
	}
	// If only the lists count from 0, the server refuses the first message and is not asked for the
	// last.
	w = newWorld(t, "one", "two", "six")
	w.server.Hook = zeroBased
	w.start(t)
	errs := w.supervisor.RunOnce(t.Context(), []Account{w.account})
	if len(errs) == 0 || !strings.Contains(errs[0].Error(), "1 messages could not be retrieved") {
		t.Errorf("errors %v", errs)
	}
}

// TestRefusedIsIncomplete: a poll in which messages were refused, or were left because they failed
// before, did not go well. The next poll is not put off by that.
func TestRefusedIsIncomplete(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "two", "three")
	var done []error
	w.supervisor.Observe = func(e event.Event) {
		if d, ok := e.(event.Done); ok {
			done = append(done, d.Err)
		}
	}
	var log bytes.Buffer
	w.supervisor.Log = zerolog.New(&log)
	refuse := true
	w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
		if cmd == "RETR" && refuse {
			c.Reply("-ERR not now")
			return true
		}
		return false
	}
	w.start(t)
	now := time.Now()
	w.supervisor.now = func() time.Time { return now }
	for i, want := range []poll.IncompleteError{{Failed: 3}, {PutOff: 3}, {}} {
		log.Reset()
		errs := w.supervisor.RunOnce(t.Context(), []Account{w.account})
		w.server.Wait()
		if refuse = i == 0; i == 1 {
			now = now.Add(time.Hour)
		}
		if complete := strings.Contains(log.String(), `"complete":true`); complete != (i == 2) {
			t.Errorf("poll %d: complete %t", i+1, complete)
		}
		if i == 2 {
			if len(errs) > 0 || done[i] != nil {
				t.Errorf("at last: %v, %v", errs, done[i])
			}
			break
		}
		got, ok := errors.AsType[*poll.IncompleteError](errors.Join(errs...))
		if !ok || *got != want || !errors.Is(done[i], got) {
			t.Errorf("poll %d: %v, and %v told, want %v", i+1, errs, done[i], &want)
		}
	}
	// For a daemon it is no failure.
	w = newWorld(t, "one")
	w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
		if cmd == "RETR" {
			c.Reply("-ERR not now")
		}
		return cmd == "RETR"
	}
	w.start(t)
	l := w.loop(w.account)
	if next := l.turn(t.Context(), t.Context()); next < w.account.Interval || l.failures > 0 {
		t.Errorf("next poll in %v after %d failures", next, l.failures)
	}
}
