package webtest

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/trouble"
)

// Zone is that of [Now].
var Zone = time.FixedZone("CET", 3600)

// Now is the moment of all that this package makes.
var Now = time.Date(2026, 11, 27, 14, 32, 8, 0, Zone)

// Board hands out the snapshot that it was given last.
type Board struct {
	snapshot atomic.Pointer[status.Snapshot]
}

// NewBoard makes a board.
func NewBoard(s *status.Snapshot) *Board {
	b := &Board{}
	b.Set(s)
	return b
}

// Set replaces the snapshot.
func (b *Board) Set(s *status.Snapshot) { b.snapshot.Store(s) }

// Snapshot returns the snapshot.
func (b *Board) Snapshot() *status.Snapshot { return b.snapshot.Load() }

// Machine is a machine that is well.
func Machine() status.Machine {
	return status.Machine{
		Started: Now.Add(-23 * 24 * time.Hour), Version: "1.4.2", Polling: 2, Lag: 2 * time.Second,
		Disks:   []status.Disk{{Path: "/var/lib/attachd/attachments", Room: status.Room{Free: 182e9, Total: 500e9}, MinFree: 1e9}},
		State:   status.File{Path: "/var/lib/attachd/state.db", Size: 41e6},
		History: status.File{Path: "/var/lib/attachd/state.db.history", Size: 182e6},
		Config:  status.Config{Path: "/etc/attachd/attachd.yaml", Loaded: Now.Add(-3 * 24 * time.Hour)},
		Beat:    Now.Add(-time.Second),
	}
}

// Empty has no account yet.
func Empty() *status.Snapshot {
	return &status.Snapshot{At: Now, Version: 1, Sentence: "No account yet.", Machine: Machine()}
}

// Fine has three accounts, and all is well.
func Fine() *status.Snapshot {
	s := &status.Snapshot{
		At: Now, Version: 2, Sentence: "Everything is fine.", Rest: "All 3 accounts are on time.", Machine: Machine(),
		Certificates: []status.Certificate{{Host: "pop.example.org:995", NotAfter: Now.Add(34 * 24 * time.Hour), Accounts: 3}},
	}
	for _, name := range []string{"invoices", "orders", "scans"} {
		s.Accounts = append(s.Accounts, account(name, status.Fine))
	}
	count(s)
	return s
}

// Rich has accounts in every state and cases of both kinds.
func Rich() *status.Snapshot {
	s := Fine()
	s.Version = 3
	s.Sentence, s.Rest = "Two things need you.", "The rest is fine: 11 of 14 accounts are on time."
	s.Accounts = nil
	for _, a := range []struct {
		name, why string
		state     status.State
	}{
		{"orders", "login refused", status.NeedsYou},
		{"branch-north", "server does not answer", status.Failing},
		{"branch-south", "server does not answer", status.Failing},
		{"returns", "mailbox in use", status.Waiting},
		{"suppliers-asia", "38 of 350 messages", status.Polling},
		{"suppliers-eu", "", status.Polling},
		{"cloud-invoices", "", status.Fine},
		{"dmarc", "", status.Fine},
		{"invoices", "", status.Fine},
		{"meter-readings", "", status.Fine},
		{"reports", "", status.Fine},
		{"scans", "", status.Fine},
		{"press", "", status.New},
		{"archive", "", status.Off},
	} {
		made := account(a.name, a.state)
		made.Why = a.why
		s.Accounts = append(s.Accounts, made)
	}
	s.Accounts[0].Case, s.Accounts[0].Host, s.Accounts[0].User = "login/orders", "mail.shop.example.org:995", "orders@shop.example.org"
	for i := 1; i <= 2; i++ {
		s.Accounts[i].Case, s.Accounts[i].Host = "connect/branch", "pop.branch.example.org:995"
	}
	s.Accounts[4].Progress = &status.Progress{
		Since: Now.Add(-time.Minute), Messages: 38, Of: 350, Octets: 12e6, OfOctets: 110e6, Rate: 200e3, Left: 8 * time.Minute,
	}
	s.Accounts[4].Backlog = 312
	s.NeedsYou = []status.Case{
		{
			Key: "login/orders", Class: trouble.Class("login_refused"), NeedsYou: true, Heading: "Login refused", Host: "mail.shop.example.org:995",
			Accounts: []string{"orders"}, Meaning: "The server does not take the password.", Todo: "Put the right password into its file.",
			Said:  []string{`log in to mail.shop.example.org:995 as orders@shop.example.org: server refused PASS: "-ERR [AUTH] Authentication failed"`},
			Since: Now.Add(-80 * time.Minute), Last: Now.Add(-7 * time.Minute), Next: Now.Add(32 * time.Minute), Attempts: 5,
		},
		{
			Key: "quarantine/meter-readings", Class: trouble.Class("quarantine"), NeedsYou: true, Heading: "Message in quarantine",
			Accounts: []string{"meter-readings"}, Said: []string{"message unpacks to more than 200 times its size"},
			Todo: "If you expect such mail, raise limits.expansion and retry it.", Since: Now.Add(-3 * time.Hour), Link: "/quarantine",
		},
	}
	s.Handled = []status.Case{{
		Key: "connect/branch", Class: trouble.Class("silent"), Heading: "Server does not answer", Host: "pop.branch.example.org:995",
		Accounts: []string{"branch-north", "branch-south"}, Said: []string{"connect to pop.branch.example.org:995: i/o timeout"},
		Todo: "attachd tries ever more slowly, at least once an hour.", Since: Now.Add(-26 * time.Minute), Last: Now.Add(-2 * time.Minute),
		Next: Now.Add(2 * time.Minute), Worked: Now.Add(-31 * time.Minute), Attempts: 6,
	}}
	count(s)
	return s
}

