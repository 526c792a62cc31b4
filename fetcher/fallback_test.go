package fetcher

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestConcessionLasts: a server that has broken at pipelining twice is asked without pipelining
// from then on, by other accounts and after a restart too.
func TestConcessionLasts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "second")
	breaks, ahead := 0, 0
	w.server.Users["u1"], w.server.Mailboxes["u1"] = "pw0", w.server.Mailboxes["u0"]
	w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
		if c.User() == "" || c.Ahead() == 0 {
			return false
		}
		ahead++
		if cmd == "UIDL" || cmd == "RETR" {
			breaks++
			c.Cut()
			return true
		}
		return false
	}
	w.start(t)
	for poll, want := range []int{1, 2, 2} {
		if err := w.once(t); err != nil {
			t.Fatal(err)
		}
		if breaks != want {
			t.Errorf("poll %d: the server broke %d times in all, want %d", poll+1, breaks, want)
		}
		w.server.Append("u0", pop3test.Message{UIDL: strings.Repeat("n", poll+1), Raw: []byte("new\r\n")})
	}
	restarted := &Supervisor{Ledger: record{w.ledger}, MaxConcurrent: 1, MaxPerHost: 1, Log: w.supervisor.Log}
	other := w.account
	other.Name, other.Username, ahead = "other", "u1", 0
	if errs := restarted.RunOnce(t.Context(), []Account{other}); len(errs) > 0 {
		t.Fatal(errs)
	}
	if breaks != 2 || ahead > 0 {
		t.Errorf("after a restart %d breaks and %d commands ahead, want 2 as before and none", breaks, ahead)
	}
}

// TestSilenceAtQuit: a server that never answers QUIT keeps its pipelining.
func TestSilenceAtQuit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "first")
	w.account.Delete = true
	w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
		if cmd == "QUIT" {
			c.Commit()
			c.Cut()
			return true
		}
		return false
	}
	w.start(t)
	for _, more := range []string{"second", "third", "fourth"} {
		if err := w.once(t); err != nil {
			t.Error(err)
		}
		w.server.Append("u0", pop3test.Message{UIDL: more, Raw: []byte(more + "\r\n")})
	}
	known, err := w.ledger.Host(t.Context(), w.account.Addr)
	if err != nil || !known.Unpipelined.IsZero() {
		t.Errorf("known is %v, error %v", known, err)
	}
	if got := w.has(); got != "first second third" {
		t.Errorf("delivered %q", got)
	}
}

// TestChanceIsForgotten: a connection that breaks once changes nothing about later polls.
func TestChanceIsForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "second")
	cut, ahead := false, 0
	w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
		if cmd == "RETR" && c.Ahead() > 0 {
			ahead++
		}
		if cmd == "RETR" && !cut {
			cut = true
			c.Cut()
			return true
		}
		return false
	}
	w.start(t)
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	w.server.Append("u0", pop3test.Message{UIDL: "a", Raw: []byte("third\r\n")}, pop3test.Message{UIDL: "b", Raw: []byte("the fourth\r\n")})
	ahead = 0
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	if ahead == 0 {
		t.Error("nothing is pipelined any more after one cut")
	}
}

// TestDiskIsNotTheServer: a disk that fails is no reason to do without pipelining.
func TestDiskIsNotTheServer(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{syscall.ENOSPC, syscall.EMFILE, syscall.EIO} {
		w := newWorld(t, "one", "second")
		w.sink.fail = func(s string) error {
			if s == "stage second" {
				return &fs.PathError{Op: "write", Path: "staging", Err: cause}
			}
			return nil
		}
		w.start(t)
		if err := w.once(t); !errors.Is(err, cause) {
			t.Errorf("error %v, want %v", err, cause)
		}
		if n := w.server.Sessions(); n != 1 {
			t.Errorf("%v: %d sessions, want 1", cause, n)
		}
	}
}
