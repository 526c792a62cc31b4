package session

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// authority is a certificate with its key and its issuer. A nil issuer means that it is
// self-signed.
type authority struct {
	cert   *x509.Certificate
	key    crypto.Signer
	parent *authority
}

// issue makes a certificate, signed by a, or by itself for a nil a. change, unless nil, edits the
// template first.
func (a *authority) issue(t *testing.T, name string, change func(c *x509.Certificate)) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	if change != nil {
		change(template)
	}
	made := &authority{key: key, parent: a}
	parent, signer := template, crypto.Signer(key)
	if a != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	if made.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return made
}

// server makes a certificate for mail.example and 127.0.0.1.
func (a *authority) server(t *testing.T, change func(c *x509.Certificate)) *authority {
	return a.issue(t, "mail.example", func(c *x509.Certificate) {
		c.IsCA, c.KeyUsage, c.DNSNames, c.IPAddresses = false, x509.KeyUsageDigitalSignature, []string{"mail.example"}, []net.IP{net.IPv4(127, 0, 0, 1)}
		if change != nil {
			change(c)
		}
	})
}

func pool(trusted ...*authority) *x509.CertPool {
	p := x509.NewCertPool()
	for _, a := range trusted {
		p.AddCert(a.cert)
	}
	return p
}

// handshakes serves TLS handshakes and a greeting, and nothing else.
func handshakes(t *testing.T, config *tls.Config) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			secured := tls.Server(conn, config)
			if secured.Handshake() == nil {
				io.WriteString(secured, "+OK\r\n")
				io.Copy(io.Discard, secured)
			}
			conn.Close()
		}
	}()
	return l.Addr().String()
}

func expired(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-time.Hour)
}

func future(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = time.Now().Add(24*time.Hour), time.Now().Add(48*time.Hour)
}

// endpoint returns the endpoint of an account that trusts roots.
func endpoint(addr string, roots *x509.CertPool) *Endpoint {
	return &Endpoint{
		Addr: addr, Username: "u0", Password: func(context.Context) (string, error) { return "pw0", nil }, Auth: AuthAuto,
		TLS: func() (*tls.Config, error) { return &tls.Config{RootCAs: roots}, nil },
	}
}

