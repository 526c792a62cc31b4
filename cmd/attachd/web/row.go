package web

import (
	"time"

	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/words"
)

// accountRow is one account in a list.
type accountRow struct {
	Name     string       `json:"name"`
	User     string       `json:"user"`
	Host     string       `json:"host"`
	State    status.State `json:"state"`
	Why      string       `json:"why,omitempty"`
	Said     string       `json:"said,omitempty"`
	Since    time.Time    `json:"since,omitzero"`
	Failures int          `json:"failures"`
	Polled   time.Time    `json:"polled,omitzero"`
	Worked   time.Time    `json:"worked,omitzero"`
	Next     time.Time    `json:"next,omitzero"`
	Backlog  int          `json:"backlog"`
	Messages int          `json:"messages"` // on the server, as of the last listing
	Polling  bool         `json:"polling"`
	Progress *progress    `json:"progress,omitempty"`
	Strip    pollStrip    `json:"strip"`
}

// progress is how far a poll has come.
type progress struct {
	Messages int           `json:"messages"`
	Of       int           `json:"of"`
	Octets   int64         `json:"octets"`
	OfOctets int64         `json:"of_octets"`
	Rate     float64       `json:"rate"` // octets a second
	Left     time.Duration `json:"-"`
	LeftSecs int           `json:"left_seconds"`
}

func (s *Server) accountRow(a *status.Account) accountRow {
	row := accountRow{
		Name: a.Name, User: a.User, Host: a.Host, State: a.State, Why: a.Why, Said: a.Said, Since: a.Since,
		Failures: a.Failures, Polled: a.Polled, Worked: a.Worked, Next: a.Next, Backlog: a.Backlog,
		Messages: a.Mailbox.Messages, Polling: a.State == status.Polling || a.Progress != nil, Strip: stripOf(a),
	}
	if p := a.Progress; p != nil {
		row.Progress = &progress{
			Messages: p.Messages, Of: p.Of, Octets: p.Octets, OfOctets: p.OfOctets, Rate: p.Rate,
			Left: p.Left, LeftSecs: int(p.Left / time.Second),
		}
	}
	return row
}

// Doing is what stands below the state: how far the poll has come, or why it is in that state.
func (r accountRow) Doing() string {
	if r.Progress == nil {
		return r.Why
	}
	return r.Progress.Text()
}

// Text is "38 of 350 messages, 8 min left".
func (p *progress) Text() string {
	text := words.Number(int64(p.Messages)) + " of " + words.Count(p.Of, "message")
	if p.Left > 0 {
		text += ", " + words.For(p.Left) + " left"
	}
	return text
}

// PerSecond is the rate in whole octets.
func (p *progress) PerSecond() int64 { return int64(p.Rate) }