// Many has n accounts of ten hosts, some of them in every state.
func Many(n int) *status.Snapshot {
	s := Fine()
	s.Version, s.Accounts = 4, make([]status.Account, 0, n)
	states := []status.State{status.Failing, status.Waiting, status.Polling, status.New, status.NeedsYou}
	var down []string
	for i := range n {
		state := status.Fine
		if i%20 < len(states) {
			state = states[i%20]
		}
		a := account(fmt.Sprintf("customer-%05d", i), state)
		a.Host = fmt.Sprintf("pop%d.example.org:995", i%10)
		a.Backlog = i % 7
		if state == status.Failing {
			a.Case = "connect/" + a.Host
			down = append(down, a.Name)
		}
		s.Accounts = append(s.Accounts, a)
	}
	s.Handled = []status.Case{{
		Key: "connect/pop0.example.org:995", Class: trouble.Class("silent"), Heading: "Server does not answer", Host: "pop0.example.org:995",
		Accounts: down, Said: []string{"connect to pop0.example.org:995: i/o timeout"}, Since: Now.Add(-time.Hour), Last: Now, Attempts: 3,
	}}
	count(s)
	return s
}

// account makes an account in a state, with all that goes with it.
func account(name string, state status.State) status.Account {
	a := status.Account{
		Name: name, User: name + "@example.org", Host: "pop.example.org:995", State: state,
		Polled: Now.Add(-2 * time.Minute), Worked: Now.Add(-2 * time.Minute), Next: Now.Add(3 * time.Minute),
		Mailbox: status.Mailbox{Messages: 1204, Octets: 612e6, At: Now.Add(-2 * time.Minute)},
		Session: status.Session{Mechanism: "USER/PASS", TLS: "TLS 1.3", NotAfter: Now.Add(65 * 24 * time.Hour), Pipelining: true, LoginDelay: time.Minute, Took: 800 * time.Millisecond},
	}
	for i := range a.Strip {
		a.Strip[i] = status.TickNothing
		if i%9 == len(name)%9 {
			a.Strip[i] = status.Tick(2 + i%5)
		}
	}
	switch state {
	case status.NeedsYou, status.Failing, status.Waiting:
		a.Said, a.Failures = "connect to "+a.Host+": i/o timeout", 3
		a.Since, a.Worked = Now.Add(-20*time.Minute), Now.Add(-25*time.Minute)
		for i := range 3 {
			a.Strip[status.StripLength-1-i] = status.TickFailed
		}
	case status.Polling:
		a.Next = time.Time{}
	case status.New:
		a = status.Account{Name: name, User: a.User, Host: a.Host, State: state, Next: Now.Add(time.Minute)}
	case status.Off:
		a.Next, a.Why = time.Time{}, "enabled: false"
	case status.Fine:
	}
	return a
}

func count(s *status.Snapshot) {
	s.Count = make(map[status.State]int)
	for i := range s.Accounts {
		s.Count[s.Accounts[i].State]++
	}
}

// Clock is a clock that stands at [Now].
func Clock() time.Time { return Now }
