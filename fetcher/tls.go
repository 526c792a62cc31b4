package fetcher

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
)

// explainTLS says of a certificate that could not be verified what the server
// sent and how to trust it, of a server without any version of TLS that may be used what can be done, and of an
// account's own certificate that it has expired. config is nil where there is no TLS.
func explainTLS(err error, config *tls.Config) error {
	if config == nil {
		return err
	}
	if own := ownCertificate(config); own != nil && time.Now().After(own.NotAfter) {
		err = fmt.Errorf("%w (the account's own certificate, tls.cert_file, has expired on %s)", err, own.NotAfter.Format(time.DateOnly))
	}
	oldest := config.MinVersion
	// crypto/tls has no type for either, the server's refusal and its choice of one that was not offered.
	if text := err.Error(); strings.Contains(text, "protocol version not supported") || strings.Contains(text, "selected unsupported protocol version") {
		if oldest > tls.VersionTLS12 {
			return fmt.Errorf("%w: the server does not know %s; if tls.min_version were \"1.2\", it might do", err, tls.VersionName(oldest))
		}
		return fmt.Errorf("%w: the server knows no version from TLS 1.2 on, and older ones are broken: it needs an update, or a proxy in front of it", err)
	}
	failed, ok := errors.AsType[*tls.CertificateVerificationError](err)
	if !ok || len(failed.UnverifiedCertificates) == 0 {
		return err
	}
	leaf := failed.UnverifiedCertificates[0]
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	sent := fmt.Sprintf("the server sent a certificate for %q, issued by %q, valid until %s, pin %s",
		subject(leaf), issuer(leaf), leaf.NotAfter.Format("2006-01-02"), base64.StdEncoding.EncodeToString(sum[:]))
	var hint string
	if _, ok := errors.AsType[x509.UnknownAuthorityError](failed.Err); ok {
		hint = "; if it is the right one, name its authority in tls.ca_file, or trust this key alone with its pin in tls.pin_sha256 and tls.insecure_skip_verify: true"
	} else if _, ok := errors.AsType[x509.HostnameError](failed.Err); ok {
		hint = "; if it is the right one, set tls.server_name to a name of the certificate"
	}
	return fmt.Errorf("%w: %s%s", err, sent, hint)
}

func subject(c *x509.Certificate) string {
	if len(c.DNSNames) > 0 {
		return strings.Join(c.DNSNames[:min(len(c.DNSNames), 4)], ", ")
	}
	return c.Subject.String()
}

func issuer(c *x509.Certificate) string {
	if c.Subject.String() == c.Issuer.String() {
		return "itself"
	}
	return c.Issuer.String()
}
