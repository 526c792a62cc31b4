package web

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
)

// problem is an answer that is not what was asked for, as a page and as JSON (RFC 9457).
type problem struct {
	Type   string `json:"type"` // "about:blank": the status says it
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Instance is the request, for whoever reads the log.
	Instance string `json:"instance,omitempty"`
	// Close are things that may be meant instead, each with its link.
	Close []near `json:"close,omitempty"`
	// Request is the method and the path that was asked for.
	Request string `json:"request,omitempty"`
}

// near is a thing whose name comes close to one that there isn't.
type near struct {
	Name string `json:"name"`
	Link string `json:"link"`
}

// Error says in words why a request is not answered.
func (p *problem) Error() string { return p.Title }

// refuse makes a problem. Title is a sentence for the reader, detail what to do.
func refuse(code int, title, detail string) *problem {
	return &problem{Type: "about:blank", Title: title, Status: code, Detail: detail}
}

// notFound says that there is no such thing.
func notFound(title, detail string, close ...near) *problem {
	p := refuse(http.StatusNotFound, title, detail)
	p.Close = close
	return p
}

// fail answers with an error. A [problem] is told as it is. Everything else is attachd's own
// trouble: it is logged under a number, which the reader is told.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	var p *problem
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &p):
	case errors.As(err, &tooLarge):
		p = refuse(http.StatusRequestEntityTooLarge, "That is more than a form may hold.", "")
	case r.Context().Err() != nil:
		return // nobody waits for the answer any more
	default:
		var number [3]byte
		_, _ = rand.Read(number[:]) // never fails
		instance := hex.EncodeToString(number[:])
		s.log.Error().Err(err).Str("request", instance).Str("path", r.URL.Path).Msg("page could not answer")
		p = refuse(http.StatusInternalServerError, "attachd could not answer this.",
			"What went wrong is in the log. Polls and deliveries do not depend on this page.")
		p.Instance = instance
	}
	told := *p
	told.Request = r.Method + " " + r.URL.EscapedPath()
	if isAPI(r) || !wantsPage(r) {
		text, err := json.Marshal(told)
		if err != nil { // it holds texts and a number
			http.Error(w, told.Title, told.Status)
			return
		}
		writeJSON(w, told.Status, "application/problem+json", text)
		return
	}
	// Whoever may not see anything is not shown what needs somebody either.
	s.show(w, r, &View{Template: "error", Title: http.StatusText(told.Status), Alone: !s.guard.may(r), Status: told.Status, Data: told})
}

// broken answers when not even a page of an error can be made.
func (s *Server) broken(w http.ResponseWriter, r *http.Request, err error) {
	s.log.Error().Err(err).Str("path", r.URL.Path).Msg("page could not be made")
	http.Error(w, "attachd could not make this page. What went wrong is in the log.", http.StatusInternalServerError)
}
