package poll

import (
	"crypto/sha256"
	"crypto/x509"
	"maps"
	"sync"
	"time"

	"github.com/attachd/attachd/fetcher/session"
)

// certificateWarnings limits the warnings of a certificate to one a day, however many accounts
// use it.
type certificateWarnings struct {
	mu   sync.Mutex
	last map[string]time.Time // guarded by mu: by digest and server address
}

// due reports whether to warn now of a certificate that ends soon, in use with the server at
// addr. A warning that is due counts as given.
func (w *certificateWarnings) due(addr string, c *x509.Certificate, now time.Time) bool {
	if !session.EndsSoon(c, now) {
		return false
	}
	sum := sha256.Sum256(c.Raw)
	which := string(sum[:]) + addr
	w.mu.Lock()
	defer w.mu.Unlock()
	if last, ok := w.last[which]; ok && now.Sub(last) < 24*time.Hour {
		return false
	}
	if w.last == nil {
		w.last = map[string]time.Time{}
	}
	maps.DeleteFunc(w.last, func(_ string, last time.Time) bool { return now.Sub(last) >= 24*time.Hour })
	w.last[which] = now
	return true
}

// noteCertificate warns that a certificate ends soon or has expired. own says that it is the
// account's, and not the server's. With an expired one, nothing is fetched any more, as a rule.
func (p *poll) noteCertificate(own bool, c *x509.Certificate) {
	now := p.poller.now()
	if c == nil || !p.poller.certificates.due(p.Account.Addr, c, now) {
		return
	}
	text := "the server's certificate ends soon: its operator must renew it"
	switch expired := !now.Before(c.NotAfter); {
	case own && expired:
		text = "the account's own certificate has expired: renew it (tls.cert_file)"
	case own:
		text = "the account's own certificate ends soon: renew it (tls.cert_file)"
	case expired:
		text = "the server's certificate has expired: its operator must renew it"
	}
	p.log.Warn().Str("host", p.Account.Addr).Time("not_after", c.NotAfter).Str("certificate", session.Subject(c)).Msg(text)
}
