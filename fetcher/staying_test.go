package fetcher

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
	"github.com/attachd/attachd/fetcher/session"
)

// sieve is a sink that finds no file in messages with "plain", and something doubtful in those with
// "doubtful".
type sieve struct{ *memory }

func (s sieve) Stage(ctx context.Context, uidl string, r io.Reader) (delivery.Staged, error) {
	m, err := s.memory.Stage(ctx, uidl, r)
	if err != nil {
		return m, err
	}
	path := m.Attachments[0].Path
	m.Envelope = ledger.Envelope{From: "sender of " + path, Subject: "subject of " + path}
	if strings.Contains(path, "plain") {
		err = s.Discard(ctx, m.Attachments)
		m.Attachments = nil
	}
	if strings.Contains(path, "doubtful") {
		m.Problems, m.Doubtful = []string{"part 2: illegal-base64"}, true
	}
	return m, err
}

// lines returns the lines of the log with this message.
func lines(t *testing.T, log *bytes.Buffer, message string) (found []map[string]any) {
	t.Helper()
	for line := range strings.Lines(log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		if text, _ := fields["message"].(string); strings.HasPrefix(text, message) {
			found = append(found, fields)
		}
	}
	return found
}

// values returns the values of a field, in the order of the lines.
func values(lines []map[string]any, field string) string {
	var all []string
	for _, l := range lines {
		all = append(all, fmt.Sprint(l[field]))
	}
	return strings.Join(all, " ")
}

// newSieve returns a world with such a sink, and its log.
func newSieve(t *testing.T, bodies ...string) (*world, *bytes.Buffer) {
	t.Helper()
	w := newWorld(t, bodies...)
	w.account.OpenSink = func(context.Context) (delivery.Sink, error) { return sieve{w.sink}, nil }
	w.supervisor.ReadEnvelope = func(header []byte) ledger.Envelope {
		text, _, _ := strings.Cut(string(header), "\r\n")
		return ledger.Envelope{From: "sender of " + text, Subject: "subject of " + text}
	}
	log := new(bytes.Buffer)
	w.supervisor.Log = zerolog.New(zerolog.SyncWriter(log))
	return w, log
}

// uidls returns the UIDLs of the messages on the server.
func (w *world) uidls() string {
	var all []string
	for _, m := range w.server.Mailbox("u0") {
		all = append(all, m.UIDL)
	}
	return strings.Join(all, " ")
}

// TestDeletesWhatWasDelivered: a message without a delivered file stays on the server, at the poll
// that fetches it and at later ones, unless all messages are to be deleted. The log says so once
// for each message, and each poll counts it.
func TestDeletesWhatWasDelivered(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		set         func(a *Account, s *pop3test.Server)
		left, later string
		said        int
	}{
		{"at once", func(*Account, *pop3test.Server) {}, "uid-2 uid-4", "uid-2 uid-4", 2},
		{"all", func(a *Account, _ *pop3test.Server) { a.DeleteEmpty = true }, "", "", 0},
		{"later", func(a *Account, _ *pop3test.Server) { a.DeleteAfter = time.Hour }, "uid-1 uid-2 uid-3 uid-4", "uid-2 uid-4", 2},
		{"all, later", func(a *Account, _ *pop3test.Server) { a.DeleteAfter, a.DeleteEmpty = time.Hour, true }, "uid-1 uid-2 uid-3 uid-4", "", 0},
		{"keep", func(a *Account, _ *pop3test.Server) { a.Delete = false }, "uid-1 uid-2 uid-3 uid-4", "uid-1 uid-2 uid-3 uid-4", 0},
		{"no UIDL", func(_ *Account, s *pop3test.Server) { s.Hook = noUIDL }, "uid-2 uid-4", "uid-2 uid-4", 2},
		{"no TOP, later", func(a *Account, s *pop3test.Server) {
			a.DeleteAfter = time.Hour
			s.Hook = answers("TOP", "-ERR what?\r\n")
		}, "uid-1 uid-2 uid-3 uid-4", "uid-2 uid-4", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, log := newSieve(t, "Subject: one", "Subject: plain text", "Subject: two", "Subject: plain and more")
			w.account.Delete = true
			tt.set(&w.account, w.server)
			now := time.Now()
			w.supervisor.now = func() time.Time { return now }
			w.start(t)
			if err := w.once(t); err != nil {
				t.Fatal(err)
			}
			if got := w.uidls(); got != tt.left {
				t.Errorf("%q are left, want %q", got, tt.left)
			}
			now = now.Add(2 * time.Hour)
			for range 2 {
				if err := w.once(t); err != nil {
					t.Fatal(err)
				}
			}
			if got := w.uidls(); got != tt.later {
				t.Errorf("%q are left later, want %q", got, tt.later)
			}
			if said := lines(t, log, "message stays on the server: no file of it was delivered"); len(said) != tt.said || tt.said > 0 && !strings.Contains(values(said, "subject"), "subject of Subject: plain text") {
				t.Errorf("said %q", said)
			}
			deleted := lines(t, log, "message deleted on the server")
			slices.SortFunc(deleted, func(a, b map[string]any) int {
				return strings.Compare(fmt.Sprint(a["subject"]), fmt.Sprint(b["subject"]))
			})
			if got, want := len(deleted), 4-len(strings.Fields(tt.later)); got != want {
				t.Errorf("%d deletions are said, want %d", got, want)
			}
			for _, l := range deleted {
				if tt.name == "no TOP, later" && l["uidl"] != nil {
					continue // where nobody knows more
				}
				if l["uidl"] == nil || l["level"] != "info" || !strings.HasPrefix(fmt.Sprint(l["from"]), "sender of ") || !strings.HasPrefix(fmt.Sprint(l["subject"]), "subject of ") {
					t.Errorf("a deletion is said as %v", l)
				}
			}
			n := 0
			for _, l := range lines(t, log, "poll done") {
				n += int(l["deleted"].(float64))
			}
			if n != len(deleted) {
				t.Errorf("poll done counts %d deletions, want %d", n, len(deleted))
			}
			last := lines(t, log, "poll done")
			if got := last[len(last)-1]["without_file"]; got != float64(tt.said) {
				t.Errorf("poll done counts %v messages without a file, want %d", got, tt.said)
			}
		})
	}
}

