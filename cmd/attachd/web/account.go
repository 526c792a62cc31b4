package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/words"
	"github.com/attachd/attachd/config"
)

// How much an account's page shows of what was.
const (
	accountPolls    = 80
	accountFiles    = 10
	accountTroubles = 50
	troubleTime     = 90 * 24 * time.Hour
	leftOutTime     = 30 * 24 * time.Hour
)

// accountView is all that there is to say of an account.
type accountView struct {
	Account  accountRow    `json:"account"`
	Cases    []trouble     `json:"cases"`
	Polls    pollStrip     `json:"polls"`
	Interval string        `json:"interval,omitempty"`
	Facts    []fact        `json:"facts"`
	Settings []setting     `json:"settings"`
	Troubles []pastTrouble `json:"troubles"`
	LeftOut  []leftOut     `json:"left_out"`
	Latest   []file        `json:"latest"`
	// Unreadable is why the history can't be read, "" if it can.
	Unreadable string `json:"unreadable,omitempty"`
}

// fact is one line of what is known: a time, a text, or a time and a text.
type fact struct {
	Name string    `json:"name"`
	At   time.Time `json:"at,omitzero"`
	Text string    `json:"text,omitempty"`
	Mono bool      `json:"-"`
}

// pastTrouble is an error of all polls in a row that failed with it.
type pastTrouble struct {
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	Over  time.Time `json:"over,omitzero"` // zero while it lasts
	Times int       `json:"times"`
	Host  string    `json:"host,omitempty"`
	Step  string    `json:"step,omitempty"`
	Class string    `json:"class,omitempty"`
	Text  string    `json:"text"`
}

// Lasted is how long it took until a poll worked again.
func (p pastTrouble) Lasted() time.Duration { return p.Over.Sub(p.First) }

// leftOut is what came to no file, or stayed on the server, for one reason.
type leftOut struct {
	Names []string  `json:"names"`
	Count int       `json:"count"`
	Why   string    `json:"why"`
	Place string    `json:"place,omitempty"`
	Last  time.Time `json:"last"`
}

// More reports whether there are more than those with names.
func (l leftOut) More() bool { return l.Count > len(l.Names) }

func (s *Server) accountRoutes() {
	s.view("/accounts/{name}", s.account)
	s.action("/accounts/{name}/poll", form{back: "/accounts", do: s.pollOne})
	s.action("/hosts/{host}/poll", form{back: "/", do: s.pollHost})
}

// accountNamed finds the account that a request's path names.
func (s *Server) accountNamed(r *http.Request) (*status.Account, error) {
	name := r.PathValue("name")
	all := s.options.Board.Snapshot().Accounts
	for i := range all {
		if all[i].Name == name {
			return &all[i], nil
		}
	}
	var close []near
	for _, n := range closest(name, all) {
		close = append(close, near{n, pathTo("accounts", n)})
	}
	return nil, notFound("There is no account “"+words.Visible(name)+"”.",
		"Perhaps it was renamed or removed; what it delivered is still in the folders.", close...)
}

func (s *Server) account(r *http.Request) (*View, error) {
	a, err := s.accountNamed(r)
	if err != nil {
		return nil, err
	}
	v := accountView{
		Account: s.accountRow(a), Cases: casesOf(a, s.options.Board.Snapshot()),
		Polls:    pollStrip{Name: a.Name, Polls: []int{}, Of: accountPolls, Wide: true},
		Settings: []setting{}, Troubles: []pastTrouble{}, LeftOut: []leftOut{}, Latest: []file{},
	}
	var conf config.Account
	if c := s.config(); c != nil {
		v.Settings = settingsOf(c.AccountSettings(a.Name))
		if i := accountOf(c, a.Name); i >= 0 {
			conf = c.Accounts[i]
			v.Interval = words.For(conf.Interval)
		}
	}
	totals, err := s.past(r.Context(), a.Name, &v)
	if err != nil {
		if r.Context().Err() != nil {
			return nil, err
		}
		s.log.Warn().Err(err).Msg("page can't read the history")
		v.Unreadable = err.Error()
	}
	v.Facts = s.facts(a, conf, totals)
	return &View{Template: "account", Title: a.Name, Nav: "accounts", Data: v, Twin: true}, nil
}

// casesOf are the cases that an account has a part in. The account's own error stands in the place
// of those of others.
func casesOf(a *status.Account, now *status.Snapshot) []trouble {
	all := []trouble{}
	for _, c := range slices.Concat(now.NeedsYou, now.Handled) {
		if !slices.Contains(c.Accounts, a.Name) {
			continue
		}
		t := troubleOf(c)
		if c.Key == a.Case && a.Said != "" {
			t.Said = []string{a.Said}
		}
		all = append(all, t)
	}
	if len(all) == 0 && a.Said != "" && a.Failures > 0 {
		all = append(all, trouble{Heading: words.Sentence(a.Why), Said: []string{a.Said}, Since: a.Since, Next: a.Next, Attempts: a.Failures, Last: a.Polled})
	}
	return all
}

