package web

import (
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"strings"
)

const (
	eventsPath  = "/events"
	metricsPath = "/metrics"
)

// route is a path with a twin under /api/v1. Its pattern is one of [http.ServeMux], without the
// method.
type route struct{ method, pattern string }

// register has every path answered.
func (s *Server) register() {
	s.mux.Handle("GET /static/", s.assets)
	s.mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, s.assets.prefix+"favicon.svg", http.StatusFound)
	})
	s.signInRoutes()
	s.probeRoutes()
	s.mux.Handle("GET "+eventsPath, s.signedIn(http.HandlerFunc(s.serveEvents)))
	s.overviewRoutes()
	s.accountsRoutes()
	s.accountRoutes()
	s.attachmentsRoutes()
	s.quarantineRoutes()
	s.configRoutes()
	s.apiRoutes()
	s.mux.Handle("/", s.signedIn(http.HandlerFunc(s.serveNothing)))
}

// view has a path answered with a view, as a page and as JSON.
func (s *Server) view(pattern string, build func(*http.Request) (*View, error)) {
	s.page(pattern, build)
	s.api(pattern, build)
}

// page has a path answered with a view, as a page alone.
func (s *Server) page(pattern string, build func(*http.Request) (*View, error)) {
	s.mux.Handle("GET "+pattern, s.signedIn(s.build(build)))
}

// api has a path answered with a view as JSON alone. The pattern is without /api/v1.
func (s *Server) api(pattern string, build func(*http.Request) (*View, error)) {
	s.routes = append(s.routes, route{http.MethodGet, pattern})
	s.mux.Handle("GET "+apiPrefix+pattern, s.signedIn(s.build(build)))
}

func (s *Server) build(build func(*http.Request) (*View, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := build(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		s.show(w, r, v)
	})
}

// probeRoutes serves what other programs ask for.
func (s *Server) probeRoutes() {
	p := s.options.Probes
	if p.Live != nil {
		s.mux.Handle("GET /livez", p.Live)
	}
	if p.Ready != nil {
		s.mux.Handle("GET /readyz", p.Ready)
	}
	if p.Metrics != nil {
		metrics := p.Metrics
		if !p.MetricsOpen {
			metrics = s.signedIn(metrics)
		}
		s.mux.Handle("GET "+metricsPath, metrics)
	}
	if p.Profile {
		// A profile takes its time.
		slow := func(h http.HandlerFunc) http.Handler {
			return s.signedIn(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				unhurried(w)
				h(w, r)
			}))
		}
		s.mux.Handle("GET /debug/pprof/", slow(pprof.Index))
		s.mux.Handle("GET /debug/pprof/cmdline", slow(pprof.Cmdline))
		s.mux.Handle("GET /debug/pprof/profile", slow(pprof.Profile))
		s.mux.Handle("GET /debug/pprof/symbol", slow(pprof.Symbol))
		s.mux.Handle("GET /debug/pprof/trace", slow(pprof.Trace))
	}
}

// serveNothing answers what no other route does: there is no such page, or not by that method.
func (s *Server) serveNothing(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := s.mux.Handler(other); pattern != "/" && method != r.Method {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		s.fail(w, r, refuse(http.StatusMethodNotAllowed, "This can't be asked for in that way.", "Go back to the page and use its buttons."))
		return
	}
	s.fail(w, r, notFound("There is no such page.", "Perhaps the address has a slip."))
}

// form is one action: what a form does, and what a program can ask for with POST under /api/v1.
type form struct {
	// back is where a browser goes if it does not say where it came from.
	back string
	// always says that it goes there even so.
	always bool
	// do does it and returns the code of what is said of it.
	do func(*http.Request) (code string, err error)
}

// outcome is the answer to a program that asked for an action.
type outcome struct {
	Done string `json:"done"` // the code
	Text string `json:"text"`
}

// action has a form and its twin answered.
func (s *Server) action(pattern string, f form) {
	s.routes = append(s.routes, route{http.MethodPost, pattern})
	handler := s.signedIn(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code, err := f.do(r)
		switch {
		case err != nil:
			s.fail(w, r, err)
		case isAPI(r):
			text, err := json.Marshal(outcome{code, doneTexts[code]})
			if err != nil { // it holds two texts
				s.broken(w, r, err)
				return
			}
			writeJSON(w, http.StatusOK, "application/json", text)
		default:
			if f.always {
				r.Header.Del("Referer")
			}
			http.Redirect(w, r, backTo(r, f.back, code), http.StatusSeeOther)
		}
	}))
	s.mux.Handle("POST "+pattern, handler)
	s.mux.Handle("POST "+apiPrefix+pattern, handler)
}
