package fetcher

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

func (w *world) states(t *testing.T, uidls ...string) string {
	t.Helper()
	records, err := w.ledger.Lookup(t.Context(), "lab", uidls)
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]ledger.Record)
	for _, r := range records {
		known[r.UIDL] = r
	}
	var states []string
	for _, uidl := range uidls {
		states = append(states, strings.TrimSuffix(fmt.Sprintf("%s/%d", known[uidl].State, known[uidl].Attempts), "/0"))
	}
	return strings.Join(states, " ")
}

// TestQuarantineRefused: a server may refuse to send a message a second time, for quarantine. Gmail
// takes what it sent once as consumed at QUIT, so the poll sends no QUIT.
func TestQuarantineRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "poison", "two")
	now := time.Now()
	w.supervisor.now = func() time.Time { return now }
	w.sink.fail = func(s string) error {
		if s == "stage poison" {
			return &delivery.UnprocessableError{Err: errors.New("too deep")}
		}
		return nil
	}
	retrieved := 0 // of the message, over all sessions
	w.server.Retr.ConsumesAtQuit = true
	w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
		if cmd != "RETR" || c.UIDL(args) != "uid-2" {
			return false
		}
		if retrieved++; retrieved == 2 {
			c.Reply("-ERR not twice")
			return true
		}
		return false
	}
	w.start(t)
	if err := w.once(t); err == nil || !strings.Contains(err.Error(), "retrieve 1 messages again") {
		t.Errorf("error %v, want that one message was refused", err)
	}
	if log := strings.Join(w.server.Log(), " "); strings.Contains(log, "QUIT") {
		t.Errorf("QUIT, while a message was retrieved that is not kept: %s", log)
	}
	now = now.Add(retryMax)
	if err := w.once(t); err != nil {
		t.Error(err)
	}
	if got, want := w.states(t, "uid-1", "uid-2", "uid-3"), "delivered quarantined/1 delivered"; got != want {
		t.Errorf("states %q, want %q", got, want)
	}
}

// TestAttempts: a message that a template does not work for fails its poll. After enough attempts
// it is kept as it came, and the messages behind it are delivered.
func TestAttempts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "poison", "three")
	w.account.Attempts = 3
	w.start(t)
	now := time.Now()
	w.supervisor.now = func() time.Time { return now }
	noPath := errors.New("path: no such field")
	w.sink.fail = func(s string) error {
		if s == "stage poison" {
			return noPath
		}
		return nil
	}
	for attempt, want := range []string{"delivered failed/1 ", "delivered failed/2 delivered"} {
		if err := w.once(t); !errors.Is(err, noPath) {
			t.Fatalf("attempt %d: error %v, want the sink's", attempt+1, err)
		}
		if got := w.states(t, "uid-1", "uid-2", "uid-3"); got != want {
			t.Errorf("attempt %d: states %q, want %q", attempt+1, got, want)
		}
	}
	// The other messages do not wait for it.
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	if got, want := w.states(t, "uid-1", "uid-2", "uid-3"), "delivered failed/2 delivered"; got != want {
		t.Errorf("states %q, want %q", got, want)
	}
	now = now.Add(retryMax)
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	if got, want := w.states(t, "uid-1", "uid-2", "uid-3"), "delivered quarantined/2 delivered"; got != want {
		t.Errorf("states %q, want %q", got, want)
	}
	kept, err := w.ledger.Quarantined(t.Context(), "lab")
	if err != nil || len(kept) != 1 || !strings.Contains(kept[0].Reason, "no such field (attempt 3)") {
		t.Fatalf("in quarantine: %+v, %v", kept, err)
	}
	if raw := string(w.sink.Files()[kept[0].Attachments[0].Path]); raw != "poison\r\n" {
		t.Errorf("the message is kept as %q", raw)
	}
}

// TestDiskFault: a full disk is never counted as a message's fault, however often it happens.
func TestDiskFault(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	w.account.Attempts = 1
	w.start(t)
	for _, errno := range diskFaults {
		w.sink.fail = func(string) error { return fmt.Errorf("write staging file: %w", errno) }
		if err := w.once(t); !errors.Is(err, errno) {
			t.Errorf("error %v, want %v", err, errno)
		}
	}
	if got := w.states(t, "uid-1"); got != "" {
		t.Errorf("the message is %s, want nothing recorded", got)
	}
	w.sink.fail = nil
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	if got := w.states(t, "uid-1"); got != "delivered" {
		t.Errorf("the message is %s, want delivered", got)
	}
}

// TestStaleLedger: a ledger that is behind the folder stops the account before the server is asked.
func TestStaleLedger(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	w.start(t)
	w.sink.behind = 5
	var stale *delivery.StaleError
	if err := w.once(t); !errors.As(err, &stale) || stale.Mark != 5 || stale.Generation != 0 {
		t.Fatalf("error %v, want a StaleError", err)
	}
	if log := w.server.Log(); len(log) != 0 {
		t.Errorf("the server was asked: %q", log)
	}
	if _, err := w.supervisor.OpenQuarantine(t.Context(), w.account); !errors.As(err, &stale) {
		t.Errorf("OpenQuarantine: %v, want a StaleError", err)
	}
	// Rebuilding is allowed all the same. Nothing above has left the account locked.
	_, err := w.supervisor.Adopt(t.Context(), w.account, identity.Adoption{}, zerolog.Nop())
	if err := errors.Join(err, w.ledger.CatchUp(t.Context(), "lab", 5)); err != nil {
		t.Fatal(err)
	}
	if err := w.once(t); err != nil {
		t.Error(err)
	}
	if w.sink.Files()["one"] != nil {
		t.Error("what was adopted was delivered again")
	}
}

