package app_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// reloading is a server whose polls all stand still in their first RETR until they are released.
type reloading struct {
	*pop3test.Server
	inFlight chan string   // gets the user of each
	release  chan struct{} // is closed

	mu     sync.Mutex
	logins map[string]int // guarded by mu: by user
}

// start starts the server with so many mailboxes of one message each.
func (r *reloading) start(t *testing.T, mailboxes int) {
	t.Helper()
	r.Server, r.inFlight, r.release = pop3test.NewServer(), make(chan string, mailboxes), make(chan struct{})
	r.logins, r.Users, r.Mailboxes = make(map[string]int), make(map[string]string), make(map[string][]pop3test.Message)
	for i := range mailboxes {
		user := fmt.Sprintf("u%d", i)
		r.Users[user], r.Mailboxes[user] = "pw", apptest.Notes(1)
	}
	var users sync.Map // by connection
	r.Hook = func(c *pop3test.Conn, cmd, args string) bool {
		switch cmd {
		case "USER":
			users.Store(c, args)
			r.mu.Lock()
			r.logins[args]++
			r.mu.Unlock()
		case "RETR":
			user, _ := users.Load(c)
			select {
			case <-r.release:
			default:
				r.inFlight <- user.(string)
				<-r.release
			}
		}
		return false
	}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
}

// write writes a configuration of accounts u0 to u(n-1), each with its own lines, "-" for none.
func (r *reloading) write(t *testing.T, path string, n int, lines func(i int) string) {
	t.Helper()
	host, port, _ := net.SplitHostPort(r.Addr())
	var b strings.Builder
	fmt.Fprintf(&b, "output: out\nstate: state.db\ninterval: 1h\nmax_concurrent: %d\nmax_per_host: %[1]d\ndefaults: {host: %[2]s, port: %[3]s, tls: {ca_file: ca.pem, server_name: localhost}}\naccounts:\n", 2*n, host, port)
	for i := range n {
		if more := lines(i); more != "-" {
			fmt.Fprintf(&b, "- {name: a%d, username: u%[1]d, password: pw%[2]s}\n", i, more)
		}
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestReloadWhilePolling reloads while 200 polls are in flight: none is cut. Those of accounts that
// change end with what is coming, and only these accounts restart. New ones are polled at once.
func TestReloadWhilePolling(t *testing.T) {
	t.Parallel()
	const (
		all     = 200
		changed = 20 // the first ones
		added   = 10
	)
	server := &reloading{}
	server.start(t, all+added)
	dir := t.TempDir()
	path := filepath.Join(dir, "attachd.yaml")
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), server.CertPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	server.write(t, path, all, func(int) string { return "" })
	c, _, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan event.Event, 4*all)
	m := &manager{ready: make(chan struct{}, 1)}
	a, err := app.Open(t.Context(), app.Options{Config: c, Path: path, Service: m, Observe: func(e event.Event) {
		if _, ok := e.(event.Done); ok {
			done <- e
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { a.Run(ctx) })
	defer running.Wait()
	defer stop()
	<-m.ready
	wait(t, all, server.inFlight)

	server.write(t, path, all+added, func(i int) string {
		if i < changed {
			return fmt.Sprintf(", output: other, group: %d", os.Getegid())
		}
		return ""
	})
	if _, err := a.ReloadNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	wait(t, added, server.inFlight)
	if len(done) > 0 {
		t.Fatalf("%d polls ended with the reload", len(done))
	}
	close(server.release)
	polls := make(map[string]int)
	for range all + added + changed {
		select {
		case e := <-done:
			d := e.(event.Done)
			polls[d.Account]++
			if d.Err != nil && (polls[d.Account] > 1 || !errors.Is(d.Err, context.Canceled)) {
				t.Errorf("account %s: %v", d.Account, d.Err)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%d polls ended, want %d", len(polls), all+added+changed)
		}
	}
	stop()
	running.Wait()
	for i := range all + added {
		want := 1
		if i < changed {
			want = 2
		}
		if got := server.logins[fmt.Sprintf("u%d", i)]; got != want || polls[fmt.Sprintf("a%d", i)] != want {
			t.Errorf("account a%d: %d logins, %d polls, want %d", i, got, polls[fmt.Sprintf("a%d", i)], want)
		}
		apptest.CheckNotes(t, filepath.Join(dir, "out", fmt.Sprintf("a%d", i)), 1) // begun with the old output
	}
}

// wait waits for n polls to be in flight.
func wait(t *testing.T, n int, inFlight <-chan string) {
	t.Helper()
	for i := range n {
		select {
		case <-inFlight:
		case <-time.After(time.Minute):
			t.Fatalf("%d polls are in flight, want %d", i, n)
		}
	}
}
