package fetcher

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// fullAt is a fault that fills the disk while a message is staged.
func fullAt(message string) func(string) error {
	return func(step string) error {
		if step == "stage "+message {
			return fmt.Errorf("write staging file: %w", syscall.ENOSPC)
		}
		return nil
	}
}

// TestMessageWithoutRoom: a message that needs more room than LIST says is itself at fault if it
// was alone on the disk. Before that others may have taken the room, and no failure is recorded.
// The other messages come, and this one is kept as it is in the end.
func TestMessageWithoutRoom(t *testing.T) {
	t.Parallel()
	// All have the same length: after a broken connection each one is under suspicion.
	w := newWorld(t, "one", "bad", "two")
	now := time.Now()
	w.supervisor.now = func() time.Time { return now }
	w.account.Delete, w.account.MinFree, w.sink.Room = true, 1000, 10_000
	w.sink.fail = fullAt("bad")
	w.start(t)
	if err := w.once(t); !poll.DiskFull(err) || w.states(t, "uid-1", "uid-2", "uid-3") != "delivered  delivered" {
		t.Errorf("beside others: error %v, states %q", err, w.states(t, "uid-1", "uid-2", "uid-3"))
	}
	for attempt, want := range []string{"delivered failed/1 delivered", "deleted failed/2 deleted", "deleted quarantined/2 deleted"} {
		err := w.once(t)
		if last := attempt == 2; (err == nil) != last || err != nil && !strings.Contains(err.Error(), "could not be kept") {
			t.Errorf("attempt %d: error %v", attempt+1, err)
		}
		if attempt == 0 && commands(w, "QUIT") > 0 {
			t.Error("QUIT was sent though a message was retrieved and not kept")
		}
		if attempt == 0 {
			// It is not due yet, and holds up no deletion.
			if err := w.once(t); err != nil || len(w.server.Mailbox("u0")) != 1 {
				t.Errorf("%d messages are left, error %v", len(w.server.Mailbox("u0")), err)
			}
			want = "deleted failed/1 deleted"
		}
		if got := w.states(t, "uid-1", "uid-2", "uid-3"); got != want {
			t.Errorf("attempt %d: states %q, want %q", attempt+1, got, want)
		}
		now = now.Add(retryMax)
	}
	if kept, err := w.ledger.Quarantined(t.Context(), "lab"); err != nil || len(kept) != 1 || !strings.Contains(kept[0].Reason, "alone does not fit") {
		t.Errorf("in quarantine: %+v, error %v", kept, err)
	}
}

// TestDiskFillsUp: if there is no room left for the listed octets, nobody knows who filled the
// disk. The rest of the batch is kept, and no failure is recorded against a message.
func TestDiskFillsUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "bad", "two")
	w.account.Delete = true
	w.sink.fail = fullAt("bad")
	w.start(t)
	if err := w.once(t); !poll.DiskFull(err) {
		t.Errorf("error %v", err)
	}
	if got := w.states(t, "uid-1", "uid-2", "uid-3"); got != "delivered  delivered" {
		t.Errorf("states %q", got)
	}
	w.sink.fail = nil
	if err := w.once(t); err != nil || w.has() != "bad one two" {
		t.Errorf("delivered %q, error %v", w.has(), err)
	}
}

// TestDeletesBeforeFull: without min_free, too, what was delivered is deleted while the disk is
// full. A disk that says so although it is not is written to all the same.
func TestDeletesBeforeFull(t *testing.T) {
	t.Parallel()
	for _, wrong := range []bool{false, true} {
		w := newWorld(t, "one", "bad", "two")
		w.account.Delete = true
		w.sink.fail = fullAt("bad")
		w.start(t)
		if err := w.once(t); !poll.DiskFull(err) || w.states(t, "uid-1", "uid-2", "uid-3") != "delivered  delivered" {
			t.Errorf("error %v, states %q", err, w.states(t, "uid-1", "uid-2", "uid-3"))
		}
		w.sink.Room = 4 // the message has 5 octets
		if wrong {
			w.sink.fail = nil
		}
		if err := w.once(t); poll.DiskFull(err) == wrong {
			t.Errorf("error %v", err)
		}
		want := "deleted  deleted"
		if wrong {
			want = "deleted deleted deleted"
		}
		if got := w.states(t, "uid-1", "uid-2", "uid-3"); got != want {
			t.Errorf("states %q, want %q", got, want)
		}
		sessions := w.server.Sessions()
		if err := w.once(t); poll.DiskFull(err) == wrong || w.server.Sessions() != sessions+1 {
			t.Errorf("nothing to delete: error %v, %d sessions", err, w.server.Sessions()-sessions)
		}
	}
}

// TestCopyWithoutRoom: a message that found no room is not at fault while there is room for it
// alone, but not for the copy that is made of it. It is not retrieved again before there is.
func TestCopyWithoutRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "bad")
	w.account.Copies, w.account.MinFree, w.sink.Room = delivery.CopiesInDoubt, 1000, 10_000
	w.sink.fail = func(step string) error {
		if step == "stage bad" {
			w.sink.Room = 1007 // others took it; the message has 5 octets
		}
		return fullAt("bad")(step)
	}
	w.start(t)
	for range 3 {
		if err := w.once(t); !poll.DiskFull(err) || w.states(t, "uid-1") != "" {
			t.Errorf("error %v, states %q", err, w.states(t, "uid-1"))
		}
	}
	if n := commands(w, "RETR"); n != 1 {
		t.Errorf("%d RETR", n)
	}
	w.sink.fail, w.sink.Room = nil, 10_000
	if err := w.once(t); err != nil || w.has() != "bad" {
		t.Errorf("delivered %q, error %v", w.has(), err)
	}
}

// TestNoRoomDeletesEvenSo: mail that does not come for want of room does not keep other mail from
// being deleted.
func TestNoRoomDeletesEvenSo(t *testing.T) {
	t.Parallel()
	for name, noRoom := range map[string]func(w *world){
		"bytes":  func(w *world) { w.sink.Room = 900 },
		"inodes": func(w *world) { w.sink.noRoom = fmt.Errorf("no more files: %w", syscall.ENOSPC) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "one")
			now := time.Now()
			w.supervisor.now = func() time.Time { return now }
			w.account.Delete, w.account.DeleteAfter, w.account.MinFree, w.sink.Room = true, time.Hour, 1000, 10_000
			w.start(t)
			if err := w.once(t); err != nil {
				t.Fatal(err)
			}
			noRoom(w)
			w.server.Append("u0", pop3test.Message{UIDL: "uid-2", Raw: []byte("two\r\n")})
			now = now.Add(2 * time.Hour)
			if err := w.once(t); !poll.DiskFull(err) {
				t.Errorf("error %v", err)
			}
			if got := w.states(t, "uid-1", "uid-2"); got != "deleted " {
				t.Errorf("states %q", got)
			}
		})
	}
}
