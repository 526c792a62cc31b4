package session

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"time"
)

// certificateNotice is how long before its end a certificate is warned of: enough time for somebody
// to renew it.
const certificateNotice = 14 * 24 * time.Hour

// EndsSoon reports whether a certificate has expired at the time now, or does so within 14 days.
func EndsSoon(c *x509.Certificate, now time.Time) bool {
	return c.NotAfter.Sub(now) < certificateNotice
}

// Subject returns the names of a certificate for a person to read: up to four DNS names, or the
// subject if it has none. They come from the server and are not safe to print.
func Subject(c *x509.Certificate) string {
	if len(c.DNSNames) > 0 {
		return strings.Join(c.DNSNames[:min(len(c.DNSNames), 4)], ", ")
	}
	return c.Subject.String()
}

// ownCertificate returns the certificate by which an account logs in, nil without one.
func ownCertificate(c *tls.Config) *x509.Certificate {
	if c == nil || len(c.Certificates) == 0 {
		return nil
	}
	return c.Certificates[0].Leaf
}
