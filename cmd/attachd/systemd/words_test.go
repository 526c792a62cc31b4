package systemd_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/systemd"
)

// TestWords: the sentence counts what is fine and names what is not, however many there are.
func TestWords(t *testing.T) {
	t.Parallel()
	polled := time.Unix(1, 0)
	accounts := func(n int, a status.Account) (all []status.Account) {
		for i := range n {
			b := a
			b.Name += fmt.Sprint(i)
			all = append(all, b)
		}
		return all
	}
	var (
		fine    = status.Account{Name: "f", State: status.Fine, Polled: polled}
		polling = status.Account{Name: "p", State: status.Polling, Polled: polled}
		retried = status.Account{Name: "r", State: status.Polling, Polled: polled, Failures: 2, Why: "server silent"}
		failing = status.Account{Name: "x", State: status.Failing, Failures: 1, Why: "server silent"}
		refused = status.Account{Name: "orders", State: status.NeedsYou, Failures: 1, Why: "login refused"}
		fresh   = status.Account{Name: "n", State: status.New}
		first   = status.Account{Name: "n", State: status.Polling}
		off     = status.Account{Name: "o", State: status.Off}
	)
	for _, test := range []struct {
		want     string
		accounts [][]status.Account
		cases    []status.Case
	}{
		{"no accounts yet: attachd init or attachd account add makes one", nil, nil},
		{"1 account fine", [][]status.Account{{fine}}, nil},
		{"13 accounts fine", [][]status.Account{accounts(12, fine), {polling}}, nil},
		{
			"12 accounts fine; 1 needs you: orders (login refused)",
			[][]status.Account{{refused}, accounts(12, fine)},
			[]status.Case{{Heading: "Login refused", Accounts: []string{"orders"}}},
		},
		{"2 failing: r (server silent) and x (server silent)", [][]status.Account{{retried, failing}}, nil},
		{
			"9,000 accounts fine; 2 need you: orders0 (login refused) and orders1 (login refused); 1,000 failing: x0 (server silent), x1 (server silent), x2 (server silent) and 997 others; 3 not polled yet; 4 switched off",
			[][]status.Account{accounts(9000, fine), accounts(2, refused), accounts(1000, failing), accounts(2, fresh), {first}, accounts(4, off)},
			nil,
		},
		{
			"1 account fine; needs you: Disk almost full",
			[][]status.Account{{fine}},
			[]status.Case{{Heading: "Disk almost full"}},
		},
	} {
		var s status.Snapshot
		for _, some := range test.accounts {
			s.Accounts = append(s.Accounts, some...)
		}
		s.NeedsYou = test.cases
		if got := systemd.Words(&s); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}
