package quarantine

import (
	"time"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/foreign"
)

// What the history calls the actions.
const (
	Retried = "retried"
	Dropped = "dropped"
)

// Decision is the record of an action for the history, from what [Desk].Done is called with. The
// texts are safe to print.
func Decision(at time.Time, m Message, what Action, by string, outcome Outcome, err error) history.Decision {
	d := history.Decision{
		At: at, Account: m.Account.Name, What: Retried, UIDL: m.Record.UIDL, Subject: delivery.Show(m.Record.Envelope).Subject,
		Reason: m.Record.Reason, By: by, Outcome: outcome.Text,
	}
	if what == Drop {
		d.What = Dropped
	}
	switch {
	case err != nil:
		d.Outcome = "not done: " + foreign.FirstLine(err.Error())
	case outcome.Stays:
		d.Outcome = "stays: " + outcome.Text
	}
	return d
}
