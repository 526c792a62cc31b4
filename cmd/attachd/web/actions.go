package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/words"
)

// doneTexts say what a form came to. They alone are shown: the code is in the address, which
// anybody can write.
var doneTexts = map[string]string{
	"polled":      "Asked for: the account is polled as soon as its server allows it.",
	"polled-all":  "Asked for: the accounts are polled as soon as their servers allow it, some at a time.",
	"polled-none": "No account is polled: there is none that is on.",
	"polled-off":  "The account is not polled: it is off.",
	"reloaded":    "The configuration was read again, and is in force.",
	"refused":     "The configuration was read again, and is not in force. What is wrong with it stands below.",

	doneRetried: "Delivered: the message could be read, and its files are in the folder of the account.",
	doneStays:   "The message stays in quarantine: its reason, below, says why.",
	doneDropped: "The message was removed from the quarantine.",
	doneLater:   "It is done as soon as the poll of this account that is under way is over.",
	doneGone:    "That message is not in quarantine any more.",
}

// doneText is what the page says about the form that led to it, "" for nothing.
func doneText(r *http.Request) string { return doneTexts[r.URL.Query().Get("done")] }

// backTo is where a browser goes after a form: to the page that it came from, with the code.
func backTo(r *http.Request, otherwise, code string) string {
	target := otherwise
	if from, err := url.Parse(r.Referer()); err == nil && from.Host == r.Host && from.Path != "" {
		target = localPath(from.RequestURI())
	}
	u, err := url.Parse(target)
	if err != nil { // it was one before
		return otherwise
	}
	query := u.Query()
	query.Set("done", code)
	u.RawQuery = query.Encode()
	return u.RequestURI()
}

// by says who sent a request, for the record.
func by(r *http.Request) string {
	c := clientOf(r)
	if c.bearer || c.kind == control {
		return "the API, " + c.address
	}
	return "the page, " + c.address
}

// decide logs and keeps what somebody did. It fills in who and when.
func (s *Server) decide(r *http.Request, d history.Decision) {
	c := clientOf(r)
	d.At = s.now()
	d.By = by(r)
	event := s.log.Info().Str("what", d.What).Str("from", c.address)
	if d.Account != "" {
		event = event.Str("account", d.Account)
	}
	if d.Subject != "" {
		event = event.Str("of", d.Subject)
	}
	event.Msg("page: somebody asked for something")
	if s.options.History != nil {
		s.options.History.Decide(d)
	}
}

// unhurried takes the bounds of time off an answer that lasts as long as its reader wants.
func unhurried(w http.ResponseWriter) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // a test's recorder has no deadlines
	_ = control.SetWriteDeadline(time.Time{})
}

// pollAll has every account polled.
func (s *Server) pollAll(r *http.Request) (string, error) {
	asked := 0
	for _, a := range s.options.Board.Snapshot().Accounts {
		if a.State != status.Off && s.options.Actions.PollNow(a.Name) {
			asked++
		}
	}
	if asked == 0 {
		return "polled-none", nil
	}
	s.decide(r, history.Decision{What: "polled", Subject: words.Count(asked, "account")})
	return "polled-all", nil
}

// pollHost has every account of a host polled.
func (s *Server) pollHost(r *http.Request) (string, error) {
	host, asked, known := r.PathValue("host"), 0, false
	for _, a := range s.options.Board.Snapshot().Accounts {
		if a.Host != host {
			continue
		}
		known = true
		if a.State != status.Off && s.options.Actions.PollNow(a.Name) {
			asked++
		}
	}
	switch {
	case !known:
		return "", notFound("There is no account of the host “"+host+"”.", "")
	case asked == 0:
		return "polled-none", nil
	}
	s.decide(r, history.Decision{What: "polled", Subject: words.Count(asked, "account") + " of " + host})
	return "polled-all", nil
}

// pollOne has one account polled.
func (s *Server) pollOne(r *http.Request) (string, error) {
	a, err := s.accountNamed(r)
	if err != nil {
		return "", err
	}
	if !s.options.Actions.PollNow(a.Name) {
		return "polled-off", nil
	}
	s.decide(r, history.Decision{What: "polled", Account: a.Name})
	return "polled", nil
}

// reload has the configuration read again.
func (s *Server) reload(r *http.Request) (string, error) {
	err := s.options.Actions.Reload(r.Context())
	if ctx := r.Context(); ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil { // it is logged, and the page shows all that is wrong
		s.decide(r, history.Decision{What: "reloaded", Outcome: "refused"})
		return "refused", nil
	}
	s.decide(r, history.Decision{What: "reloaded"})
	return "reloaded", nil
}
