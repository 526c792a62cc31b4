package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/attachd/attachd/cmd/attachd/quarantine"
	"github.com/attachd/attachd/cmd/attachd/words"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Quarantine works on the messages in quarantine. [quarantine.Desk] is one.
type Quarantine interface {
	// List returns all of them, the newest first.
	List(ctx context.Context) ([]quarantine.Message, error)
	// Find returns one, or fails with [quarantine.ErrNotFound].
	Find(ctx context.Context, account, id string) (quarantine.Message, error)
	// Pending returns what is under way for a message, "" for nothing.
	Pending(account, id string) quarantine.Action
	// Do does what somebody asks for, or fails with one of the errors of [quarantine.Desk].
	Do(ctx context.Context, account, id string, what quarantine.Action, by string) (quarantine.Outcome, error)
}

// quarantined is what is in quarantine.
type quarantined struct {
	Sentence string     `json:"sentence"`
	Total    int        `json:"total"`
	Messages []kept     `json:"messages"`
	Next     string     `json:"next,omitempty"`
	Previous string     `json:"previous,omitempty"`
	Decided  []decision `json:"decided"` // before, the newest first
}

// kept is one message in quarantine.
type kept struct {
	Account  string    `json:"account"`
	ID       string    `json:"id"`
	UIDL     string    `json:"uidl"`
	From     string    `json:"from,omitempty"`
	Subject  string    `json:"subject,omitempty"`
	Size     int64     `json:"size"` // -1 if it is not known
	At       time.Time `json:"at"`
	Attempts int       `json:"attempts"`
	Reason   string    `json:"reason"`
	Meaning  string    `json:"meaning"`
	Todo     string    `json:"todo"`
	Path     string    `json:"path"`
	// Files is how many of its files are delivered: it is a copy then, kept as something could not
	// be read right.
	Files     int  `json:"files"`
	Delivered bool `json:"delivered"`
	// Deletes says that the account deletes messages on the server.
	Deletes bool `json:"deletes"`
	// Until is when it is removed for its age; zero for never.
	Until   time.Time         `json:"until,omitzero"`
	Pending quarantine.Action `json:"pending,omitempty"` // what is under way
	// Gone says in words why the message can't be read, "" if it can.
	Gone string `json:"gone,omitempty"`
}

