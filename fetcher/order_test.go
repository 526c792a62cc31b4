package fetcher

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/delivery/sinktest"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
	"github.com/attachd/attachd/fetcher/session"
)

// memory is a sink that takes each message for one attachment, its body, and records the steps.
type memory struct {
	sinktest.Memory
	t      *testing.T
	ledger *sqlite.Ledger

	mu     sync.Mutex
	steps  []string
	behind int64 // what Mark returns, as more than one account may use the folder
	reads  int   // calls of Stage
	noRoom error // what Free returns
	// messageIDs has Stage find the Message-ID.
	messageIDs bool
	// bodies has the attachment be what stands behind the header.
	bodies  bool
	awaited map[int]chan struct{}   // closed at that call
	fail    func(step string) error // nil: nothing fails
}

func newMemory(t *testing.T, led *sqlite.Ledger) *memory {
	m := &memory{t: t, ledger: led}
	m.Before = func(step sinktest.Step, name string) error {
		switch step {
		case sinktest.StepPublish:
			return m.step("publish %s, ledger: %s", name, m.unfinished())
		case sinktest.StepSyncFolders:
			return m.step("sync folders, ledger: %s", m.unfinished())
		}
		return m.step("%s %s", step, name)
	}
	return m
}

func (m *memory) step(format string, args ...any) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := fmt.Sprintf(format, args...)
	m.steps = append(m.steps, s)
	if m.fail != nil {
		return m.fail(s)
	}
	return nil
}

// reading returns a channel that is closed when Stage is called for the n-th time.
func (m *memory) reading(n int) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	done := make(chan struct{})
	if m.reads >= n {
		close(done)
		return done
	}
	m.awaited = map[int]chan struct{}{n: done}
	return done
}

func (m *memory) Free(ctx context.Context) (int64, error) {
	if m.noRoom != nil {
		return 0, m.noRoom
	}
	return m.Memory.Free(ctx)
}

func (m *memory) Stage(_ context.Context, _ string, r io.Reader) (s delivery.Staged, _ error) {
	m.mu.Lock()
	m.reads++
	if done := m.awaited[m.reads]; done != nil {
		close(done)
	}
	m.mu.Unlock()
	body, err := io.ReadAll(r)
	if err != nil {
		return delivery.Staged{}, err
	}
	if _, behind, ok := bytes.Cut(body, []byte("\r\n\r\n")); ok && m.bodies {
		s.MessageID = identity.Identify(body).MessageID
		body = behind
	}
	text := strings.TrimSpace(string(body))
	if err := m.step("stage %s", text); err != nil {
		return delivery.Staged{}, err
	}
	if _, after, ok := strings.Cut(text, "<"); ok && m.messageIDs {
		s.MessageID, _, _ = strings.Cut(after, ">")
	}
	s.Attachments = []ledger.Attachment{m.Add(body, text)}
	return s, nil
}

func (m *memory) Mark(context.Context) (int64, error) { return m.behind, nil }

// unfinished says how many messages the ledger holds as staged, of the first files: to ask it for each of hundreds takes long.
func (m *memory) unfinished() string {
	m.mu.Lock()
	steps := len(m.steps)
	m.mu.Unlock()
	if steps > 100 {
		return "some staged"
	}
	messages, err := m.ledger.Unfinished(context.Background(), "lab")
	if err != nil {
		m.t.Error(err)
	}
	return fmt.Sprintf("%d staged", len(messages))
}

// world is a server, a ledger and a sink for one account.
type world struct {
	server     *pop3test.Server
	ledger     *sqlite.Ledger
	sink       *memory
	supervisor *Supervisor
	account    Account
}

func newWorld(t *testing.T, bodies ...string) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{server: pop3test.NewServer()}
	w.server.Users = map[string]string{"u0": "pw0"}
	var messages []pop3test.Message
	for i, body := range bodies {
		messages = append(messages, pop3test.Message{UIDL: fmt.Sprintf("uid-%d", i+1), Raw: []byte(body + "\r\n")})
	}
	w.server.Mailboxes = map[string][]pop3test.Message{"u0": messages}
	w.server.APOP, w.server.Pipelining = true, true
	t.Cleanup(func() { w.server.Close() })
	w.ledger = openLedger(t, filepath.Join(dir, "state.db"))
	w.sink = newMemory(t, w.ledger)
	w.supervisor = &Supervisor{
		Ledger:        record{w.ledger},
		MaxConcurrent: 4, MaxPerHost: 4, Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.DebugLevel),
	}
	w.account = Account{Account: poll.Account{
		Name: "lab", Interval: time.Hour,
		Output: delivery.Output{OpenSink: func(context.Context) (delivery.Sink, error) { return w.sink, nil }},
		Endpoint: session.Endpoint{
			Username: "u0", Auth: session.AuthAuto, TLS: func() (*tls.Config, error) { return &tls.Config{RootCAs: w.server.CertPool()}, nil },
			Password: func(context.Context) (string, error) { return "pw0", nil },
		},
	}}
	return w
}

// start starts the server, once its fields are set.
func (w *world) start(t *testing.T) {
	t.Helper()
	if err := w.server.Start(); err != nil {
		t.Fatal(err)
	}
	w.account.Addr = w.server.Addr()
}

// once polls once, to the end on both sides, and returns its error, but for that of messages that failed: who expects those looks at
// what came of them.
func (w *world) once(t *testing.T) error {
	t.Helper()
	defer w.server.Wait()
	if errs := w.whole(w.supervisor.RunOnce(t.Context(), []Account{w.account})); len(errs) > 0 {
		return errs[0]
	}
	return nil
}

// whole returns the errors that are not of single messages.
func (w *world) whole(errs []error) []error {
	return slices.DeleteFunc(errs, func(err error) bool {
		incomplete, ok := errors.AsType[*poll.IncompleteError](err)
		return ok && incomplete.Unfetchable == ""
	})
}

// TestOrder checks the order of the steps from RETR to QUIT: what the ledger
// holds is asked at each of them.
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

// TestFailedStep lets each step of a delivery fail once: nothing may be deleted
// then, no QUIT may be sent once a message was retrieved and not committed, and
// the next poll must make up for it, each message once.
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

// TestQuarantine: a message that can't be taken apart is kept as it came, and
// those behind it are delivered.
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

// loop returns the loop of an account, as Run would start it.
func (w *world) loop(a Account) *loop {
	w.supervisor.fill()
	return newLoop(w.supervisor, newSlots(1, 1), a)
}
