package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

const (
	sessionTime = 30 * 24 * time.Hour
	maxSessions = 1000
	maxFailures = 5
	failWindow  = time.Minute
	maxWatched  = 10000 // addresses
)

func newGuard(ctx context.Context, o Options) (*guard, error) {
	g := &guard{log: o.Log, now: o.Now, token: o.Token, store: o.History, sessions: make(map[[32]byte]time.Time)}
	for _, host := range o.Hosts {
		g.hosts = append(g.hosts, strings.TrimSuffix(strings.ToLower(host), "."))
	}
	if g.token == nil {
		return g, nil
	}
	token, err := g.token(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the token: %w", err)
	}
	if token == "" {
		return nil, errors.New("read the token: it is empty")
	}
	g.hash, g.read = sha256.Sum256([]byte(token)), g.now()
	if g.store != nil {
		sessions, err := g.store.Sessions(ctx, g.hash)
		if err != nil {
			// People sign in again, which is all.
			g.log.Warn().Err(err).Msg("page could not read who is signed in")
		}
		for hash, until := range sessions {
			g.sessions[hash] = until
		}
	}
	return g, nil
}

// cookieName is the session cookie's. The prefix has browsers hold it to this host and to TLS
// (RFC 6265bis section 4.1.3.2), and can't be had without TLS.
func cookieName(secure bool) string {
	if secure {
		return "__Host-attachd"
	}
	return "attachd"
}

// session returns the hash of a session that is open, or zero.
func (g *guard) session(ctx context.Context, id string) [32]byte {
	g.refresh(ctx, tokenAge)
	hash := sha256.Sum256([]byte(id))
	g.mu.Lock()
	defer g.mu.Unlock()
	// A map finds in varying time, and only by the hash, which nobody can choose.
	if until, ok := g.sessions[hash]; !ok || !g.now().Before(until) {
		return [32]byte{}
	}
	return hash
}

// open makes a session and returns its cookie.
func (g *guard) open(secure bool) *http.Cookie {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	id := base64.RawURLEncoding.EncodeToString(random[:])
	hash, until := sha256.Sum256([]byte(id)), g.now().Add(sessionTime)
	g.mu.Lock()
	g.tidy()
	g.sessions[hash] = until
	token := g.hash
	g.mu.Unlock()
	if g.store != nil {
		if err := g.store.SaveSession(hash, token, until); err != nil {
			g.log.Warn().Err(err).Msg("page could not keep a session: it ends with this process")
		}
	}
	return sessionCookie(secure, id, int(sessionTime/time.Second))
}

// tidy forgets sessions that are over, and the one that ends first if there are too many.
func (g *guard) tidy() {
	var first [32]byte
	for hash, until := range g.sessions {
		if !g.now().Before(until) {
			delete(g.sessions, hash)
		} else if at, ok := g.sessions[first]; !ok || until.Before(at) {
			first = hash
		}
	}
	if len(g.sessions) >= maxSessions {
		delete(g.sessions, first)
	}
}

// close ends a session and returns the cookie that has the browser forget it.
func (g *guard) close(c client) *http.Cookie {
	g.mu.Lock()
	delete(g.sessions, c.session)
	g.mu.Unlock()
	if g.store != nil && c.session != [32]byte{} {
		if err := g.store.DropSession(c.session); err != nil {
			g.log.Warn().Err(err).Msg("page could not forget a session: it lasts beyond a restart")
		}
	}
	return sessionCookie(c.secure, "", -1)
}

// sessionCookie is Lax and not Strict, or whoever follows a link from a notice would have to sign
// in again.
func sessionCookie(secure bool, value string, age int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName(secure), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode,
	}
}

// throttle slows down those who guess: some failures a minute for each address.
type throttle struct {
	mu    sync.Mutex
	times map[string][]time.Time // of failures within the window
}

// allows reports whether an address may try.
func (t *throttle) allows(address string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.recent(watched(address), now)) < maxFailures
}

// failed counts a failure.
func (t *throttle) failed(address string, now time.Time) {
	address = watched(address)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.times == nil {
		t.times = make(map[string][]time.Time)
	}
	if len(t.times) >= maxWatched {
		for other := range t.times {
			t.recent(other, now)
		}
		if len(t.times) >= maxWatched {
			clear(t.times) // a flood from everywhere: the token itself holds
		}
	}
	if recent := t.recent(address, now); len(recent) < maxFailures {
		t.times[address] = append(recent, now)
	}
}

// recent forgets the failures of an address that are over, and returns the others.
func (t *throttle) recent(address string, now time.Time) []time.Time {
	all := t.times[address]
	for len(all) > 0 && now.Sub(all[0]) >= failWindow {
		all = all[1:]
	}
	if len(all) == 0 {
		delete(t.times, address)
		return nil
	}
	t.times[address] = all
	return all
}

// watched is what is counted for an address: its network of 64 bits for IPv6, as one host has all
// of it.
func watched(address string) string {
	at, err := netip.ParseAddr(address)
	if err != nil || at.Is4() {
		return address
	}
	network, err := at.Prefix(64)
	if err != nil {
		return address
	}
	return network.String()
}
