package session

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// chain holds the certificates that a server sent, its own first (RFC 5246 section 7.4.2).
type chain []*x509.Certificate

// maxShown is how many certificates an error shows. A hostile server can send thousands.
const maxShown = 5

// String describes the certificates in order, with the pin of the server's own key.
func (c chain) String() string {
	var s strings.Builder
	for i, cert := range c[:min(len(c), maxShown)] {
		if i == 0 {
			s.WriteString("the server sent a certificate for ")
		} else {
			s.WriteString(", then one for ")
		}
		fmt.Fprintf(&s, "%q, issued by %q, valid from %s until %s", Subject(cert), issuer(cert), cert.NotBefore.Format(time.DateOnly), cert.NotAfter.Format(time.DateOnly))
		if i == 0 {
			sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
			s.WriteString(", pin " + base64.StdEncoding.EncodeToString(sum[:]))
		}
	}
	if n := len(c) - maxShown; n > 0 {
		fmt.Fprintf(&s, ", and %d more", n)
	}
	return s.String()
}

const (
	trustAuthority = "if it is the right one, name its authority in tls.ca_file, or trust this key alone with its pin in tls.pin_sha256 and tls.insecure_skip_verify: true"
	trustKey       = "until then its key alone can be trusted, with its pin in tls.pin_sha256 and tls.insecure_skip_verify: true"
)

// fault explains a verification error: which certificate is at fault, why, and what can be done.
func (c chain) fault(err error, now time.Time) string {
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return c.invalid(invalid, now)
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return c.misnamed()
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return c.unknown(now)
	}
	return trustAuthority
}

// which says where a certificate stands: first, behind that, or in the trusted roots.
func (c chain) which(cert *x509.Certificate) string {
	switch i := slices.IndexFunc(c, cert.Equal); {
	case i == 0:
		return "the server's own certificate"
	case i > 0:
		return fmt.Sprintf("the intermediate certificate for %q, which the server sent,", Subject(cert))
	}
	return fmt.Sprintf("the certificate of the authority %q, in tls.ca_file or on this machine,", Subject(cert))
}

// invalid explains a certificate that crypto/x509 found invalid.
func (c chain) invalid(e x509.CertificateInvalidError, now time.Time) string {
	cert := e.Cert
	if cert == nil {
		cert = c[0]
	}
	which, own := c.which(cert), cert.Equal(c[0])
	switch e.Reason {
	case x509.Expired:
		return c.outdated(cert, now)
	case x509.IncompatibleUsage:
		return which + " is not made out for servers (its extended key usage): whoever runs the server needs another one; " + trustKey
	case x509.NotAuthorizedToSign:
		return which + " is not an authority's, but signed another one: whoever runs the server needs a certificate by an authority; " + trustKey
	case x509.CANotAuthorizedForThisName, x509.NameConstraintsWithoutSANs, x509.NameMismatch:
		return which + " does not allow the names in the server's own, or has another name than its issuer: whoever runs the server needs another one; " + trustKey
	}
	if own {
		return which + " is invalid: whoever runs the server needs another one; " + trustKey
	}
	return which + " is invalid: whoever runs the server must send another one in its place; " + trustKey
}

// outdated explains a certificate that has expired, or is not valid yet.
func (c chain) outdated(cert *x509.Certificate, now time.Time) string {
	which := c.which(cert)
	if now.Before(cert.NotBefore) {
		return fmt.Sprintf("%s is valid only from %s on, and it is %s by the clock of this machine: see whether that is right", which, cert.NotBefore.UTC().Format(time.DateTime), now.UTC().Format(time.DateTime))
	}
	text := fmt.Sprintf("%s has expired on %s", which, cert.NotAfter.Format(time.DateOnly))
	switch {
	case cert.Equal(c[0]):
		return text + ": whoever runs the server must renew it; " + trustKey
	case slices.ContainsFunc(c, cert.Equal):
		return fmt.Sprintf("%s: whoever runs the server must send the one that %q has now in its place; until then, name that one, or its authority's, in tls.ca_file", text, Subject(cert))
	}
	return text + ": put the new one in its place"
}

// misnamed explains a server's certificate for another name than the one that was dialed.
func (c chain) misnamed() string {
	own := c[0]
	if len(own.DNSNames)+len(own.IPAddresses) == 0 {
		if own.Subject.CommonName == "" {
			return "it has no name at all: whoever runs the server needs one with its name (subjectAltName); " + trustKey
		}
		return fmt.Sprintf("its name, %q, stands only in its Common Name, which is not looked at any more (RFC 9525), so tls.server_name would not help: whoever runs the server needs one with subjectAltName; %s", own.Subject.CommonName, trustKey)
	}
	return "if it is the right one, set tls.server_name to a name of the certificate"
}

// unknown explains certificates that lead to no trusted authority.
func (c chain) unknown(now time.Time) string {
	for _, cert := range c[:min(len(c), maxShown)] {
		if now.After(cert.NotAfter) || now.Before(cert.NotBefore) {
			return c.outdated(cert, now)
		}
		if weak(cert) {
			return fmt.Sprintf("%s is signed with %v, which is broken: whoever runs the server needs another one; %s", c.which(cert), cert.SignatureAlgorithm, trustKey)
		}
	}
	top := c[0]
	for range c {
		if bytes.Equal(top.RawSubject, top.RawIssuer) {
			return trustAuthority
		}
		parent, signed := c.parent(top)
		switch {
		case parent == nil:
			return c.missing(top)
		case !parent.IsCA:
			return c.invalid(x509.CertificateInvalidError{Cert: parent, Reason: x509.NotAuthorizedToSign}, now)
		case !signed:
			return fmt.Sprintf("%s has the name of the issuer of the one for %q, and did not sign it: whoever runs the server must have the right one sent; %s", c.which(parent), Subject(top), trustKey)
		}
		top = parent
	}
	return trustAuthority
}

// missing explains a certificate that was sent without the one of its issuer.
func (c chain) missing(top *x509.Certificate) string {
	from := ""
	if len(top.IssuingCertificateURL) > 0 {
		from = fmt.Sprintf(" (to be had from %q)", top.IssuingCertificateURL[0])
	}
	return fmt.Sprintf("the certificate of %q, the issuer of the one for %q, is neither among them nor known here: if it is an intermediate one, whoever runs the server must have it sent (the whole chain, often called fullchain.pem); "+
		"until then, or if it is the authority, name it%s in tls.ca_file; or trust this key alone with its pin in tls.pin_sha256 and tls.insecure_skip_verify: true", issuer(top), Subject(top), from)
}

// parent returns the sent certificate that signed another one. Without such a one it returns one
// with the issuer's name, and signed is false. parent is nil without either.
func (c chain) parent(of *x509.Certificate) (parent *x509.Certificate, signed bool) {
	for _, cert := range c {
		if cert.Equal(of) || !bytes.Equal(cert.RawSubject, of.RawIssuer) {
			continue
		}
		if parent = cert; of.CheckSignatureFrom(cert) == nil {
			return cert, true
		}
	}
	return parent, false
}

// weak reports whether a certificate has a signature that crypto/x509 rejects as insecure.
func weak(c *x509.Certificate) bool {
	switch c.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		// Nobody checks how an authority signs its own certificate.
		return !bytes.Equal(c.RawSubject, c.RawIssuer)
	}
	return false
}