// TestDeletesMoved: a message that was delivered under another UIDL is deleted under its present
// one. A message that was delivered while all were kept is deleted when the account deletes.
func TestDeletesMoved(t *testing.T) {
	t.Parallel()
	w, log := newSieve(t)
	w.sink.messageIDs = true
	w.server.Mailboxes["u0"] = append(letters("u", "one", "two"), pop3test.Message{UIDL: "p", Raw: []byte("plain <p@x>\r\n")})
	w.start(t)
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	moved := append(letters("v", "one"), letters("u", "", "two")[1], pop3test.Message{UIDL: "q", Raw: []byte("plain <p@x>\r\n")})
	w.server.Replace("u0", moved...)
	w.account.Delete = true
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	if got := w.uidls(); got != "q" {
		t.Errorf("%q are left", got)
	}
	if n := len(w.sink.Files()); n != 2 {
		t.Errorf("%d files were delivered, want 2", n)
	}
	if got := len(lines(t, log, "message deleted on the server")); got != 2 {
		t.Errorf("%d deletions are said", got)
	}
}

// TestDoubtfulStays: a message that could not be read right while all were kept is not deleted when
// the account deletes.
func TestDoubtfulStays(t *testing.T) {
	t.Parallel()
	w, log := newSieve(t, "one", "doubtful")
	w.start(t)
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	w.account.Delete, w.account.DeleteEmpty = true, true
	for range 2 {
		if err := w.once(t); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.uidls(); got != "uid-2" {
		t.Errorf("%q are left", got)
	}
	last := lines(t, log, "poll done")
	if got := values(last, "not_read_right"); got != "0 1 1" {
		t.Errorf("poll done counts %q", got)
	}
}

// TestIdleIsSaid: when accounts are polled once, the log says that nothing was new, or that the
// login failed.
func TestIdleIsSaid(t *testing.T) {
	t.Parallel()
	w, log := newSieve(t, "one")
	w.start(t)
	for i, want := range []int{0, 1} {
		if err := w.once(t); err != nil {
			t.Fatal(err)
		}
		if got := len(lines(t, log, "nothing was new")); got != want {
			t.Errorf("poll %d: said %d times", i+1, got)
		}
	}
	w.account.Password = func(context.Context) (string, error) { return "wrong", nil }
	log.Reset()
	if err := w.once(t); err == nil {
		t.Error("no error")
	}
	if len(lines(t, log, "login failed")) != 1 || len(lines(t, log, "nothing was new")) != 0 {
		t.Errorf("said %s", log)
	}
}

// TestQuarantineIsNews: the log of a poll that puts all messages in quarantine says so, and not
// that nothing was new.
func TestQuarantineIsNews(t *testing.T) {
	t.Parallel()
	w, log := newSieve(t, "poison one", "poison two")
	w.sink.fail = func(s string) error {
		if strings.HasPrefix(s, "stage ") {
			return &delivery.UnprocessableError{Err: errors.New("too many parts")}
		}
		return nil
	}
	w.start(t)
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	done := lines(t, log, "poll done")
	if len(lines(t, log, "nothing was new")) != 0 || values(done, "quarantined") != "2" || values(done, "level") != "info" {
		t.Errorf("said %s", log)
	}
	if err := w.once(t); err != nil || len(lines(t, log, "nothing was new")) != 1 {
		t.Errorf("the poll after that: %v, said %s", err, log)
	}
}

// TestEnding: the log names the first failure, and not that of another attempt at once.
func TestEnding(t *testing.T) {
	t.Parallel()
	login := &session.LoginError{Err: io.EOF}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{login, "login failed"},
		{&AccountError{"a", fmt.Errorf("x: %w", login)}, "login failed"},
		{fmt.Errorf("%w; tried again at once: %w", io.EOF, login), "poll ended early"},
		{errors.New("x"), "poll ended early"},
	} {
		if got := failureMessage(tt.err); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.err, got, tt.want)
		}
	}
}

