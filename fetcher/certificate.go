package fetcher

import (
	"crypto/tls"
	"crypto/x509"
	"sync"
	"time"
)

// certificateNotice is how long before its end a server's certificate is spoken of: time enough to ask somebody.
const certificateNotice = 14 * 24 * time.Hour

// EndsSoon tells whether a certificate ends within the next 14 days, or has ended.
func EndsSoon(c *x509.Certificate, now time.Time) bool {
	return c.NotAfter.Sub(now) < certificateNotice
}

// certificateWarnings sees to one warning a day for a server, however many accounts are there.
type certificateWarnings struct {
	mu   sync.Mutex
	last map[string]time.Time // guarded by mu: by address
}

// due tells whether a warning about the certificate of the server at addr is due, and counts it as given.
func (w *certificateWarnings) due(addr string, c *x509.Certificate, now time.Time) bool {
	if !EndsSoon(c, now) {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if last, ok := w.last[addr]; ok && now.Sub(last) < 24*time.Hour {
		return false
	}
	if w.last == nil {
		w.last = map[string]time.Time{}
	}
	w.last[addr] = now
	return true
}

// noteCertificate logs that the server's certificate ends soon: once it has ended, nothing is fetched any more.
func (p *poll) noteCertificate(state tls.ConnectionState) {
	if c := state.PeerCertificates[0]; p.certificates.due(p.account.Addr, c, p.now()) {
		p.log.Warn().Str("host", p.account.Addr).Time("not_after", c.NotAfter).Str("certificate", subject(c)).Msg("the server's certificate ends soon")
	}
}
