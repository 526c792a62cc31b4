package wiring

import "github.com/attachd/attachd/config"

// servers are how the servers of a set of accounts are verified, with the TLS sessions that the
// next poll resumes. A resumed session saves a poll a good part of the handshake. It is with a
// server, whoever logs in, so the accounts of one server share it: most first polls resume one too,
// and ten thousand accounts don't keep ten thousand of them.
type servers map[serverKey]*config.TLSClient

// serverKey tells servers apart, and how they are verified: a session of an account that trusts
// more, or shows another certificate, is not for others.
type serverKey struct {
	host  string
	port  int
	tls   config.TLS
	proxy config.Proxy // the same name may be another server behind it
}

// of returns that of the account's server.
func (s servers) of(a *config.Account) *config.TLSClient {
	key := serverKey{a.Host, a.Port, a.TLS, a.Proxy}
	if s[key] == nil {
		s[key] = config.NewTLSClient(a.TLS)
	}
	return s[key]
}
