package fetcher

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// foretold is what a dry run says.
type foretold struct {
	poll.Outlook
	fetched, deleted, again int
}

func (f *foretold) Found(o poll.Outlook) { f.Outlook = o }
func (f *foretold) Fetch(_ poll.Foreseen, body io.Reader) error {
	f.fetched++
	_, err := io.Copy(io.Discard, body)
	return err
}
func (f *foretold) SeenBefore(poll.Foreseen)    { f.again++ }
func (f *foretold) Leave(poll.Foreseen, string) {}
func (f *foretold) Delete(poll.Foreseen)        { f.deleted++ }

// TestForecastIsThePoll: on servers that contradict themselves, check and a dry run find what a
// poll then finds, and fail where it fails.
func TestForecastIsThePoll(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		hook  func(c *pop3test.Conn, cmd, args string) bool
		fetch int
		left  string // what is said of messages that can't be fetched
		keep  bool
		fails string
	}{
		"STAT counts nothing":  {hook: answers("STAT", "+OK 0 0\r\n"), fetch: 3},
		"UIDL lists nothing":   {hook: answers("UIDL", "+OK\r\n.\r\n"), fetch: 3},
		"UIDL lacks one":       {hook: answers("UIDL", "+OK\r\n1 uid-1\r\n3 uid-3\r\n.\r\n"), fetch: 3},
		"UIDL lacks one, keep": {hook: answers("UIDL", "+OK\r\n1 uid-1\r\n3 uid-3\r\n.\r\n"), fetch: 2, keep: true, left: "1 of 3 messages can't be fetched"},
		"UIDL refused":         {hook: noUIDL, fetch: 3},
		"UIDL refused, keep":   {hook: noUIDL, keep: true, fails: "without UIDL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "one", "two", "three")
			w.account.Delete, w.server.Hook = !tt.keep, tt.hook
			w.start(t)
			probe, checkErr := poll.CheckNew(t.Context(), w.account.Account, w.ledger, zerolog.Nop())
			w.server.Wait()
			var f foretold
			dryErr := poll.DryRun(t.Context(), w.account.Account, w.ledger, nil, &f, zerolog.Nop())
			w.server.Wait()
			pollErr := w.once(t)
			if tt.fails != "" {
				for _, err := range []error{checkErr, dryErr, pollErr} {
					if err == nil || !strings.Contains(err.Error(), tt.fails) {
						t.Errorf("error %v, want %q", err, tt.fails)
					}
				}
				return
			}
			if got := len(w.sink.Files()); got != tt.fetch || probe.Waiting != got || f.fetched != got || f.New != got {
				t.Errorf("check found %d, a dry run %d and %d, the poll %d, want %d", probe.Waiting, f.New, f.fetched, got, tt.fetch)
			}
			if probe.Messages != 3 || f.Messages != 3 {
				t.Errorf("check counts %d on the server, a dry run %d", probe.Messages, f.Messages)
			}
			for _, said := range []string{probe.Unfetchable, f.Unfetchable} {
				if !strings.HasPrefix(said, tt.left) || tt.left == "" && said != "" {
					t.Errorf("said %q, want %q", said, tt.left)
				}
			}
			if says := fmt.Sprint(checkErr, dryErr); says != "<nil> <nil>" {
				t.Error(says)
			}
		})
	}
}

// TestFailedIsForetold: a dry run counts messages that failed and wait for another attempt.
func TestFailedIsForetold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "two")
	w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
		if cmd != "RETR" || !isMessage(c, cmd, args, "uid-2") {
			return false
		}
		c.Reply("-ERR no")
		return true
	}
	w.start(t)
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	probe, err := poll.CheckNew(t.Context(), w.account.Account, w.ledger, zerolog.Nop())
	if err != nil || probe.Pending != 1 || probe.Waiting != 0 {
		t.Errorf("%d failed, %d wait, %v", probe.Pending, probe.Waiting, err)
	}
}

// TestMovedIsForetold: where UIDLs have changed, a dry run says that new messages may have been
// delivered before.
func TestMovedIsForetold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "two")
	w.start(t)
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	w.server.Replace("u0", letters("n", "one", "two")...)
	var f foretold
	if err := poll.DryRun(t.Context(), w.account.Account, w.ledger, nil, &f, zerolog.Nop()); err != nil || f.New != 2 || f.Moved != 2 {
		t.Errorf("%d new, %d to be compared, %v", f.New, f.Moved, err)
	}
}

// TestPutBackIsForetold: a dry run does not promise to deliver a message that was deleted and put
// back.
func TestPutBackIsForetold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sink.messageIDs = true
	w.account.Delete = true
	w.server.Mailboxes["u0"] = letters("u", "one")
	w.start(t)
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	w.server.Replace("u0", letters("n", "one", "two")...)
	var f foretold
	if err := poll.DryRun(t.Context(), w.account.Account, w.ledger, nil, &f, zerolog.Nop()); err != nil || f.fetched != 2 || f.again != 1 {
		t.Errorf("%d would be fetched, %d of them seen before, %v", f.fetched, f.again, err)
	}
}
