package web

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/web/thumbnail"
)

// Bounds of what a client may cost.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 30 * time.Second
	writeTimeout  = time.Minute
	idleTimeout   = 2 * time.Minute
	stopTimeout   = 5 * time.Second
	maxHeader     = 32 << 10
	maxForm       = 64 << 10
)

// Server is the page. Use [New].
type Server struct {
	options  Options
	log      zerolog.Logger
	zone     *time.Location
	hostname string
	assets   *assets
	// templates are parsed for the first page: attachd's own commands and probes see none.
	templates func() (map[string]*template.Template, error)
	mux       *http.ServeMux
	routes    []route
	guard     *guard
	hub       *hub
	thumbs    thumbnail.Maker
	verified  verified
	sorted    sortedAccounts
	handler   http.Handler
}

// New makes a server, and reads the token and the certificate once. It does not listen yet.
func New(ctx context.Context, o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{options: o, log: o.Log, zone: o.Zone, hostname: o.Hostname, mux: http.NewServeMux()}
	if s.zone == nil {
		s.zone = time.Local
	}
	if s.hostname == "" {
		s.hostname, _ = os.Hostname() // the page does without
	}
	if (o.CertFile == "") != (o.KeyFile == "") {
		return nil, errors.New("open the page: a certificate needs its key, and a key its certificate")
	}
	var err error
	if s.guard, err = newGuard(ctx, o); err != nil {
		return nil, fmt.Errorf("open the page: %w", err)
	}
	s.guard.own = ownNames(s.hostname)
	if s.assets, err = newAssets(); err != nil {
		return nil, err
	}
	s.templates = sync.OnceValues(func() (map[string]*template.Template, error) { return parseTemplates(s.funcs()) })
	s.hub = newHub(s.state)
	s.register()
	s.handler = s.protect(s.mux)
	return s, nil
}

// now is the server's clock.
func (s *Server) now() time.Time { return s.options.Now() }

// Handler answers all requests as a listener at a loopback address would have them answered.
func (s *Server) Handler() http.Handler { return s.handler }

// Control answers attachd's own commands, for a socket that nobody else can reach: [status.Path],
// /api/v1, /livez and /readyz, without a token and for any Host.
func (s *Server) Control() http.Handler {
	snapshot := status.Handler(s.options.Board.Snapshot)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == status.Path {
			snapshot.ServeHTTP(w, r)
			return
		}
		if !isProbe(r.URL.Path) && !isAPI(r) {
			http.NotFound(w, r)
			return
		}
		s.handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), listenerKey{}, control)))
	})
}

// Run listens and serves until ctx ends, then gives requests under way a few seconds. It fails if
// an address can't be listened on. Streams of events end at once.
func (s *Server) Run(ctx context.Context) error {
	listeners, err := s.listen(ctx)
	if err != nil {
		return err
	}
	var serving sync.WaitGroup
	failed := make(chan error, len(listeners))
	servers := make([]*http.Server, 0, len(listeners))
	for _, l := range listeners {
		server := s.serverOf(l)
		servers = append(servers, server)
		s.log.Info().Str("address", l.address).Msg("page can be reached")
		serving.Go(func() {
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serve the page at %s: %w", l.address, err)
			}
		})
	}
	watching, stop := context.WithCancel(ctx)
	serving.Go(func() { s.hub.run(watching) })
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	stop()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	for _, server := range servers {
		if server.Shutdown(ending) != nil {
			_ = server.Close() // who is still there had his time
		}
	}
	serving.Wait()
	return err
}

// serverOf makes the HTTP server for a listener.
func (s *Server) serverOf(l *listener) *http.Server {
	return &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          ErrorLog(s.log, "page: connection"),
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, listenerKey{}, l.kind)
		},
	}
}
