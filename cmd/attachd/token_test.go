package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/attachd/attachd/fetcher/dovecottest"
	"github.com/attachd/attachd/fetcher/oauth/oauthtest"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// tokenServers starts a mail server that takes the newest token of an authorization server beside it, for the user
// u0 alone.
func tokenServers(t *testing.T) (*pop3test.Server, *oauthtest.Server) {
	t.Helper()
	mail := pop3test.NewServer()
	mail.Users, mail.NoUserPass = map[string]string{"u0": ""}, true
	mail.Mailboxes = map[string][]pop3test.Message{"u0": notes(3)}
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

// tokenConfig writes a configuration for the account "lab" with further lines of the account.
func tokenConfig(t *testing.T, mail *pop3test.Server, dir string, lines ...string) string {
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

// clientCredentials are the lines of an account that gets its tokens from login.
func clientCredentials(login *oauthtest.Server, secret string) []string {
	return []string{
		"oauth:", "  provider: custom", "  grant: client_credentials", "  client_id: attachd",
		"  client_secret: " + secret, "  token_url: " + login.TokenURL(), "  scopes: [mail]",
	}
}

// TestTokenLogins fetches with a token, by both mechanisms and from each source that needs nobody to sign in, and shows
// neither token nor client secret, whatever goes wrong.
func TestTokenLogins(t *testing.T) {
	t.Parallel()
	for auth, mechanism := range map[string]string{"xoauth2": "XOAUTH2", "oauthbearer": "OAUTHBEARER"} {
		t.Run(auth, func(t *testing.T) {
			t.Parallel()
			mail, login := tokenServers(t)
			dir := t.TempDir()
			fetch := func(name string, want int, wantLog string, lines ...string) {
				t.Helper()
				if err := os.RemoveAll(filepath.Join(dir, "out")); err != nil {
					t.Fatal(err)
				}
				if err := os.RemoveAll(filepath.Join(dir, "state.db")); err != nil {
					t.Fatal(err)
				}
				code, log := once(t, tokenConfig(t, mail, dir, append(lines, "auth: "+auth)...), "--log-level", "trace")
				if code != want || !strings.Contains(log, wantLog) {
					t.Errorf("%s: exit code %d, want %d, and the log to hold %q:\n%s", name, code, want, wantLog, log)
				}
				if want == exitOK {
					checkNotes(t, filepath.Join(dir, "out", "lab"), 3)
				}
				for _, secret := range append(login.Secrets(), "t0ken", "wr0ng") {
					if strings.Contains(log, secret) {
						t.Errorf("%s: the log holds %s:\n%s", name, secret, log)
					}
				}
			}
			fetch("token_command", exitOK, `"mechanism":"`+mechanism+`"`, "token_command: [echo, t0ken]")
			fetch("JSON", exitOK, `"mechanism":"`+mechanism+`"`, `token_command: [printf, '{\n "access_token": "t0ken", "expires_in": 3600\n}\n']`)
			refused := fmt.Sprintf(`with %s: server said: -ERR [AUTH] Authentication failed. (token refused, status`, mechanism)
			fetch("a wrong token", exitTemporary, refused, "token_command: [echo, wr0ng]")
			fetch("the command fails", exitTemporary, "token_command sh: exit status 3", `token_command: [sh, -c, "echo t0ken; echo t0ken is wr0ng >&2; exit 3"]`)
			fetch("client credentials", exitOK, `"mechanism":"`+mechanism+`"`, clientCredentials(login, login.ClientSecret)...)
			login.Username = "u0"
			key, err := login.ServiceKey()
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "key.json"), []byte(key), 0o600); err != nil {
				t.Fatal(err)
			}
			fetch("service account", exitOK, `"mechanism":"`+mechanism+`"`, "oauth: {provider: google, grant: service_account, key_file: key.json, token_url: "+login.TokenURL()+"}")
			fetch("a wrong client", exitTemporary, login.TokenURL()+" said: invalid_client: the client attachd with <secret> is not known", clientCredentials(login, "wr0ng")...)
		})
	}
}

// rewrite replaces pieces of a file, each old one followed by the new.
func rewrite(t *testing.T, path string, oldnew ...string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.NewReplacer(oldnew...).Replace(string(content))), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTokenLoginsDovecot does the same with a server that is not of our making.
func TestTokenLoginsDovecot(t *testing.T) {
	t.Parallel()
	login := &oauthtest.Server{ClientID: "attachd", ClientSecret: "cl1ent-s3cret", Username: "u0"}
	login.Start()
	t.Cleanup(login.Close)
	s := dovecottest.Start(t, dovecottest.Options{Users: map[string]string{"u0": "pw0"}, Introspection: login.IntrospectionURL()})
	for _, m := range notes(3) {
		if err := s.Append("u0", m.Raw); err != nil {
			t.Fatal(err)
		}
	}
	server := mailServer{addr: s.Addr(), startTLSAddr: s.StartTLSAddr(), certificate: s.CertPEM()}
	for _, auth := range []string{"xoauth2", "oauthbearer"} {
		for _, mode := range []string{"", "starttls"} {
			dir := t.TempDir()
			lines := append(clientCredentials(login, login.ClientSecret), "auth: "+auth, "# no password")
			if mode != "" {
				lines = append(lines, mode)
			}
			code, log := once(t, server.config(t, dir, lines...), "--log-level", "trace")
			if code != exitOK {
				t.Fatalf("%s: exit code %d\n%s", auth, code, log)
			}
			checkNotes(t, filepath.Join(dir, "out", "lab"), 3)
		}
		dir := t.TempDir()
		code, log := once(t, server.config(t, dir, "auth: "+auth, "token_command: [echo, wr0ng]", "# no password"))
		if want := " with " + strings.ToUpper(auth) + ": server said: -ERR [AUTH] Authentication failed. (token refused, status "; code != exitTemporary || !strings.Contains(log, want) || strings.Contains(log, "wr0ng") {
			t.Errorf("%s with a wrong token: exit code %d\n%s", auth, code, log)
		}
	}
}

// TestClientTokenIsShared asks once for a token that is good for all accounts of a client.
func TestClientTokenIsShared(t *testing.T) {
	t.Parallel()
	mail, login := tokenServers(t)
	for _, user := range []string{"u1", "u2"} {
		mail.SetToken(user, "")
	}
	login.Issued = func(token string) {
		for _, user := range []string{"u0", "u1", "u2"} {
			mail.SetToken(user, token)
		}
	}
	path := tokenConfig(t, mail, t.TempDir(), append(clientCredentials(login, login.ClientSecret), "auth: xoauth2")...)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	_, account, _ := strings.Cut(text, "accounts:\n")
	for _, user := range []string{"u1", "u2"} {
		text += strings.NewReplacer("lab", user, "username: u0", "username: "+user).Replace(account)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, log := once(t, path); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, log)
	}
	if n := len(login.Requests()); n != 1 {
		t.Errorf("%d requests for a token, want 1", n)
	}
}
