package fetcher

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestOrder checks the order of the steps from RETR to QUIT, and what the ledger holds at each of
// them.
func TestOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "two")
	w.account.Delete = true
	w.server.Hook = func(_ *pop3test.Conn, cmd, args string) bool {
		switch cmd {
		case "DELE", "QUIT":
			records, err := w.ledger.Lookup(context.Background(), "lab", []string{"uid-1", "uid-2"})
			if err != nil {
				t.Error(err)
			}
			var states []string
			for _, r := range records {
				states = append(states, string(r.State))
			}
			w.sink.step("%s, ledger: %s", strings.TrimSpace(cmd+" "+args), strings.Join(states, ", "))
		}
		return false
	}
	w.start(t)
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"stage one", "stage two",
		"sync one", "sync two",
		"publish one, ledger: 2 staged", "publish two, ledger: 2 staged",
		"sync folders, ledger: 2 staged",
		"DELE 2, ledger: delete_pending, delete_pending",
		"DELE 1, ledger: delete_pending, delete_pending",
		"QUIT, ledger: delete_pending, delete_pending",
	}
	if diff := cmp.Diff(want, w.sink.steps); diff != "" {
		t.Errorf("steps differ (-want +got):\n%s", diff)
	}
	records, err := w.ledger.Lookup(t.Context(), "lab", []string{"uid-1", "uid-2"})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if r.State != ledger.Deleted {
			t.Errorf("UIDL %s is %s after the +OK to QUIT, want deleted", r.UIDL, r.State)
		}
	}
	if left := w.server.Mailbox("u0"); len(left) != 0 {
		t.Errorf("%d messages left on the server", len(left))
	}
}

// TestFailedStep lets each step of a delivery fail once. Nothing may be deleted then. No QUIT may
// be sent after a message was retrieved and not committed. The next poll must deliver each message
// once.
func TestFailedStep(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"stage two", "sync one", "sync two", "publish one", "publish two", "sync folders"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "one", "two")
			w.account.Delete = true
			w.start(t)
			broken := errors.New("disk on fire")
			w.sink.fail = func(s string) error {
				if strings.HasPrefix(s, step) {
					return broken
				}
				return nil
			}
			if err := w.once(t); !errors.Is(err, broken) {
				t.Fatalf("error %v, want the sink's", err)
			}
			for _, line := range w.server.Log() {
				if strings.HasPrefix(line, "DELE") || strings.HasPrefix(line, "QUIT") {
					t.Errorf("%q was sent although a message is not committed", line)
				}
			}
			w.sink.fail = nil
			if err := w.once(t); err != nil {
				t.Fatal(err)
			}
			want := map[string][]byte{"one": []byte("one\r\n"), "two": []byte("two\r\n")}
			if diff := cmp.Diff(want, w.sink.Files()); diff != "" {
				t.Errorf("published files differ (-want +got):\n%s", diff)
			}
			if left := w.server.Mailbox("u0"); len(left) != 0 {
				t.Errorf("%d messages left on the server", len(left))
			}
			if len(w.sink.Staged()) != 0 {
				t.Errorf("%d staging files left", len(w.sink.Staged()))
			}
		})
	}
}

// TestQuarantine: a message that can't be taken apart is kept as it came, and the messages behind
// it are delivered.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "poison", "bomb", "two")
	w.account.Delete = true
	w.start(t)
	w.sink.fail = func(s string) error {
		switch s {
		case "stage poison":
			return &delivery.UnprocessableError{Err: errors.New("too deep")}
		case "stage bomb":
			panic("index out of range")
		}
		return nil
	}
	for range 2 { // the second poll must not fetch them again
		if err := w.once(t); err != nil {
			t.Fatal(err)
		}
	}
	var kept []string
	for path, body := range w.sink.Files() {
		if strings.HasPrefix(path, delivery.QuarantineFolder+"/") && strings.HasSuffix(path, ".eml") {
			reason := string(w.sink.Files()[strings.TrimSuffix(path, ".eml")+".txt"])
			kept = append(kept, string(body)+strings.Split(reason, "\n")[2])
		}
	}
	for _, want := range []string{"poison\r\nreason: too deep", "bomb\r\nreason: read message: panic: index out of range"} {
		found := false
		for _, got := range kept {
			found = found || got == want
		}
		if !found {
			t.Errorf("quarantine holds %q, want %q in it", kept, want)
		}
	}
	if len(kept) != 2 || w.sink.Files()["one"] == nil || w.sink.Files()["two"] == nil {
		t.Errorf("published %d files, quarantined %q", len(w.sink.Files()), kept)
	}
	if left := w.server.Mailbox("u0"); len(left) != 2 {
		t.Errorf("%d messages left on the server, want the two in quarantine", len(left))
	}
}
