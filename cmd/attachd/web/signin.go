package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/attachd/attachd/cmd/attachd/history"
)

// signIn is what the sign-in shows.
type signIn struct {
	Host    string `json:"host"`
	Problem string `json:"problem"` // what is wrong with what was given, "" at first
	Next    string `json:"next"`    // where to go then
}

func (s *Server) signInRoutes() {
	s.mux.HandleFunc("GET /signin", func(w http.ResponseWriter, r *http.Request) {
		next := localPath(r.URL.Query().Get("next"))
		if s.guard.may(r) {
			http.Redirect(w, r, next, http.StatusSeeOther)
			return
		}
		s.showSignIn(w, r, http.StatusOK, "", next)
	})
	s.mux.HandleFunc("POST /signin", s.takeSignIn)
	s.mux.Handle("POST /signout", s.signedIn(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := clientOf(r)
		http.SetCookie(w, s.guard.close(c))
		if c.known() {
			s.decide(r, history.Decision{What: "signed out"})
		}
		http.Redirect(w, r, "/signin", http.StatusSeeOther)
	})))
}

func (s *Server) takeSignIn(w http.ResponseWriter, r *http.Request) {
	c := clientOf(r)
	next := localPath(r.PostFormValue("next"))
	given := strings.TrimSpace(r.PostFormValue("token"))
	switch {
	case s.guard.token == nil:
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	case !s.guard.throttle.allows(c.address, s.now()):
		w.Header().Set("Retry-After", "60")
		s.showSignIn(w, r, http.StatusTooManyRequests, "Too many attempts. Try again in a minute.", next)
		return
	case !s.guard.isToken(r.Context(), given):
		s.guard.throttle.failed(c.address, s.now())
		s.log.Warn().Str("from", c.address).Msg("page: wrong token")
		s.showSignIn(w, r, http.StatusForbidden, "This is not the token.", next)
		return
	}
	http.SetCookie(w, s.guard.open(c.secure))
	s.decide(r, history.Decision{What: "signed in"})
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (s *Server) showSignIn(w http.ResponseWriter, r *http.Request, code int, problem, next string) {
	s.show(w, r, &View{
		Template: "signin", Title: "Sign in", Alone: true, Status: code,
		Data: signIn{Host: s.hostname, Problem: problem, Next: next},
	})
}

// signedIn lets through who may see and do everything, and has others sign in.
func (s *Server) signedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.guard.may(r):
			next.ServeHTTP(w, r)
		case clientOf(r).slowed:
			w.Header().Set("Retry-After", "60")
			s.fail(w, r, refuse(http.StatusTooManyRequests, "Too many wrong tokens came from this address.", "Try again in a minute."))
		case isAPI(r) || !wantsPage(r):
			w.Header().Set("WWW-Authenticate", `Bearer realm="attachd"`)
			s.fail(w, r, refuse(http.StatusUnauthorized, "This needs the token.", "Send it as “Authorization: Bearer TOKEN”."))
		case r.Method == http.MethodGet:
			target := "/signin"
			if r.URL.Path != "/" || r.URL.RawQuery != "" {
				target += "?next=" + url.QueryEscape(r.URL.RequestURI())
			}
			http.Redirect(w, r, target, http.StatusSeeOther)
		default:
			http.Redirect(w, r, "/signin", http.StatusSeeOther)
		}
	})
}

// wantsPage reports whether a request is for a page that a person looks at.
func wantsPage(r *http.Request) bool {
	return r.URL.Path != eventsPath && r.URL.Path != metricsPath
}

// localPath returns a path of this page, and "/" for anything else: a link must not send whoever
// signs in to another site.
func localPath(target string) string {
	u, err := url.Parse(target)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/") ||
		strings.HasPrefix(u.Path, "//") || strings.ContainsAny(target, "\\\r\n\t") || strings.HasPrefix(u.Path, "/signin") {
		return "/"
	}
	return u.RequestURI()
}
