package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// authority is a certificate made for a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue makes a certificate for mx.example, signed by parent or by itself.
func issue(t *testing.T, serial int64, parent *authority) authority {
	t.Helper()
	return issueFor(t, serial, parent, time.Hour)
}

func issueFor(t *testing.T, serial int64, parent *authority, lasts time.Duration) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	try(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(lasts), DNSNames: []string{"mx.example"},
		IsCA: parent == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	by := authority{template, key}
	if parent != nil {
		by = *parent
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, key.Public(), by.key)
	try(t, err)
	cert, err := x509.ParseCertificate(der)
	try(t, err)
	return authority{cert, key}
}

func (a authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

func (a authority) keyPEM(t *testing.T) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	try(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func (a authority) pin() string {
	sum := sha256.Sum256(a.cert.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

// handshake connects a client of c to a server with the given certificates.
func handshake(t *testing.T, c *tls.Config, server *tls.Config) error {
	t.Helper()
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s := tls.Server(far, server)
		_ = s.Handshake()
		_, _ = s.Read(make([]byte, 1))
		_ = far.Close()
	}()
	c = c.Clone()
	if c.ServerName == "" {
		c.ServerName = "mx.example"
	}
	_ = near.SetDeadline(time.Now().Add(patience))
	err := tls.Client(near, c).Handshake()
	_ = near.Close()
	<-done
	return err
}

func TestClientConfig(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca := issue(t, 1, nil)
	leaf, other := issue(t, 2, &ca), issue(t, 3, nil)
	write(t, filepath.Join(dir, "ca.pem"), "a comment\n"+ca.pem())
	write(t, filepath.Join(dir, "client.pem"), leaf.pem())
	write(t, filepath.Join(dir, "client.key"), leaf.keyPEM(t))
	trusted := TLS{CAFile: filepath.Join(dir, "ca.pem")}
	with := func(change func(*TLS)) TLS {
		t := trusted
		change(&t)
		return t
	}
	server := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.cert.Raw, other.cert.Raw}, PrivateKey: leaf.key}}}
	tls11 := server.Clone()
	tls11.MaxVersion = tls.VersionTLS11
	tls11.MinVersion = tls.VersionTLS10
	tls12 := server.Clone()
	tls12.MaxVersion = tls.VersionTLS12
	demanding := server.Clone()
	demanding.ClientAuth, demanding.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12
	for _, c := range []struct {
		name   string
		tls    TLS
		server *tls.Config
		check  func(error) bool
	}{
		{"system's authorities", TLS{}, server, isA[x509.UnknownAuthorityError]},
		{"ca_file", trusted, server, nil},
		{"wrong name", with(func(t *TLS) { t.ServerName = "other.example" }), server, isA[x509.HostnameError]},
		{"pin of the server's key", with(func(t *TLS) { t.Pins = Pins(leaf.pin()) }), server, nil},
		{"pin of the authority's key", with(func(t *TLS) { t.Pins = Pins(ca.pin()) }), server, nil},
		{"one pin of two", with(func(t *TLS) { t.Pins = Pins(other.pin() + "," + leaf.pin()) }), server, nil},
		{"pin of a certificate that is not in the chain", with(func(t *TLS) { t.Pins = Pins(other.pin()) }), server, isPinMismatch},
		{"pin does not replace the authority", TLS{Pins: Pins(leaf.pin())}, server, isA[x509.UnknownAuthorityError]},
		{"insecure", TLS{InsecureSkipVerify: true}, server, nil},
		{"insecure with pin", TLS{InsecureSkipVerify: true, Pins: Pins(leaf.pin())}, server, nil},
		{"insecure with the pin of a further certificate", TLS{InsecureSkipVerify: true, Pins: Pins(other.pin())}, server, isPinMismatch},
		{"TLS 1.1", TLS{InsecureSkipVerify: true}, tls11, func(err error) bool { return strings.Contains(err.Error(), "protocol version") }},
		{"min_version", with(func(t *TLS) { t.MinVersion = tls.VersionTLS13 }), server, nil},
		{"min_version that the server lacks", with(func(t *TLS) { t.MinVersion = tls.VersionTLS13 }), tls12, func(err error) bool { return strings.Contains(err.Error(), "protocol version") }},
		{"no client certificate", trusted, demanding, func(err error) bool { return strings.HasPrefix(err.Error(), "remote error: tls: ") }},
		{"client certificate", with(func(t *TLS) {
			t.CertFile, t.KeyFile = filepath.Join(dir, "client.pem"), filepath.Join(dir, "client.key")
		}), demanding, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conf, err := c.tls.ClientConfig()
			try(t, err)
			err = handshake(t, conf, c.server)
			if c.check == nil && err != nil || c.check != nil && (err == nil || !c.check(err)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func isPinMismatch(err error) bool { return errors.Is(err, ErrPinMismatch) }

func TestClientConfigNamesTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := issue(t, 1, nil)
	write(t, filepath.Join(dir, "text"), "no certificate")
	write(t, filepath.Join(dir, "a.pem"), a.pem())
	for want, c := range map[string]TLS{
		"read ca_file " + dir + "/none: no such file or directory":              {CAFile: dir + "/none"},
		"read ca_file " + dir + "/text: it holds no certificate in PEM form":    {CAFile: dir + "/text"},
		"read cert_file " + dir + "/none: no such file or directory":            {CertFile: dir + "/none", KeyFile: dir + "/text"},
		"read key_file " + dir + "/none: no such file or directory":             {CertFile: dir + "/a.pem", KeyFile: dir + "/none"},
		"read cert_file " + dir + "/a.pem and key_file " + dir + "/text: tls: ": {CertFile: dir + "/a.pem", KeyFile: dir + "/text"},
	} {
		if _, err := c.ClientConfig(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestParsePins(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte("key"))
	digits, b64 := hex.EncodeToString(sum[:]), base64.StdEncoding.EncodeToString(sum[:])
	for _, s := range []string{digits, strings.ToUpper(digits), b64, strings.TrimRight(b64, "="), "sha256//" + b64, "sha256:" + digits, "SHA256:" + b64, colons(digits)} {
		got, err := parsePins([]string{s, s})
		if err != nil || got != Pins(digits) {
			t.Errorf("%s: got %s, %v", s, got, err)
		}
	}
	a, _ := parsePins([]string{digits, strings.Repeat("0", 64)})
	b, _ := parsePins([]string{strings.Repeat("0", 64), digits})
	if a != b || len(slices.Collect(a.All())) != 2 {
		t.Errorf("the order of the list matters: %s, %s", a, b)
	}
	if _, err := parsePins([]string{"abcd", digits, ""}); err == nil || !strings.HasPrefix(err.Error(), "entry 1 and entry 3 must be") {
		t.Errorf("got %v, want both entries that are none", err)
	}
	for _, s := range []string{"", "abcd", digits[1:], digits + "00", "sha1:" + digits, b64[1:]} {
		if got, err := parsePins([]string{s}); err == nil {
			t.Errorf("%q: got %s, want an error", s, got)
		}
	}
	if n := len(slices.Collect(Pins("").All())); n != 0 {
		t.Errorf("no pins are %d pins", n)
	}
}

func colons(digits string) string {
	var pairs []string
	for p := range slices.Chunk([]byte(digits), 2) {
		pairs = append(pairs, string(p))
	}
	return strings.Join(pairs, ":")
}

// TestExpiredCertificate: an account's own certificate that has expired is warned of.
func TestExpiredCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, lasts := range map[string]time.Duration{"good": time.Hour, "late": -time.Hour} {
		a := issueFor(t, 1, nil, lasts)
		try(t, os.WriteFile(filepath.Join(dir, name+".pem"), []byte(a.pem()), 0o600))
		try(t, os.WriteFile(filepath.Join(dir, name+".key"), []byte(a.keyPEM(t)), 0o600))
		path := filepath.Join(dir, name+".yaml")
		text := "output: out\nstate: state.db\naccounts:\n  - {name: h, host: mx.example, username: h, password: pw, tls: {cert_file: " + name + ".pem, key_file: " + name + ".key}}\n"
		try(t, os.WriteFile(path, []byte(text), 0o600))
		_, warnings, err := Load(path)
		try(t, err)
		warned := slices.ContainsFunc(warnings, func(w Warning) bool {
			return w.Kind == WarnExpired && strings.Contains(w.String(), "late.yaml:4:") && strings.Contains(w.String(), "cert_file: its certificate has expired on ")
		})
		if warned != (lasts < 0) {
			t.Errorf("%s: warnings %v", name, warnings)
		}
	}
}
