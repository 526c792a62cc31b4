package session

import (
	"crypto/tls"
	"crypto/x509"
	"time"
)

// certificateNotice is how long before its end a certificate is spoken of: time
// enough to ask somebody.
const certificateNotice = 14 * 24 * time.Hour

// EndsSoon tells whether a certificate ends within the next 14 days, or has ended.
func EndsSoon(c *x509.Certificate, now time.Time) bool {
	return c.NotAfter.Sub(now) < certificateNotice
}

// Subject returns the names that a certificate is for, as a person reads them.
func Subject(c *x509.Certificate) string { return subject(c) }

// ownCertificate is that by which an account shows who it is, nil for none.
func ownCertificate(c *tls.Config) *x509.Certificate {
	if c == nil || len(c.Certificates) == 0 {
		return nil
	}
	return c.Certificates[0].Leaf
}