// decision is what somebody decided before.
type decision struct {
	Account string    `json:"account"`
	Subject string    `json:"subject,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	What    string    `json:"what"`
	Outcome string    `json:"outcome,omitempty"`
	By      string    `json:"by,omitempty"`
	At      time.Time `json:"at"`
}

// How far back decisions are shown, and how many.
const (
	decidedDays  = 90
	decidedShown = 50
)

func (s *Server) quarantineRoutes() {
	s.view("/quarantine", s.quarantine)
	s.raw("/quarantine/{account}/{id}/message.eml", s.serveMessage)
	s.page("/quarantine/{account}/{id}/drop", s.askDrop)
	s.action("/quarantine/{account}/{id}/retry", form{back: "/quarantine", do: s.retry})
	s.action("/quarantine/{account}/{id}/drop", form{back: "/quarantine", always: true, do: s.drop})
}

func (s *Server) quarantine(r *http.Request) (*View, error) {
	q := quarantined{Messages: []kept{}, Decided: []decision{}}
	if s.options.Quarantine != nil {
		all, err := s.options.Quarantine.List(r.Context())
		if err != nil {
			return nil, err
		}
		q.Total = len(all)
		from, to := turnKept(&q, all, r)
		for _, m := range all[from:to] {
			q.Messages = append(q.Messages, s.keptOf(r.Context(), m))
		}
	}
	q.Sentence = sentenceOf(q.Total)
	since := s.now().AddDate(0, 0, -decidedDays)
	decided, err := s.options.History.Decisions(r.Context(), since, []string{quarantine.Retried, quarantine.Dropped}, decidedShown)
	if err != nil {
		return nil, s.unreadable(r.Context(), err)
	}
	for _, d := range decided {
		q.Decided = append(q.Decided, decision{d.Account, d.Subject, d.Reason, d.What, d.Outcome, d.By, d.At})
	}
	return &View{Template: "quarantine", Title: "Quarantine", Nav: "quarantine", Data: q, Twin: true}, nil
}

func sentenceOf(n int) string {
	switch n {
	case 0:
		return "Nothing is in quarantine."
	case 1:
		return "One message needs you."
	}
	return words.Sentence(words.Many(n, "message")) + " need you."
}

// keyOf orders messages: a name in quarantine begins with the time.
func keyOf(m quarantine.Message) string { return m.ID() + "/" + m.Account.Name }

// turnKept sorts the messages, the newest first, and finds the page that is asked for. Its key is
// the message that it begins behind, or ends before, which may be gone.
func turnKept(q *quarantined, all []quarantine.Message, r *http.Request) (from, to int) {
	slices.SortFunc(all, func(a, b quarantine.Message) int { return cmp.Compare(keyOf(b), keyOf(a)) })
	place := func(key string) (int, bool) {
		return slices.BinarySearchFunc(all, key, func(m quarantine.Message, key string) int { return cmp.Compare(key, keyOf(m)) })
	}
	query := r.URL.Query()
	if before := query.Get("before"); before != "" {
		to, _ = place(before)
		from = max(to-perPage, 0)
	} else if after := query.Get("after"); after != "" {
		at, there := place(after)
		if from = at; there {
			from++
		}
	}
	if to == 0 {
		to = min(from+perPage, len(all))
	}
	if to < len(all) && to > from {
		q.Next = turned(*r.URL, "after", keyOf(all[to-1]))
	}
	if from > 0 && to > from {
		q.Previous = turned(*r.URL, "before", keyOf(all[from]))
	}
	return from, to
}

func (s *Server) keptOf(ctx context.Context, m quarantine.Message) kept {
	is, advice := m.Record, quarantine.Advise(m.Record)
	k := kept{
		Account: m.Account.Name, ID: m.ID(), UIDL: words.Visible(ledger.Sent(is.UIDL)), From: is.From, Subject: is.Subject, Size: is.Size, At: is.Delivered,
		Attempts: is.Attempts, Reason: is.Reason, Meaning: advice.Meaning, Todo: advice.Todo, Path: m.Path(), Files: is.Files(),
		Delivered: is.State != ledger.Quarantined, Deletes: m.Account.After == config.AfterDelete, Pending: s.options.Quarantine.Pending(m.Account.Name, m.ID()),
	}
	if k.From == "" && k.Subject == "" { // recorded by an earlier version
		shown := m.Envelope(ctx)
		k.From, k.Subject = shown.From, shown.Subject
	}
	if age := m.Account.Quarantine.MaxAge; age > 0 {
		k.Until = is.Delivered.Add(age)
	}
	switch {
	case m.Away != nil:
		k.Gone = m.Away.Error()
	case m.IsMissing(ctx):
		k.Gone = "Somebody removed the file of this message: " + delivery.WhenLost(m.Account.Name, is) + "."
	}
	return k
}

// found returns the message that a request is about.
func (s *Server) found(r *http.Request) (quarantine.Message, error) {
	m, err := quarantine.Message{}, quarantine.ErrNotFound
	if s.options.Quarantine != nil {
		m, err = s.options.Quarantine.Find(r.Context(), r.PathValue("account"), r.PathValue("id"))
	}
	if errors.Is(err, quarantine.ErrNotFound) {
		return m, notFound("This message is not in quarantine.", "Perhaps somebody has decided about it already. Below “Decided before”, the quarantine shows what became of it.",
			near{"the quarantine", "/quarantine"})
	}
	return m, err
}

// serveMessage answers with a message as it came.
func (s *Server) serveMessage(w http.ResponseWriter, r *http.Request) error {
	m, err := s.found(r)
	if err != nil {
		return err
	}
	unhurried(w)
	f, err := m.Open(r.Context())
	if err != nil {
		s.log.Warn().Str("account", m.Account.Name).Str("id", m.ID()).Err(err).Msg("page can't read a message in quarantine")
		return refuse(http.StatusGone, "The file of this message can't be read.", words.Sentence(delivery.WhenLost(m.Account.Name, m.Record))+".")
	}
	defer f.Close()
	asDownload(w, m.ID()+".eml")
	http.ServeContent(w, r, "", m.Record.Delivered, f)
	return nil
}

// askDrop asks whether a message is to be removed, and says what that means.
func (s *Server) askDrop(r *http.Request) (*View, error) {
	m, err := s.found(r)
	if err != nil {
		return nil, err
	}
	return &View{Template: "quarantine-drop", Title: "Drop a message?", Nav: "quarantine", Data: s.keptOf(r.Context(), m)}, nil
}

// What the forms come to, as codes of doneTexts.
const (
	doneRetried = "retried"
	doneStays   = "retry-stays"
	doneDropped = "dropped"
	doneLater   = "quarantine-later"
	doneGone    = "quarantine-gone"
)

func (s *Server) retry(r *http.Request) (code string, err error) {
	outcome, code, err := s.decideKept(r, quarantine.Retry)
	switch {
	case code != "" || err != nil:
		return code, err
	case outcome.Stays:
		return doneStays, nil
	}
	return doneRetried, nil
}

func (s *Server) drop(r *http.Request) (code string, err error) {
	if _, code, err = s.decideKept(r, quarantine.Drop); code != "" || err != nil {
		return code, err
	}
	return doneDropped, nil
}

// decideKept does what a form asks for. The code says what came of it, "" if it was done.
func (s *Server) decideKept(r *http.Request, what quarantine.Action) (o quarantine.Outcome, code string, err error) {
	if s.options.Quarantine == nil {
		return o, doneGone, nil
	}
	account, id := r.PathValue("account"), r.PathValue("id")
	s.log.Info().Str("what", string(what)).Str("from", clientOf(r).address).Str("account", account).Str("id", id).Msg("page: somebody asked for something")
	o, err = s.options.Quarantine.Do(r.Context(), account, id, what, by(r))
	switch {
	case errors.Is(err, quarantine.ErrNotFound):
		return o, doneGone, nil // asked twice, which does no harm
	case errors.Is(err, quarantine.ErrUnderWay):
		return o, doneLater, nil
	case errors.Is(err, quarantine.ErrBusy):
		return o, "", refuse(http.StatusServiceUnavailable, "Too much is to be done in quarantine already.", "Try again in some minutes.")
	case errors.Is(err, ledger.ErrLeased):
		return o, "", refuse(http.StatusConflict, "Another attachd process works on this account.", "Try again when it is done.")
	}
	return o, "", err
}
