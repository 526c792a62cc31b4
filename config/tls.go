package config

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// TLSMode says when TLS begins on a connection.
type TLSMode string

// The modes. Plaintext is for a proxy on the same machine: [Load] accepts it for loopback addresses
// only.
const (
	TLSImplicit TLSMode = "implicit" // from the first byte, port 995
	TLSStartTLS TLSMode = "starttls" // by STLS (RFC 2595), port 110
	TLSNone     TLSMode = "none"
)

func (m *TLSMode) parse(s string) error { return choose(m, s, TLSImplicit, TLSStartTLS, TLSNone) }

// tlsVersion is a protocol version as crypto/tls numbers it.
type tlsVersion uint16

func (v *tlsVersion) parse(s string) error {
	var name string
	if err := choose(&name, s, "1.2", "1.3"); err != nil {
		return err
	}
	*v = map[string]tlsVersion{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[name]
	return nil
}

// String returns the version as the file has it.
func (v tlsVersion) String() string {
	if v == tls.VersionTLS13 {
		return "1.3"
	}
	return "1.2"
}

// TLS says how an account's server is verified.
type TLS struct {
	Mode               TLSMode
	CAFile             string // absolute; replaces the system's authorities
	ServerName         string // "": the account's host
	InsecureSkipVerify bool
	MinVersion         uint16 // tls.VersionTLS12 or later
	Pins               Pins
	CertFile, KeyFile  string // absolute; both or none
}

// Pins is a set of SHA-256 digests of public keys (SubjectPublicKeyInfo, RFC 7469 section 2.4). It
// is comparable: sorted hex digits with commas between the digests.
type Pins string

// All returns the digests.
func (p Pins) All() iter.Seq[[sha256.Size]byte] {
	return func(yield func([sha256.Size]byte) bool) {
		for s := range strings.SplitSeq(string(p), ",") {
			if b, err := hex.DecodeString(s); err == nil && len(b) == sha256.Size && !yield([sha256.Size]byte(b)) {
				return
			}
		}
	}
}

// match reports whether the key of cert is one of p.
func (p Pins) match(cert *x509.Certificate) bool {
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	for pin := range p.All() {
		if pin == sum {
			return true
		}
	}
	return false
}

var errPin = errors.New(`must be the SHA-256 of a public key, as 64 hex digits or as base64; ` +
	`openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 prints it`)

// parsePins reads pins as base64 or as hex digits with or without colons. Each may have a prefix:
// "sha256//" as in curl, "sha256/" or "sha256:". The error names every faulty entry.
func parsePins(list []string) (Pins, error) {
	var out, bad []string
	for i, s := range list {
		for _, prefix := range []string{"sha256//", "sha256/", "sha256:", "SHA256:"} {
			s = strings.TrimPrefix(s, prefix)
		}
		b, err := hex.DecodeString(strings.ReplaceAll(s, ":", ""))
		if err != nil || len(b) != sha256.Size {
			b, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
		}
		if err != nil || len(b) != sha256.Size {
			bad = append(bad, fmt.Sprintf("entry %d", i+1))
			continue
		}
		out = append(out, hex.EncodeToString(b))
	}
	if len(bad) > 0 {
		return "", fmt.Errorf("%s %w", strings.Join(bad, " and "), errPin)
	}
	slices.Sort(out)
	return Pins(strings.Join(slices.Compact(out), ",")), nil
}

// ErrPinMismatch is the error of a handshake with a server if none of its keys is pinned.
var ErrPinMismatch = errors.New("no key of the server's certificates is among pin_sha256")

// ClientConfig reads the certificate files and returns the configuration of a client. ServerName is
// empty unless the account sets one; the dialer knows the host.
//
// With pins, a key of the verified chain must match a pin, on top of the usual verification. With
// InsecureSkipVerify there is no chain to trust. The server's own key must match a pin then, and
// the connection counts as verified again.
func (t TLS) ClientConfig() (*tls.Config, error) {
	c := &tls.Config{
		MinVersion: max(t.MinVersion, tls.VersionTLS12),
		ServerName: t.ServerName,
		// The key has a loud name, and each start warns of it.
		InsecureSkipVerify: t.InsecureSkipVerify,
	}
	if t.CAFile != "" {
		data, _, err := readRegular(t.CAFile, maxCertBytes)
		if err != nil {
			return nil, &ReadError{What: "ca_file " + t.CAFile, Err: explain(t.CAFile, err)}
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(data) {
			return nil, &ReadError{What: "ca_file " + t.CAFile, Err: errNoCertificate}
		}
	}
	if t.CertFile != "" {
		pair, err := t.keyPair()
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if t.Pins != "" {
		c.VerifyConnection = t.checkPins
	}
	return c, nil
}

var errNoCertificate = errors.New("it holds no certificate in PEM form")

// keyPair reads the client certificate.
func (t TLS) keyPair() (tls.Certificate, error) {
	cert, _, err := readRegular(t.CertFile, maxCertBytes)
	if err != nil {
		return tls.Certificate{}, &ReadError{What: "cert_file " + t.CertFile, Err: explain(t.CertFile, err)}
	}
	key, _, err := readRegular(t.KeyFile, maxCertBytes)
	if err != nil {
		return tls.Certificate{}, &ReadError{What: "key_file " + t.KeyFile, Err: explain(t.KeyFile, err)}
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, &ReadError{What: "cert_file " + t.CertFile + " and key_file " + t.KeyFile, Err: err}
	}
	return pair, nil
}

// checkPins is for VerifyConnection, because VerifyPeerCertificate does not run on resumed
// sessions.
func (t TLS) checkPins(s tls.ConnectionState) error {
	if t.InsecureSkipVerify {
		// Further certificates prove nothing here: anyone can send a copy of them.
		if len(s.PeerCertificates) > 0 && t.Pins.match(s.PeerCertificates[0]) {
			return nil
		}
		return pinMismatch(s.PeerCertificates)
	}
	for _, chain := range s.VerifiedChains {
		if slices.ContainsFunc(chain, t.Pins.match) {
			return nil
		}
	}
	return pinMismatch(s.PeerCertificates)
}

// pinMismatch names the server's key, so that the user can compare it with the one that the
// server's operator gives.
func pinMismatch(chain []*x509.Certificate) error {
	if len(chain) == 0 {
		return ErrPinMismatch
	}
	sum := sha256.Sum256(chain[0].RawSubjectPublicKeyInfo)
	return fmt.Errorf("%w; its own key has sha256/%s", ErrPinMismatch, base64.StdEncoding.EncodeToString(sum[:]))
}

// tls checks the tls section.
func (l *loader) tls(r *rawAccount, host string) TLS {
	v := &r.TLS
	t := TLS{
		Mode:               v.Mode.or(TLSImplicit),
		InsecureSkipVerify: v.InsecureSkipVerify.or(false),
		MinVersion:         uint16(v.MinVersion.or(tls.VersionTLS12)),
		ServerName:         v.ServerName.or(""),
		CAFile:             l.path(&v.CAFile, l.folderOf(&r.origin, v.CAFile.at)),
		CertFile:           l.path(&v.CertFile, l.folderOf(&r.origin, v.CertFile.at)),
		KeyFile:            l.path(&v.KeyFile, l.folderOf(&r.origin, v.KeyFile.at)),
	}
	if t.Mode == TLSNone {
		l.plaintext(v, host)
		return TLS{Mode: TLSNone}
	}
	if v.ServerName.ok() {
		if fault := hostFault(t.ServerName); fault != "" {
			l.problem(v.ServerName.at, "%s", fault)
		}
	}
	if v.PinSHA256.ok() {
		var err error
		if t.Pins, err = parsePins(v.PinSHA256.v); err != nil {
			l.problem(v.PinSHA256.at, "%v", err)
		} else if t.Pins == "" {
			l.problem(v.PinSHA256.at, "must not be an empty list")
		}
	}
	l.pair(&v.CertFile, &v.KeyFile)
	if t.InsecureSkipVerify && !v.PinSHA256.set {
		l.warn(WarnNotVerified, v.InsecureSkipVerify.at, "the server's certificate is not verified: whoever is on the line can read the password and the mail")
	}
	l.certificates(v, t)
	return t
}

// certificates checks the files that the section names.
func (l *loader) certificates(v *rawTLS, t TLS) {
	if t.CAFile != "" {
		l.file(v.CAFile.at, t.CAFile, "ca", kindCert, func(data []byte) error {
			if !x509.NewCertPool().AppendCertsFromPEM(data) {
				return errNoCertificate
			}
			return nil
		})
	}
	if t.CertFile == "" || t.KeyFile == "" {
		return
	}
	l.file(v.CertFile.at, t.CertFile, "cert", kindCert, func([]byte) error { return nil })
	l.file(v.KeyFile.at, t.KeyFile, "key for "+t.CertFile, kindSecret, func(key []byte) error {
		cert, _, err := readRegular(t.CertFile, maxCertBytes)
		if err != nil {
			return nil // the certificate has been reported
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err == nil && time.Now().After(pair.Leaf.NotAfter) {
			l.warn(WarnExpired, v.CertFile.at, "its certificate has expired on %s", pair.Leaf.NotAfter.Format(time.DateOnly))
		}
		return err
	})
}

// plaintext checks that a connection without TLS stays on this machine.
func (l *loader) plaintext(v *rawTLS, host string) {
	if host != "" && !isLoopback(host) {
		l.problem(v.Mode.at, "none is for a proxy on this machine: the host must be localhost or a loopback address, not %s", quote(host))
		return
	}
	for _, key := range []struct {
		set bool
		at  position
	}{
		{v.CAFile.set, v.CAFile.at},
		{v.ServerName.set, v.ServerName.at},
		{v.InsecureSkipVerify.set, v.InsecureSkipVerify.at},
		{v.MinVersion.set, v.MinVersion.at},
		{v.PinSHA256.set, v.PinSHA256.at},
		{v.CertFile.set, v.CertFile.at},
		{v.KeyFile.set, v.KeyFile.at},
	} {
		if key.set {
			l.problem(key.at, "has no meaning with mode: none")
		}
	}
	l.warn(WarnPlaintext, v.Mode.at, "the password and the mail go to %s in the clear", quote(host))
}
