package pop3test

import (
	"net"
	"slices"
	"sync"
	"time"
)

// sessions are the connections of all clients, and what is remembered of them. Methods may be
// called from several goroutines.
type sessions struct {
	running sync.WaitGroup

	mu     sync.Mutex
	idle   *sync.Cond // on mu: conns has become empty
	conns  map[net.Conn]bool
	count  int
	closed bool
	log    []string               // all commands
	logins map[string][]time.Time // of late, by user
}

func newSessions() *sessions {
	s := &sessions{conns: map[net.Conn]bool{}, logins: map[string][]time.Time{}}
	s.idle = sync.NewCond(&s.mu)
	return s
}

// accept serves each connection in a goroutine of its own until the listener is closed.
func (s *sessions) accept(listener net.Listener, serve func(net.Conn)) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		if !s.admit(conn) {
			conn.Close()
			return
		}
		s.running.Go(func() {
			defer s.dismiss(conn)
			serve(conn)
		})
	}
}

func (s *sessions) admit(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.conns[conn] = true
	s.count++
	return true
}

func (s *sessions) dismiss(conn net.Conn) {
	conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if delete(s.conns, conn); len(s.conns) == 0 {
		s.idle.Broadcast()
	}
}

// close cuts all connections and returns when their sessions are over.
func (s *sessions) close() {
	s.mu.Lock()
	s.closed = true
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}

// wait returns when no session is under way.
func (s *sessions) wait() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.conns) > 0 {
		s.idle.Wait()
	}
}

func (s *sessions) record(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, line)
}

// commands returns all commands so far.
func (s *sessions) commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// total returns how many connections there have been.
func (s *sessions) total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// tooSoon notes a login of user and reports whether t refuses its session.
func (s *sessions) tooSoon(user string, t Throttle) bool {
	if t.Logins <= 0 {
		return false
	}
	now := time.Now
	if t.Now != nil {
		now = t.Now
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := now()
	recent := slices.DeleteFunc(s.logins[user], func(login time.Time) bool { return at.Sub(login) >= t.Window })
	refused := len(recent) >= t.Logins
	if !refused {
		recent = append(recent, at)
	}
	s.logins[user] = recent
	return refused
}
