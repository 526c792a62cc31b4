package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// policy is the Content-Security-Policy of every page: nothing inline, nothing from elsewhere.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// protect puts around all handlers what holds for every request.
func (s *Server) protect(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	origins.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, refuse(http.StatusForbidden, "This form came from another site.",
			"attachd takes forms from its own pages only. Open the page itself and try again. Behind a proxy, have it pass on the Host header."))
	}))
	next = origins.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(context.WithValue(r.Context(), clientKey{}, s.guard.client(r)))
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin") // no-referrer makes browsers send "Origin: null" with forms
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if r.Method == http.MethodPost {
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		}
		if !isProbe(r.URL.Path) && !s.guard.knowsHost(r) {
			s.fail(w, r, refuse(http.StatusForbidden, "attachd does not know this address of its own.",
				"The request named the host “"+r.Host+"”. If that is this machine, add the name to http.hosts in the configuration: "+
					"hosts: ["+hostOf(r)+"]. Its IP address does without."))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isProbe reports whether a path is for those who watch attachd by its address alone, as container
// managers do. The answers hold nothing but whether all is well.
func isProbe(path string) bool { return path == "/livez" || path == "/readyz" }

// isAPI reports whether a request wants JSON, in errors too.
func isAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, apiPrefix+"/") }

// guard knows who may come.
type guard struct {
	log      zerolog.Logger
	now      func() time.Time
	hosts    []string
	own      []string                              // what this machine is called
	token    func(context.Context) (string, error) // nil asks for none
	store    Sessions
	throttle throttle

	mu       sync.Mutex
	hash     [32]byte               // of the token
	read     time.Time              // when the token was read
	sessions map[[32]byte]time.Time // by hash, when they end
}

// clientKey is the key of the client in a request's context.
type clientKey struct{}

// client is who sends a request.
type client struct {
	address string // for logs and throttling
	kind    kind
	secure  bool // between the browser and us, a proxy included
	// session is the hash of the browser's session, zero without one; bearer says that a program
	// gave the token.
	session [32]byte
	bearer  bool
	slowed  bool // too many wrong tokens came from there: none is looked at
}

// known reports whether the client has shown the token.
func (c client) known() bool { return c.bearer || c.session != [32]byte{} }

func clientOf(r *http.Request) client {
	c, _ := r.Context().Value(clientKey{}).(client)
	return c
}

// client says who sends a request. What a proxy says of its own client counts only if the proxy is
// on this machine: anybody can write a header.
func (g *guard) client(r *http.Request) client {
	kind, _ := r.Context().Value(listenerKey{}).(kind)
	c := client{kind: kind, secure: r.TLS != nil}
	near := kind != network
	if near {
		c.address = "this machine"
	} else if at, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		c.address = at.Addr().Unmap().WithZone("").String()
		near = at.Addr().Unmap().IsLoopback()
	}
	if near {
		if all := r.Header.Values("X-Forwarded-For"); len(all) > 0 {
			last := all[len(all)-1]
			last = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
			if at, err := netip.ParseAddr(last); err == nil {
				c.address = at.Unmap().WithZone("").String()
			}
		}
		c.secure = c.secure || r.Header.Get("X-Forwarded-Proto") == "https"
	}
	if g.token == nil {
		return c
	}
	// Letter case makes no difference to the scheme: RFC 9110 section 11.1.
	if scheme, given, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		switch {
		case !g.throttle.allows(c.address, g.now()):
			c.slowed = true
		case g.isToken(r.Context(), given):
			c.bearer = true
		default:
			g.throttle.failed(c.address, g.now())
		}
	}
	if cookie, err := r.Cookie(cookieName(c.secure)); err == nil {
		c.session = g.session(r.Context(), cookie.Value)
	}
	return c
}

// knowsHost reports whether a request may be one for this machine, so that no page of another site
// reaches attachd by having its own name point here (DNS rebinding). Such a page always sends that
// name, which is why names count only if they are known.
//
// An address in the place of a name is one that the browser connected to. There is no name that
// could be bound anew, and what such a page reads it has from that address itself. So every
// address will do: behind a published port or a Service of Kubernetes, attachd can't know its own.
// The unspecified ones are no machine's address, and no browser should be led to this one by them.
func (g *guard) knowsHost(r *http.Request) bool {
	host := hostOf(r)
	kind, _ := r.Context().Value(listenerKey{}).(kind)
	switch {
	case slices.Contains(g.hosts, host), slices.Contains(g.own, host):
		return true
	case host == "localhost", strings.HasSuffix(host, ".localhost"):
		return true
	case kind == control, kind == socket && len(g.hosts) == 0: // no browser reaches a unix socket by itself
		return true
	}
	at, err := netip.ParseAddr(host)
	return err == nil && !at.Unmap().IsUnspecified()
}

// hostOf returns the name or the address in a request's Host: lower case, without port, brackets
// and the dot at the end.
func hostOf(r *http.Request) string {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
}

// ownNames are the names that a machine has by itself: its host name, and the one that multicast
// DNS makes of it in a local network (RFC 6762 section 3). No foreign page has either.
func ownNames(hostname string) []string {
	hostname = strings.TrimSuffix(strings.ToLower(hostname), ".")
	switch {
	case hostname == "":
		return nil
	case strings.Contains(hostname, "."):
		return []string{hostname}
	}
	return []string{hostname, hostname + ".local"}
}

// may reports whether a request may see and do what a token protects.
func (g *guard) may(r *http.Request) bool {
	c := clientOf(r)
	if g.token == nil || c.kind == control {
		return true
	}
	// A program that changes something shows the token: a cookie is sent by browsers unasked.
	if isAPI(r) && r.Method == http.MethodPost {
		return c.bearer
	}
	return c.known()
}

// How old the token's value may be: that of a session, and that of a token that seems wrong.
const (
	tokenAge = 30 * time.Second
	doubtAge = 2 * time.Second
)

// isToken reports whether given is the token. One that seems wrong has the source read again, so
// that a new token is taken at once.
func (g *guard) isToken(ctx context.Context, given string) bool {
	hash := sha256.Sum256([]byte(given))
	if g.refresh(ctx, tokenAge); g.matches(hash) {
		return true
	}
	g.refresh(ctx, doubtAge)
	return g.matches(hash)
}

func (g *guard) matches(hash [32]byte) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return subtle.ConstantTimeCompare(hash[:], g.hash[:]) == 1
}

// refresh reads the token if its value is older than age. Another token ends all sessions.
func (g *guard) refresh(ctx context.Context, age time.Duration) {
	g.mu.Lock()
	if g.now().Sub(g.read) < age {
		g.mu.Unlock()
		return
	}
	g.read = g.now() // others go on with the old value meanwhile
	old := g.hash
	g.mu.Unlock()
	token, err := g.token(ctx)
	if err != nil || token == "" {
		g.log.Warn().Err(err).Msg("page keeps its old token: the new one can't be read")
		return
	}
	if hash := sha256.Sum256([]byte(token)); hash != old {
		g.mu.Lock()
		g.hash = hash
		clear(g.sessions)
		g.mu.Unlock()
		g.log.Info().Msg("page has a new token: everybody has to sign in again")
	}
}
