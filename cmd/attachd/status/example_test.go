package status_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/session"
)

// A board is given the configuration and the events of the polls, and says in words how things
// stand.
func ExampleBoard() {
	now := time.Date(2026, 11, 27, 14, 32, 8, 0, time.UTC)
	board := status.NewBoard(status.Options{Now: func() time.Time { return now }})
	board.Configured(&config.Config{Accounts: []config.Account{account("invoices", "pop.example.org"), account("orders", "mail.example.org")}}, nil)
	board.Observe(event.Done{Account: "invoices"})
	refused := &pop3.Error{Cmd: "PASS", Code: "AUTH", Text: "-ERR [AUTH] wrong password"}
	board.Observe(event.Done{Account: "orders", Err: &session.LoginError{Addr: "mail.example.org:995", Mechanism: "USER/PASS", Err: errors.Join(refused)}})
	s := board.Refresh()
	fmt.Println(s.Sentence)
	fmt.Println(s.Rest)
	for _, c := range s.NeedsYou {
		fmt.Println(c.Heading+":", c.Accounts, c.Said[0])
	}
	// Output:
	// One thing needs you.
	// Login refused (orders). The rest is fine: 1 of 2 accounts is on time.
	// Login refused: [orders] log in to mail.example.org:995 with USER/PASS: server said: -ERR [AUTH] wrong password
}