// TestBadChains: the error about a certificate says which one is at fault, what the server sent,
// and what can be done. Where it says what to trust, trusting that works.
func TestBadChains(t *testing.T) {
	t.Parallel()
	var none *authority
	root := none.issue(t, "Root", nil)
	intermediate := root.issue(t, "Intermediate", nil)
	oldIntermediate := root.issue(t, "Intermediate", expired)
	newIntermediate := root.issue(t, "Intermediate", future)
	oldRoot := none.issue(t, "Old Root", expired)
	good := intermediate.server(t, nil)
	withURL := intermediate.server(t, func(c *x509.Certificate) { c.IssuingCertificateURL = []string{"http://ca.example/i.der"} })
	nameless := func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, nil }
	noName := func(c *x509.Certificate) { nameless(c); c.Subject = pkix.Name{} }
	client := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }
	other := func(c *x509.Certificate) { c.IPAddresses = nil }
	notCA := root.issue(t, "Not an authority", func(c *x509.Certificate) { c.IsCA = false })
	self := none.server(t, nil)
	byOldRoot := oldRoot.server(t, nil)
	byOld, byNew := oldIntermediate.server(t, nil), newIntermediate.server(t, nil)
	for name, tt := range map[string]struct {
		leaf    *authority
		sent    []*authority // behind it
		trusted []*authority
		want    []string
		then    *x509.CertPool // what the hint says to trust
	}{
		"good": {good, []*authority{intermediate}, []*authority{root}, nil, nil},
		"missing intermediate": {good, nil, []*authority{root}, []string{
			`the server sent a certificate for "mail.example", issued by "CN=Intermediate", valid from 20`, `the certificate of "CN=Intermediate", the issuer of the one for "mail.example", is neither among them`, "fullchain.pem", "tls.ca_file",
		}, pool(intermediate)},
		"missing intermediate, with its address":   {withURL, nil, []*authority{root}, []string{`to be had from "http://ca.example/i.der"`, "fullchain.pem"}, pool(intermediate)},
		"another intermediate":                     {good, []*authority{notCA}, []*authority{root}, []string{`the certificate of "CN=Intermediate", the issuer of the one for "mail.example"`, `then one for "CN=Not an authority"`}, pool(intermediate)},
		"unknown root, not sent":                   {good, []*authority{intermediate}, nil, []string{`the certificate of "CN=Root", the issuer of the one for "CN=Intermediate"`, `then one for "CN=Intermediate", issued by "CN=Root"`}, pool(root)},
		"unknown root, sent":                       {good, []*authority{intermediate, root}, nil, []string{`then one for "CN=Root", issued by "itself"`, "name its authority in tls.ca_file"}, pool(root)},
		"self-signed":                              {self, nil, []*authority{root}, []string{`issued by "itself"`, "tls.pin_sha256"}, pool(self)},
		"expired":                                  {intermediate.server(t, expired), []*authority{intermediate}, []*authority{root}, []string{"the server's own certificate has expired on 20", "must renew it", "tls.pin_sha256"}, nil},
		"expired, self-signed":                     {none.server(t, expired), nil, []*authority{root}, []string{"the server's own certificate has expired on 20"}, nil},
		"expired intermediate":                     {byOld, []*authority{oldIntermediate}, []*authority{root}, []string{`the intermediate certificate for "CN=Intermediate", which the server sent, has expired on 20`, "must send the one", "tls.ca_file"}, nil},
		"expired intermediate, unknown root":       {byOld, []*authority{oldIntermediate}, nil, []string{`the intermediate certificate for "CN=Intermediate", which the server sent, has expired`}, nil},
		"expired root, here":                       {byOldRoot, nil, []*authority{oldRoot}, []string{`the certificate of the authority "CN=Old Root", in tls.ca_file or on this machine, has expired`, "put the new one"}, nil},
		"not valid yet":                            {intermediate.server(t, future), []*authority{intermediate}, []*authority{root}, []string{"the server's own certificate is valid only from 20", "by the clock of this machine"}, nil},
		"intermediate not valid yet":               {byNew, []*authority{newIntermediate}, []*authority{root}, []string{`the intermediate certificate for "CN=Intermediate", which the server sent, is valid only from`, "clock"}, nil},
		"a name in the Common Name alone":          {intermediate.server(t, nameless), []*authority{intermediate}, []*authority{root}, []string{`"CN=mail.example"`, `its name, "mail.example", stands only in its Common Name`, "tls.server_name would not help", "tls.pin_sha256"}, nil},
		"no name":                                  {intermediate.server(t, noName), []*authority{intermediate}, []*authority{root}, []string{"it has no name at all", "tls.pin_sha256"}, nil},
		"another name":                             {intermediate.server(t, other), []*authority{intermediate}, []*authority{root}, []string{"set tls.server_name to a name of the certificate"}, nil},
		"for clients alone":                        {intermediate.server(t, client), []*authority{intermediate}, []*authority{root}, []string{"the server's own certificate is not made out for servers"}, nil},
		"by what is no authority":                  {notCA.server(t, nil), []*authority{notCA}, []*authority{root}, []string{`the intermediate certificate for "CN=Not an authority", which the server sent, is not an authority's`}, nil},
		"another intermediate of the name":         {good, []*authority{root.issue(t, "Intermediate", nil)}, []*authority{root}, []string{`the intermediate certificate for "CN=Intermediate", which the server sent, has the name of the issuer of the one for "mail.example", and did not sign it`}, pool(intermediate)},
		"a name that could end a line of the log":  {none.server(t, func(c *x509.Certificate) { c.DNSNames, c.Subject = nil, pkix.Name{CommonName: "evil\n\x1b[31m"} }), nil, []*authority{root}, []string{`evil\n`}, nil},
		"more certificates than anybody would see": {good, []*authority{intermediate, root, notCA, oldRoot, self, byOld}, nil, []string{", and 2 more"}, pool(root)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := &tls.Config{Certificates: []tls.Certificate{{PrivateKey: tt.leaf.key, Certificate: [][]byte{tt.leaf.cert.Raw}}}}
			for _, a := range tt.sent {
				config.Certificates[0].Certificate = append(config.Certificates[0].Certificate, a.cert.Raw)
			}
			e := endpoint(handshakes(t, config), pool(tt.trusted...))
			c, err := e.dial(t.Context(), &tls.Config{RootCAs: pool(tt.trusted...)}, Options{Log: zerolog.Nop()})
			if len(tt.want) == 0 {
				if err != nil {
					t.Fatal(err)
				}
				c.Close()
				return
			}
			_, err = e.Open(t.Context(), Options{Log: zerolog.Nop()})
			for _, want := range tt.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v\nlacks %s", err, want)
				}
			}
			if err != nil && strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("error %q", err)
			}
			if tt.then == nil {
				return
			}
			c, err = e.dial(t.Context(), &tls.Config{RootCAs: tt.then}, Options{Log: zerolog.Nop()})
			if err != nil {
				t.Fatalf("the advice in the error does not work: %v", err)
			}
			c.Close()
		})
	}
}

// TestRefusedHandshakes: the error about a TLS alert of the server says what it most likely means.
func TestRefusedHandshakes(t *testing.T) {
	t.Parallel()
	var none *authority
	self := none.server(t, nil)
	certificates := []tls.Certificate{{PrivateKey: self.key, Certificate: [][]byte{self.cert.Raw}}}
	alert := func(description byte) func(t *testing.T) string {
		return func(t *testing.T) string {
			return raw(t, []byte{21, 3, 3, 0, 2, 2, description})
		}
	}
	serve := func(change func(c *tls.Config)) func(t *testing.T) string {
		return func(t *testing.T) string {
			config := &tls.Config{Certificates: certificates}
			change(config)
			return handshakes(t, config)
		}
	}
	for name, tt := range map[string]struct {
		serve func(t *testing.T) string
		want  string
	}{
		"RSA key exchange alone": {serve(func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
		}), "no cipher suite"},
		"handshake failure":         {alert(40), "must allow ECDHE"},
		"insufficient security":     {alert(71), "no cipher suite"},
		"unrecognized name":         {alert(112), "tls.server_name"},
		"wants a certificate, 1.2":  {serve(func(c *tls.Config) { c.MaxVersion, c.ClientAuth = tls.VersionTLS12, tls.RequireAnyClientCert }), "tls.cert_file"},
		"wants a certificate, 1.3":  {serve(func(c *tls.Config) { c.MinVersion, c.ClientAuth = tls.VersionTLS13, tls.RequireAnyClientCert }), "tls.cert_file"},
		"does not know its issuer":  {alert(48), "authority of this account's own certificate"},
		"a fault within the server": {alert(80), "the server has a fault of its own"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := endpoint(tt.serve(t), pool(self))
			if _, err := e.Open(t.Context(), Options{Log: zerolog.Nop()}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v\nlacks %s", err, tt.want)
			}
		})
	}
}

// raw answers the first bytes that it reads with these bytes.
func raw(t *testing.T, answer []byte) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Read(make([]byte, 4<<10))
			conn.Write(answer)
			io.Copy(io.Discard, conn)
			conn.Close()
		}
	}()
	return l.Addr().String()
}
