package apptest

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/attachd/attachd/fetcher/oauth/oauthtest"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TokenServers starts a mail server and an authorization server. The mail server takes the newest
// token of the other, for the user u0 alone.
func TokenServers(t *testing.T) (*pop3test.Server, *oauthtest.Server) {
	t.Helper()
	mail := pop3test.NewServer()
	mail.Users, mail.NoUserPass = map[string]string{"u0": ""}, true
	mail.Mailboxes = map[string][]pop3test.Message{"u0": Notes(3)}
	mail.Tokens = map[string]string{"u0": "t0ken"}
	if err := mail.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mail.Close)
	login := &oauthtest.Server{ClientID: "attachd", ClientSecret: "cl1ent-s3cret", Issued: func(token string) { mail.SetToken("u0", token) }}
	login.Start()
	t.Cleanup(login.Close)
	return mail, login
}

// TokenConfig writes a configuration for the account "lab" with further lines of the account, and
// returns its path.
func TokenConfig(t *testing.T, mail *pop3test.Server, dir string, lines ...string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(mail.Addr())
	if err != nil {
		t.Fatal(err)
	}
	text := "output: out\nstate: state.db\naccounts:\n  - name: lab\n    host: " + host + "\n    port: " + port +
		"\n    username: u0\n    tls: {ca_file: ca.pem}\n    " + strings.Join(lines, "\n    ") + "\n"
	for name, content := range map[string]string{"attachd.yaml": text, "ca.pem": string(mail.CertPEM())} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "attachd.yaml")
}

// ClientCredentials are the lines of an account that gets its tokens from login.
func ClientCredentials(login *oauthtest.Server, secret string) []string {
	return []string{
		"oauth:", "  provider: custom", "  grant: client_credentials", "  client_id: attachd",
		"  client_secret: " + secret, "  token_url: " + login.TokenURL(), "  scopes: [mail]",
	}
}
