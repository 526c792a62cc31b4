package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/attachd/attachd/cmd/attachd/history"
)

// doneTexts say what a form came to. They alone are shown: the code is in the address, which
// anybody can write.
var doneTexts = map[string]string{
	"polled":      "Asked for: the account is polled as soon as its server allows it.",
	"polled-all":  "Asked for: the accounts are polled as soon as their servers allow it, some at a time.",
	"polled-none": "No account is polled: there is none that is on.",
	"reloaded":    "Asked for: the configuration is read again.",
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

// decide logs and keeps what somebody did. It fills in who and when.
func (s *Server) decide(r *http.Request, d history.Decision) {
	c := clientOf(r)
	d.At = s.now()
	d.By = "the page, " + c.address
	if c.bearer || c.kind == control {
		d.By = "the API, " + c.address
	}
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
