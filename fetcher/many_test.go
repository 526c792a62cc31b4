package fetcher

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/config/testsize"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
	"github.com/attachd/attachd/fetcher/session"
)

// TestTenThousandAccounts polls ten thousand accounts while one of their hosts hangs, and then lets
// them wait for their next poll.
func TestTenThousandAccounts(t *testing.T) {
	accounts := testsize.Of(500, 10_000)
	limit := int64(20<<20 + accounts*18<<10)
	if testing.Short() {
		t.Skip("it takes many connections")
	}
	w := newWorld(t)
	w.server.Plaintext = true
	for i := range accounts {
		w.server.Users[fmt.Sprintf("u%d", i)] = "pw0"
	}
	w.start(t)
	// A host that takes connections and never says anything.
	hung, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer hung.Close()

	w.supervisor.Log = zerolog.Nop()
	w.supervisor.MaxConcurrent, w.supervisor.MaxPerHost = 64, 16
	list := make([]Account, accounts)
	for i := range list {
		list[i] = w.account
		list[i].Name, list[i].Username, list[i].Security, list[i].Auth = fmt.Sprintf("account-%d", i), fmt.Sprintf("u%d", i), pop3.Plaintext, session.AuthPass
		list[i].Version = i
	}
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapInuse + m.StackInuse)
	}
	before := heap()
	hanging := list[0]
	_, port, _ := net.SplitHostPort(hung.Addr().String())
	hanging.Name, hanging.Addr = "hanging", net.JoinHostPort("localhost", port)
	hanging.Timeouts.Greeting = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	waits := make(chan []error, 1)
	go func() { waits <- w.supervisor.RunOnce(ctx, []Account{hanging}) }()
	if errs := w.supervisor.RunOnce(ctx, list); len(errs) > 0 {
		t.Fatalf("%d accounts failed, the first with %v", len(errs), errs[0])
	}
	if n := w.server.Sessions(); n != accounts {
		t.Errorf("%d sessions, want one for each account", n)
	}
	sets := make(chan []Account)
	go w.supervisor.Run(ctx, sets)
	sets <- list
	sets <- list // taken when the first set has been put to work
	used := heap() - before
	t.Logf("%d accounts that wait take %.1f MiB, %d bytes each", accounts, float64(used)/(1<<20), used/int64(accounts))
	if used > limit {
		t.Errorf("%d accounts take %d MiB", accounts, used>>20)
	}
	cancel()
	<-waits
}

// TestNothingNew: a poll of a mailbox with 100,000 known messages sends STAT and UIDL, and no LIST.
func TestNothingNew(t *testing.T) {
	t.Parallel()
	messages := testsize.Of(5000, 100_000)
	w := newWorld(t)
	all := make([]pop3test.Message, messages)
	for i := range all {
		all[i] = pop3test.Message{UIDL: fmt.Sprintf("uid-%d", i), Raw: []byte("x\r\n")}
	}
	w.server.Mailboxes["u0"] = all
	w.start(t)
	if adopted, err := w.supervisor.Adopt(t.Context(), w.account, identity.Adoption{}, zerolog.Nop()); err != nil || adopted.Recorded != messages {
		t.Fatalf("%+v, %v", adopted, err)
	}
	if err := w.once(t); err != nil { // learns the mailbox's octets
		t.Fatal(err)
	}
	lists := commands(w, "LIST")
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	if n := commands(w, "LIST") - lists; n != 0 || commands(w, "RETR") != 0 {
		t.Errorf("%d LIST and %d RETR though nothing is new", n, commands(w, "RETR"))
	}
}
