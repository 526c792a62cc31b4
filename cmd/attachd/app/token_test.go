package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/dovecottest"
	"github.com/attachd/attachd/fetcher/oauth/oauthtest"
)

// TestTokenLogins fetches with a token, by both mechanisms and from each source that needs nobody
// to sign in, and shows neither token nor client secret, whatever goes wrong.
func TestTokenLogins(t *testing.T) {
	t.Parallel()
	for auth, mechanism := range map[string]string{"xoauth2": "XOAUTH2", "oauthbearer": "OAUTHBEARER"} {
		t.Run(auth, func(t *testing.T) {
			t.Parallel()
			mail, login := apptest.TokenServers(t)
			dir := t.TempDir()
			fetch := func(name string, want bool, wantLog string, lines ...string) {
				t.Helper()
				if err := os.RemoveAll(filepath.Join(dir, "out")); err != nil {
					t.Fatal(err)
				}
				if err := os.RemoveAll(filepath.Join(dir, "state.db")); err != nil {
					t.Fatal(err)
				}
				o, log := apptest.Once(t, apptest.TokenConfig(t, mail, dir, append(lines, "auth: "+auth)...), config.LevelTrace)
				if wentWell(o) != want || !strings.Contains(log, wantLog) {
					t.Errorf("%s: %+v, want all well %t, and the log to hold %q:\n%s", name, o, want, wantLog, log)
				}
				if want {
					apptest.CheckNotes(t, filepath.Join(dir, "out", "lab"), 3)
				}
				for _, secret := range append(login.Secrets(), "t0ken", "wr0ng") {
					if strings.Contains(log, secret) {
						t.Errorf("%s: the log holds %s:\n%s", name, secret, log)
					}
				}
			}
			fetch("token_command", true, `"mechanism":"`+mechanism+`"`, "token_command: [echo, t0ken]")
			fetch("JSON", true, `"mechanism":"`+mechanism+`"`, `token_command: [printf, '{\n "access_token": "t0ken", "expires_in": 3600\n}\n']`)
			refused := fmt.Sprintf(`with %s: server said: -ERR [AUTH] Authentication failed. (token refused, status`, mechanism)
			fetch("a wrong token", false, refused, "token_command: [echo, wr0ng]")
			fetch("the command fails", false, "token_command sh: exit status 3", `token_command: [sh, -c, "echo t0ken; echo t0ken is wr0ng >&2; exit 3"]`)
			fetch("client credentials", true, `"mechanism":"`+mechanism+`"`, apptest.ClientCredentials(login, login.ClientSecret)...)
			login.Username = "u0"
			key, err := login.ServiceKey()
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "key.json"), []byte(key), 0o600); err != nil {
				t.Fatal(err)
			}
			fetch("service account", true, `"mechanism":"`+mechanism+`"`, "oauth: {provider: google, grant: service_account, key_file: key.json, token_url: "+login.TokenURL()+"}")
			fetch("a wrong client", false, login.TokenURL()+" said: invalid_client: the client attachd with <secret> is not known", apptest.ClientCredentials(login, "wr0ng")...)
		})
	}
}

// TestTokenLoginsDovecot does the same with a server that is not of our making.
func TestTokenLoginsDovecot(t *testing.T) {
	t.Parallel()
	login := &oauthtest.Server{ClientID: "attachd", ClientSecret: "cl1ent-s3cret", Username: "u0"}
	login.Start()
	t.Cleanup(login.Close)
	s := dovecottest.Start(t, dovecottest.Options{Users: map[string]string{"u0": "pw0"}, Introspection: login.IntrospectionURL()})
	for _, m := range apptest.Notes(3) {
		if err := s.Append("u0", m.Raw); err != nil {
			t.Fatal(err)
		}
	}
	server := apptest.Server{Addr: s.Addr(), StartTLSAddr: s.StartTLSAddr(), Certificate: s.CertPEM()}
	for _, auth := range []string{"xoauth2", "oauthbearer"} {
		for _, mode := range []string{"", "starttls"} {
			dir := t.TempDir()
			lines := append(apptest.ClientCredentials(login, login.ClientSecret), "auth: "+auth, "# no password")
			if mode != "" {
				lines = append(lines, mode)
			}
			o, log := apptest.Once(t, server.Config(t, dir, lines...), config.LevelTrace)
			if !wentWell(o) {
				t.Fatalf("%s: %+v\n%s", auth, o, log)
			}
			apptest.CheckNotes(t, filepath.Join(dir, "out", "lab"), 3)
		}
		dir := t.TempDir()
		o, log := apptest.Once(t, server.Config(t, dir, "auth: "+auth, "token_command: [echo, wr0ng]", "# no password"), "")
		if want := " with " + strings.ToUpper(auth) + ": server said: -ERR [AUTH] Authentication failed. (token refused, status "; len(o.Failed) == 0 || !strings.Contains(log, want) || strings.Contains(log, "wr0ng") {
			t.Errorf("%s with a wrong token: %+v\n%s", auth, o, log)
		}
	}
}

// TestClientTokenIsShared asks once for a token that is good for all accounts of a client.
func TestClientTokenIsShared(t *testing.T) {
	t.Parallel()
	mail, login := apptest.TokenServers(t)
	for _, user := range []string{"u1", "u2"} {
		mail.SetToken(user, "")
	}
	login.Issued = func(token string) {
		for _, user := range []string{"u0", "u1", "u2"} {
			mail.SetToken(user, token)
		}
	}
	path := apptest.TokenConfig(t, mail, t.TempDir(), append(apptest.ClientCredentials(login, login.ClientSecret), "auth: xoauth2")...)
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
	if o, log := apptest.Once(t, path, ""); !wentWell(o) {
		t.Fatalf("%+v\n%s", o, log)
	}
	if n := len(login.Requests()); n != 1 {
		t.Errorf("%d requests for a token, want 1", n)
	}
}