// TestAdopt records a listing without retrieving anything. Nothing of it is deleted later, unless a
// time of delivery was given.
func TestAdopt(t *testing.T) {
	t.Parallel()
	for _, delivered := range []time.Time{{}, time.Now()} {
		w := newWorld(t, "one", "two", "three")
		w.start(t)
		if err := w.ledger.Failed(t.Context(), "lab", ledger.Key{UIDL: "uid-3", Size: -1}, "-ERR", time.Time{}); err != nil {
			t.Fatal(err)
		}
		adopted, err := w.supervisor.Adopt(t.Context(), w.account, identity.Adoption{Delivered: delivered}, zerolog.Nop())
		if want := (identity.Adopted{Messages: 3, Recorded: 2}); err != nil || adopted != want {
			t.Fatalf("%+v, %v, want %+v", adopted, err, want)
		}
		w.account.Delete = true
		for range 2 {
			if err := w.once(t); err != nil {
				t.Fatal(err)
			}
		}
		// The ledger knew that the failed message was not delivered.
		if len(w.sink.Files()) != 1 || w.sink.Files()["three"] == nil {
			t.Errorf("delivered: %q, want three alone", w.sink.Files())
		}
		want := 2
		if !delivered.IsZero() {
			want = 0
		}
		if left := w.server.Mailbox("u0"); len(left) != want {
			t.Errorf("%d messages left on the server, want %d", len(left), want)
		}
	}
}

// TestAdoptMoved: where a server gave its messages other UIDLs, Adopt tells the messages that were
// never delivered from the others, if the ledger is known to lack nothing.
func TestAdoptMoved(t *testing.T) {
	t.Parallel()
	var ids []string
	for i := range changedLeast {
		ids = append(ids, fmt.Sprint(i))
	}
	others := make([]string, changedLeast)
	for i := range others {
		others[i] = fmt.Sprint("other", i)
	}
	for name, tt := range map[string]struct {
		later []string // Message-IDs
		top   string   // what badTOP does
		old   bool     // the ledger
		isNew int
	}{
		"all":                       {later: ids},
		"others have come":          {later: append(slices.Clone(ids), "x", "y"), isNew: 2},
		"others without Message-ID": {later: append(slices.Clone(ids), "", "x"), isNew: 1},
		"an old ledger":             {later: append(slices.Clone(ids), "x", "y"), old: true},
		"another mailbox":           {later: others},
		"no TOP":                    {later: append(slices.Clone(ids), "x"), top: "refuses"},
		"a small mailbox":           {later: []string{"1", "2", "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.sink.messageIDs = true
			w.server.Mailboxes["u0"] = letters("a", ids...)
			w.server.Hook = badTOP(tt.top)
			w.start(t)
			if n := w.poll(t); n != len(ids) {
				t.Fatalf("%d delivered", n)
			}
			w.server.Replace("u0", letters("b", tt.later...)...)
			adopted, err := w.supervisor.Adopt(t.Context(), w.account, identity.Adoption{UpToDate: !tt.old}, zerolog.Nop())
			if want := (identity.Adopted{Messages: len(tt.later), Recorded: len(tt.later) - tt.isNew, New: tt.isNew}); err != nil || adopted != want {
				t.Fatalf("%+v, %v, want %+v", adopted, err, want)
			}
			if n := w.poll(t) - len(ids); n != tt.isNew {
				t.Errorf("%d delivered later, want %d", n, tt.isNew)
			}
		})
	}
}

// TestAdoptOddServers: Adopt asks a server that breaks at CAPA without it, as a poll does, and says
// which messages have no UIDL.
func TestAdoptOddServers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "two", "three")
	w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
		switch cmd {
		case "CAPA":
			c.Cut()
		case "UIDL":
			c.Reply("+OK", "1 uid-1", "2", "3 uid-3", ".")
		default:
			return false
		}
		return true
	}
	w.start(t)
	adopted, err := w.supervisor.Adopt(t.Context(), w.account, identity.Adoption{}, zerolog.Nop())
	if want := (identity.Adopted{Messages: 3, Recorded: 2, Nameless: 1}); err != nil || adopted != want {
		t.Fatalf("%+v, %v, want %+v", adopted, err, want)
	}
}

// TestLockedAccount: commands that change an account's state fail while it is polled.
func TestLockedAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	w.start(t)
	lease, err := w.ledger.Lease(t.Context(), "lab", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	_, open := w.supervisor.OpenQuarantine(t.Context(), w.account)
	_, adopt := w.supervisor.Adopt(t.Context(), w.account, identity.Adoption{}, zerolog.Nop())
	_, forget := w.supervisor.ForgetAll(t.Context(), "lab")
	for name, err := range map[string]error{"open": open, "adopt": adopt, "forget": forget} {
		if !errors.Is(err, ledger.ErrLeased) {
			t.Errorf("%s: %v, want that it is locked", name, err)
		}
	}
}
