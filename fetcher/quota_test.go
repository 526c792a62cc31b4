package fetcher

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// cabinet is a sink that puts a copy of messages with "torn" in them into quarantine.
type cabinet struct{ *memory }

func (s *cabinet) Stage(ctx context.Context, uidl string, r io.Reader) (delivery.Staged, error) {
	body, err := io.ReadAll(r)
	if err != nil {
		return delivery.Staged{}, err
	}
	staged, err := s.memory.Stage(ctx, uidl, bytes.NewReader(body))
	if err != nil || !bytes.Contains(body, []byte("torn")) {
		return staged, err
	}
	a, err := s.memory.StageRaw(ctx, bytes.NewReader(body), delivery.QuarantineFolder, "copy-"+uidl+".eml")
	a.Quarantine = true
	staged.Attachments = append(staged.Attachments, a)
	staged.Doubtful, staged.RawKept, staged.Reason = true, true, "torn"
	return staged, err
}

// kept counts the messages in quarantine.
func (s *cabinet) kept() (n int) {
	for path := range s.Files() {
		if strings.HasPrefix(path, delivery.QuarantineFolder) && strings.HasSuffix(path, ".eml") {
			n++
		}
	}
	return n
}

// TestQuarantineLimit: a flood of mail that can't be handled fills the quarantine, and not the
// disk. A message that finds no room there stays on the server until there is room. The same holds
// for a message that was delivered without its copy.
func TestQuarantineLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "bad1", "bad2", "bad3", "good", "torn")
	sink := &cabinet{w.sink}
	w.account.OpenSink = func(context.Context) (delivery.Sink, error) { return sink, nil }
	now := time.Now()
	w.supervisor.now = func() time.Time { return now }
	w.account.Delete, w.account.QuarantineBytes = true, 2*8<<10 // of two messages
	w.sink.fail = func(s string) error {
		if strings.HasPrefix(s, "stage bad") {
			return &delivery.UnprocessableError{Err: errors.New("too deep")}
		}
		return nil
	}
	uidls := []string{"uid-1", "uid-2", "uid-3", "uid-4", "uid-5"}
	w.start(t)
	if err := w.once(t); err == nil || !strings.Contains(err.Error(), "without room there") {
		t.Errorf("error %v", err)
	}
	now = now.Add(retryMax)
	if err := w.once(t); err == nil {
		t.Error("no error, though a message can't be kept")
	}
	// The torn message came first, and its copy took the room of one message.
	if got := w.states(t, uidls...); got != "quarantined failed/2 failed/2 delivered delivered" || sink.kept() != 2 {
		t.Errorf("states %q, %d in quarantine", got, sink.kept())
	}
	failures, err := w.ledger.Failures(t.Context(), "lab")
	if err != nil || len(failures) != 2 || !strings.Contains(failures[0].Reason, "too deep; left on the server, as the quarantine is full") {
		t.Errorf("failures %+v, error %v", failures, err)
	}
	w.account.QuarantineBytes = 0
	now = now.Add(retryMax)
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	if got := w.states(t, uidls...); got != "quarantined quarantined/2 quarantined/2 deleted deleted" {
		t.Errorf("states %q", got)
	}
}