// TestWorksAgainAfterReload: an account that failed, and works with other settings, is said to work
// again.
func TestWorksAgainAfterReload(t *testing.T) {
	t.Parallel()
	w, log := newSieve(t, "one")
	said := make(chan struct{}, 2)
	w.supervisor.Log = w.supervisor.Log.Hook(zerolog.HookFunc(func(_ *zerolog.Event, _ zerolog.Level, message string) {
		if message == "account works again" {
			said <- struct{}{}
		}
	}))
	w.start(t)
	done := w.polls()
	sets, stop := w.running(t)
	wrong := w.account
	wrong.Password = func(context.Context) (string, error) { return "wrong", nil }
	sets <- []Account{wrong}
	if err := <-done; err == nil {
		t.Error("no error")
	}
	right := w.account
	right.Version = 2
	sets <- []Account{right}
	if err := <-done; err != nil {
		t.Error(err)
	}
	within(t, "the word", said) // which comes behind the poll's end
	stop()
	if n := len(lines(t, log, "account works again")); n != 1 {
		t.Errorf("said %s", log)
	}
}

// TestQuarantineIsSaid: the log says at the start, and once a day, that messages are in quarantine.
func TestQuarantineIsSaid(t *testing.T) {
	t.Parallel()
	w, log := newSieve(t, "one", "poison")
	w.sink.fail = func(s string) error {
		if s == "stage poison" {
			return &delivery.UnprocessableError{Err: errors.New("too deep")}
		}
		return nil
	}
	w.start(t)
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	if got := values(lines(t, log, "poll done"), "in_quarantine"); got != "1" {
		t.Errorf("poll done counts %q", got)
	}
	log.Reset()
	done := w.polls()
	sets, stop := w.running(t)
	sets <- []Account{w.account}
	<-done
	stop()
	said := lines(t, log, "messages are in quarantine")
	if len(said) != 1 || values(said, "account") != "lab" || values(said, "messages") != "1" || values(said, "level") != "warn" {
		t.Errorf("said %v", said)
	}
}

// TestLateDeletionIsSaid: a deletion without its confirmation is seen, and logged, at the next
// poll.
func TestLateDeletionIsSaid(t *testing.T) {
	t.Parallel()
	w, log := newSieve(t, "Subject: one", "Subject: two")
	w.account.Delete = true
	w.server.Pipelining = false // otherwise the poll is made again at once
	w.server.Hook = first(1, on("QUIT", func(c *pop3test.Conn) {
		c.Commit()
		c.Cut()
	}))
	w.start(t)
	if err := w.once(t); err == nil {
		t.Error("QUIT was lost without an error")
	}
	if n := len(lines(t, log, "message deleted")); n != 0 {
		t.Errorf("%d deletions are said that nobody confirmed", n)
	}
	for range 2 {
		if err := w.once(t); err != nil {
			t.Fatal(err)
		}
	}
	if got := values(lines(t, log, "message deleted on the server, as an earlier poll asked"), "uidl"); got != "uid-1 uid-2" {
		t.Errorf("said of %q", got)
	}
	if got := values(lines(t, log, "poll done"), "deleted"); got != "0 2 0" {
		t.Errorf("poll done counts %q", got)
	}
}

// TestQuarantineIsSaidDaily: as long as a message is in quarantine, the log says so every day.
func TestQuarantineIsSaidDaily(t *testing.T) {
	t.Parallel()
	w, log := newSieve(t)
	m := &ledger.Message{Key: ledger.Key{UIDL: "a", Size: 1}, State: ledger.Quarantined, Attachments: []ledger.Attachment{{Path: ".quarantine/a.eml", Quarantine: true}}}
	if err := errors.Join(w.ledger.Stage(t.Context(), "lab", []*ledger.Message{m}), w.ledger.Delivered(t.Context(), "lab", []*ledger.Message{m}, time.Now())); err != nil {
		t.Fatal(err)
	}
	w.supervisor.setNames([]Account{w.account})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { w.supervisor.Run(ctx, nil) })
		time.Sleep(3*24*time.Hour + time.Minute)
		synctest.Wait()
		cancel()
		run.Wait()
	})
	if n := len(lines(t, log, "messages are in quarantine")); n != 3 {
		t.Errorf("said %d times in three days", n)
	}
}
