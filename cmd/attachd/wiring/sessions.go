package wiring

import (
	"crypto/tls"

	"github.com/attachd/attachd/config"
)

// serverSessions are the TLS sessions that the next poll resumes, which saves it a good part of the
// handshake. A session is with a server, whoever logs in, so the accounts of one server share it:
// most first polls resume one too, and ten thousand accounts don't keep ten thousand of them.
type serverSessions map[serverKey]tls.ClientSessionCache

// serverKey tells servers apart, and how they are verified: a session of an account that trusts
// more, or shows another certificate, is not for others.
type serverKey struct {
	host  string
	port  int
	tls   config.TLS
	proxy config.Proxy // the same name may be another server behind it
}

// of returns the sessions with the account's server.
func (s serverSessions) of(a *config.Account) tls.ClientSessionCache {
	key := serverKey{a.Host, a.Port, a.TLS, a.Proxy}
	cache := s[key]
	if cache == nil {
		cache = tls.NewLRUClientSessionCache(1)
		s[key] = cache
	}
	return cache
}