// TestNoRoomForCopy: mail that finds no room for its copy is delivered and stays on the server, and
// each poll says so. Once there is room, the copy is made and the message is deleted, without
// another delivery.
func TestNoRoomForCopy(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]time.Duration{"at once": 0, "later": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "Subject: torn")
			sink := &cabinet{w.sink}
			w.account.OpenSink = func(context.Context) (delivery.Sink, error) { return sink, nil }
			now := time.Now()
			w.supervisor.now = func() time.Time { return now }
			w.account.Delete, w.account.DeleteAfter, w.account.QuarantineBytes, w.account.SkipDuplicates = true, after, 1, true
			var log bytes.Buffer
			w.supervisor.Log = zerolog.New(&log)
			w.start(t)
			for range 3 {
				err := errors.Join(w.supervisor.RunOnce(t.Context(), []Account{w.account})...)
				w.server.Wait()
				if incomplete, ok := errors.AsType[*poll.IncompleteError](err); time.Until(now) > after-time.Minute && (!ok || incomplete.NoRoom != 1) {
					t.Errorf("error %v", err)
				}
				now = now.Add(after)
			}
			if w.has() != "Subject:" || sink.kept() != 0 || len(w.sink.Staged()) != 0 || len(w.server.Mailbox("u0")) != 1 || commands(w, "RETR 1") != 1 {
				t.Errorf("delivered %q, %d in quarantine, %d staged, %d left, fetched %d times", w.has(), sink.kept(), len(w.sink.Staged()), len(w.server.Mailbox("u0")), commands(w, "RETR 1"))
			}
			done := lines(t, &log, "poll done")
			if last := done[len(done)-1]; last["without_file"] != 0. || last["not_read_right"] != 1. {
				t.Errorf("it says %v", last)
			}
			if len(lines(t, &log, "no copy is kept of a message")) != 1 || !strings.Contains(log.String(), "quarantine is full") {
				t.Errorf("log says %s", &log)
			}
			probe, err := poll.CheckNew(t.Context(), w.account.Account, w.ledger, zerolog.Nop())
			if err != nil || probe.Staying != 0 || after == 0 && (probe.Unread != 1 || probe.NoRoom != 1) {
				t.Errorf("check finds %+v, %v", probe, err)
			}
			w.server.Wait()

			w.account.QuarantineBytes = 1 << 20
			for range 2 { // with delete_after, the second one deletes
				if err := w.once(t); err != nil {
					t.Fatal(err)
				}
			}
			if sink.kept() != 1 || w.states(t, "uid-1") != "deleted" || len(w.server.Mailbox("u0")) != 0 || commands(w, "RETR 1") != 2 {
				t.Errorf("%d in quarantine, state %q, fetched %d times", sink.kept(), w.states(t, "uid-1"), commands(w, "RETR 1"))
			}
			messages, err := w.ledger.Quarantined(t.Context(), "lab")
			if err != nil || len(messages) != 1 || messages[0].Reason != "torn" || messages[0].Files() != 1 {
				t.Errorf("in quarantine: %+v, error %v", messages, err)
			}
			if n := len(lines(t, &log, "attachment delivered")); n != 1 || strings.Contains(log.String(), "left out, received before") {
				t.Errorf("%d attachments delivered\n%s", n, &log)
			}
		})
	}
}

// TestCopyOfAnother: another message in the place of one that was delivered is not kept as its
// copy. A refusal does not keep other messages from being deleted.
func TestCopyOfAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "Subject: torn", "Subject: good")
	sink := &cabinet{w.sink}
	w.account.OpenSink = func(context.Context) (delivery.Sink, error) { return sink, nil }
	w.account.Delete, w.account.QuarantineBytes = true, 1
	w.start(t)
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	w.account.QuarantineBytes = 0
	w.server.Hook = answers("RETR", "-ERR not now\r\n")
	if err := w.once(t); err != nil {
		t.Errorf("refused: %v", err)
	}
	w.server.Hook = nil
	was := w.server.Mailbox("u0")[0]
	w.server.Replace("u0", pop3test.Message{UIDL: was.UIDL, Raw: []byte("Subject: born\r\n")})
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	if sink.kept() != 0 || w.states(t, "uid-1") != "delivered" || len(w.sink.Staged()) != 0 {
		t.Errorf("%d in quarantine, state %q, %d staged", sink.kept(), w.states(t, "uid-1"), len(w.sink.Staged()))
	}
}

// TestQuarantineAge: a message is removed from quarantine after the configured age, and is not
// deleted on the server because of that.
func TestQuarantineAge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "bad", "good")
	sink := &cabinet{w.sink}
	w.account.OpenSink = func(context.Context) (delivery.Sink, error) { return sink, nil }
	now := time.Now()
	w.supervisor.now = func() time.Time { return now }
	w.account.Delete = true
	w.sink.fail = func(s string) error {
		if s == "stage bad" {
			return &delivery.UnprocessableError{Err: errors.New("too deep")}
		}
		return nil
	}
	w.start(t)
	check := func(kept int, states string) {
		t.Helper()
		if err := w.once(t); err != nil {
			t.Fatal(err)
		}
		if got := w.states(t, "uid-1", "uid-2"); got != states || sink.kept() != kept || len(w.server.Mailbox("u0")) != 1 {
			t.Errorf("states %q, %d in quarantine, %d on the server", got, sink.kept(), len(w.server.Mailbox("u0")))
		}
	}
	check(1, "quarantined deleted")
	now = now.Add(365 * 24 * time.Hour)
	check(1, "quarantined deleted")
	w.account.QuarantineAge = 366 * 24 * time.Hour
	check(1, "quarantined deleted")
	now = now.Add(24 * time.Hour)
	check(0, "delivered deleted")
	now = now.Add(24 * time.Hour)
	check(0, "delivered deleted")
	if n := commands(w, "RETR 1"); n != 2 { // once to read it, once to keep it
		t.Errorf("the message was retrieved %d times", n)
	}
	if messages, err := w.ledger.Quarantined(t.Context(), "lab"); err != nil || len(messages) != 0 {
		t.Errorf("in quarantine: %+v, error %v", messages, err)
	}
	if n, err := w.ledger.QuarantineBytes(t.Context(), "lab"); err != nil || n != 0 {
		t.Errorf("%d bytes, error %v", n, err)
	}
}