// past reads what the history has of an account.
func (s *Server) past(ctx context.Context, name string, v *accountView) (history.Totals, error) {
	h := s.options.History
	polls, err := h.Polls(ctx, name, accountPolls)
	if err != nil {
		return history.Totals{}, err
	}
	slices.SortFunc(polls, func(a, b history.Poll) int { return a.At.Compare(b.At) })
	for _, p := range polls {
		files := p.Files
		if p.Trouble != 0 {
			files = pollFailed
		}
		v.Polls.Polls = append(v.Polls.Polls, files)
		v.Polls.Times = append(v.Polls.Times, p.At.In(s.zone))
	}
	troubles, err := h.Troubles(ctx, name, s.now().Add(-troubleTime), accountTroubles)
	if err != nil {
		return history.Totals{}, err
	}
	for _, t := range troubles {
		v.Troubles = append(v.Troubles, pastTrouble{t.First, t.Last, t.Over, t.Times, t.Host, t.Step, t.Class, t.Text})
	}
	groups, err := h.LeftOutSince(ctx, name, s.now().Add(-leftOutTime))
	if err != nil {
		return history.Totals{}, err
	}
	for _, g := range groups {
		names := slices.DeleteFunc(slices.Clone(g.Names), func(n string) bool { return n == "" })
		v.LeftOut = append(v.LeftOut, leftOut{names, g.Count, g.Why, g.Place, g.Last})
	}
	found, err := h.Search(ctx, history.Search{Account: name, Limit: accountFiles})
	if err != nil {
		return history.Totals{}, err
	}
	v.Latest = filesOf(found.Items)
	totals, err := h.Totals(ctx, name)
	if errors.Is(err, history.ErrNotFound) {
		err = nil
	}
	return totals, err
}

// facts are what is known of an account's mailbox.
func (s *Server) facts(a *status.Account, conf config.Account, totals history.Totals) []fact {
	day := func(t time.Time) string { return t.In(s.zone).Format("2 Jan 2006") }
	all := []fact{{Name: "Mailbox", Text: a.User + " on " + a.Host}}
	worked := fact{Name: "Last success", At: a.Worked}
	if a.Worked.IsZero() {
		worked.Text = "never yet"
	} else if a.Session.Took > 0 && a.Worked.Equal(a.Polled) {
		worked.Text = "took " + words.Took(a.Session.Took)
	}
	all = append(all, worked)
	if !a.Mailbox.At.IsZero() {
		all = append(all, fact{
			Name: "On the server",
			Text: words.Count(a.Mailbox.Messages, "message") + ", " + words.Size(a.Mailbox.Octets) + ", as of " + words.Clock(a.Mailbox.At, s.now().In(s.zone)),
		})
	}
	backlog := words.Count(a.Backlog, "message") + " for the next polls"
	if a.Backlog == 0 {
		backlog = "none known"
	}
	if a.Failures > 0 && !a.Worked.IsZero() {
		backlog += "; what came since " + words.Clock(a.Worked, s.now().In(s.zone)) + " is not known"
	}
	all = append(all, fact{Name: "Backlog", Text: backlog})
	if a.TooLarge > 0 {
		all = append(all, fact{Name: "Too large", Text: words.Count(a.TooLarge, "message") + " beyond max_message_size, left on the server"})
	}
	delivered := words.Number(totals.Files) + " " + words.Plural(int(totals.Files), "file")
	if totals.Files > 0 {
		delivered += ", " + words.Size(totals.Bytes) + " since " + day(totals.Since)
	}
	all = append(all, fact{Name: "Delivered", Text: delivered})
	if a.Quarantine > 0 {
		all = append(all, fact{Name: "Quarantine", Text: words.Count(a.Quarantine, "message")})
	}
	if conf.Output != "" {
		all = append(all, fact{Name: "Folder", Text: conf.Output, Mono: true})
	}
	return append(all, session(a.Session, day)...)
}

// session is what the last login found out about the server.
func session(s status.Session, day func(time.Time) string) (all []fact) {
	if s.Mechanism == "" {
		return nil
	}
	connection := s.TLS + ", " + s.Mechanism
	if s.TLS == "" {
		connection = "not encrypted, " + s.Mechanism
	}
	if !s.NotAfter.IsZero() {
		connection += "; certificate valid until " + day(s.NotAfter)
	}
	all = append(all, fact{Name: "Connection", Text: connection})
	var server []string
	if s.Pipelining {
		server = append(server, "takes several commands at once")
	}
	if s.LoginDelay > 0 {
		server = append(server, "asks for "+words.For(s.LoginDelay)+" between logins")
	}
	if len(server) > 0 {
		all = append(all, fact{Name: "Server", Text: strings.Join(server, "; ")})
	}
	return all
}

// Newest is the place of the newest poll.
func (v accountView) Newest() int { return len(v.Polls.Times) - 1 }

// Given are the settings that a file gives, and Defaults the others.
func (v accountView) Given() []setting    { return settingsWhere(v.Settings, true) }
func (v accountView) Defaults() []setting { return settingsWhere(v.Settings, false) }
