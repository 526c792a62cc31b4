package fetcher

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
	"github.com/attachd/attachd/fetcher/session"
)

// TestOldTLS: the error about a server that knows only old versions of TLS says what can be done.
func TestOldTLS(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		newest, oldest uint16 // of the server, and for the account
		want           string
	}{
		{tls.VersionTLS12, tls.VersionTLS13, `: the server does not know TLS 1.3; if tls.min_version were "1.2", it might do`},
		{tls.VersionTLS11, tls.VersionTLS12, ": the server knows no version from TLS 1.2 on, "},
		{tls.VersionTLS12, tls.VersionTLS12, ""},
	} {
		w := newWorld(t)
		w.start(t)
		old, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer old.Close()
		go func() {
			for {
				conn, err := old.Accept()
				if err != nil {
					return
				}
				// The version is checked before the certificate.
				_ = tls.Server(conn, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: test.newest, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
					return nil, net.ErrClosed
				}}).Handshake()
				conn.Close()
			}
		}()
		w.account.Addr = old.Addr().String()
		w.account.TLS = func() (*tls.Config, error) {
			return &tls.Config{RootCAs: w.server.CertPool(), MinVersion: test.oldest}, nil
		}
		_, err = poll.Check(t.Context(), w.account.Account, zerolog.Nop())
		if err == nil || test.want != "" && !strings.Contains(err.Error(), test.want) || test.want == "" && strings.Contains(err.Error(), "TLS 1.") {
			t.Errorf("%s: got %v, want %s", tls.VersionName(test.newest), err, test.want)
		}
	}
}

// TestNoSASL: the error of a refused AUTH says that the server announces no mechanism.
func TestNoSASL(t *testing.T) {
	t.Parallel()
	for _, auth := range []session.Auth{session.AuthPlain, session.AuthLogin} {
		w := newWorld(t)
		w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
			switch cmd {
			case "CAPA":
				c.Reply("+OK", "TOP", "UIDL", "USER", ".")
			case "AUTH":
				c.Reply("-ERR unknown command")
			default:
				return false
			}
			return true
		}
		w.account.Auth = auth
		w.start(t)
		_, err := poll.Check(t.Context(), w.account.Account, zerolog.Nop())
		if want := "(the server announces no SASL mechanism and may not know AUTH " + strings.ToUpper(string(auth)) + ")"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
