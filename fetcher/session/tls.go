package session

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"
)

// explainTLS adds advice to TLS errors, in these cases:
//
//   - the server's certificates could not be verified: what was sent, and which one is at fault;
//   - the server has no TLS version in common with attachd;
//   - the server refused the handshake, or has no cipher suite in common;
//   - the account's own certificate has expired.
//
// config is nil without TLS.
func explainTLS(err error, config *tls.Config) error {
	if config == nil {
		return err
	}
	if own := ownCertificate(config); own != nil && time.Now().After(own.NotAfter) {
		err = fmt.Errorf("%w (the account's own certificate, tls.cert_file, has expired on %s)", err, own.NotAfter.Format(time.DateOnly))
	}
	oldest := config.MinVersion
	// crypto/tls has no error type for the server's refusal of all versions, nor for its choice of
	// a version that was not offered.
	if text := err.Error(); strings.Contains(text, "protocol version not supported") || strings.Contains(text, "selected unsupported protocol version") {
		if oldest > tls.VersionTLS12 {
			return fmt.Errorf("%w: the server does not know %s; if tls.min_version were \"1.2\", it might do", err, tls.VersionName(oldest))
		}
		return fmt.Errorf("%w: the server knows no version from TLS 1.2 on, and older ones are broken: it needs an update, or a proxy in front of it", err)
	}
	if hint := explainRefusal(err); hint != "" {
		return fmt.Errorf("%w: %s", err, hint)
	}
	failed, ok := errors.AsType[*tls.CertificateVerificationError](err)
	if !ok || len(failed.UnverifiedCertificates) == 0 {
		return err
	}
	sent := chain(failed.UnverifiedCertificates)
	return fmt.Errorf("%w: %s; %s", err, sent, sent.fault(failed.Err, time.Now()))
}

// refusals hold advice for TLS alerts of the server and for errors of crypto/tls. The latter are
// told by their text, as crypto/tls has no types for them.
var refusals = []struct{ mark, hint string }{
	{"server chose an unconfigured cipher suite", noCommonCipher},
	{"remote error: tls: handshake failure", noCommonCipher},
	{"remote error: tls: insufficient security level", noCommonCipher},
	{"remote error: tls: unrecognized name", "the server has no certificate for this name: set tls.server_name to the one that it is known by"},
	{"remote error: tls: certificate required", "the server wants to see a certificate of this account: tls.cert_file and tls.key_file"},
	{"remote error: tls: unknown certificate authority", "the server does not know the authority of this account's own certificate, tls.cert_file"},
	{"remote error: tls: bad certificate", "the server does not take this account's own certificate, tls.cert_file, or wants to see one"},
	{"remote error: tls: revoked certificate", "this account's own certificate, tls.cert_file, was revoked"},
	{"remote error: tls: expired certificate", "this account's own certificate, tls.cert_file, has expired as the server sees it"},
	{"remote error: tls: internal error", "the server has a fault of its own, as when its certificate or key can't be read"},
	{"-bit keys are insecure", "the key of the server's certificate is too short to be safe: whoever runs the server must have a new one made, of 2048 bits at least"},
}

const noCommonCipher = "the server most likely has no cipher suite, or no kind of key, in common with attachd, as when it knows only RSA key exchange, DHE, RC4 or 3DES: " +
	"whoever runs the server must allow ECDHE with AES-GCM or ChaCha20 (or TLS 1.3), or a proxy in front of it must; or it wants to see a certificate of this account, tls.cert_file"

// explainRefusal returns the advice for an error, "" without any.
func explainRefusal(err error) string {
	text := err.Error()
	for _, r := range refusals {
		if strings.Contains(text, r.mark) {
			return r.hint
		}
	}
	return ""
}

// issuer returns the issuer's name, "itself" for a self-signed certificate.
func issuer(c *x509.Certificate) string {
	if c.Subject.String() == c.Issuer.String() {
		return "itself"
	}
	return c.Issuer.String()
}
