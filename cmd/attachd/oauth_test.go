package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/fetcher/oauth/oauthtest"
)

// watchedOutput hands on the first piece of output that matches, and keeps all.
type watchedOutput struct {
	pattern *regexp.Regexp
	found   chan string
	text    bytes.Buffer
}

func (w *watchedOutput) Write(p []byte) (int, error) {
	w.text.Write(p)
	if m := w.pattern.Find(w.text.Bytes()); m != nil && w.found != nil {
		w.found <- string(m)
		w.found = nil
	}
	return len(p), nil
}

// login runs `attachd oauth login` and lets person do what it asks for.
func signInAs(t *testing.T, config, pattern string, person func(found string), flags ...string) (code int, output string) {
	t.Helper()
	w := &watchedOutput{pattern: regexp.MustCompile(pattern), found: make(chan string, 1)}
	found := w.found
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case what := <-found:
			person(what)
		case <-ctx.Done():
		}
	}()
	code = run(append([]string{"oauth", "login", "lab", "--config", config}, flags...), strings.NewReader(""), w, w, app.Hooks{})
	cancel()
	<-done
	return code, w.text.String()
}

// TestOAuthLogin is the life of a sign-in: none, by browser, refreshed with rotation, revoked, by
// device code.
func TestOAuthLogin(t *testing.T) {
	t.Parallel()
	mail, login := apptest.TokenServers(t)
	login.Rotate, login.Lifetime, login.DeviceInterval = true, time.Minute, 1 // too short for a token to be used twice
	dir := t.TempDir()
	config := apptest.TokenConfig(t, mail, dir, "auth: oauthbearer", "oauth:", "  provider: custom", "  grant: authorization_code", "  client_id: attachd",
		"  client_secret: "+login.ClientSecret, "  token_url: "+login.TokenURL(), "  auth_url: "+login.AuthURL(), "  device_url: "+login.DeviceURL(), "  scopes: [mail, offline_access]")
	var all strings.Builder
	expect := func(name string, code, want int, output, text string) {
		t.Helper()
		all.WriteString(output)
		if code != want || !strings.Contains(output, text) {
			t.Fatalf("%s: exit code %d, want %d, and the output to hold %q:\n%s", name, code, want, text, output)
		}
	}
	fetch := func(name string, want int, text string) {
		t.Helper()
		code, log := once(t, config, "--log-level", "trace")
		expect(name, code, want, log, text)
	}
	status := func(name string, want int, text string) {
		t.Helper()
		out, code := attachd(t, "oauth", "status", "--config", config)
		expect(name, code, want, out, text)
	}

	fetch("no sign-in", exitTemporary, "account lab: get an access token: account needs a new sign-in: attachd oauth login lab (nobody has signed in with these settings)")
	status("no sign-in", exitTemporary, "account lab:  account needs a new sign-in: attachd oauth login lab")

	code, output := signInAs(t, config, `http://\S+/authorize\S+`, func(address string) {
		response, err := http.Get(address)
		if err != nil {
			t.Error(err)
			return
		}
		defer response.Body.Close()
		if page, _ := io.ReadAll(response.Body); !strings.Contains(string(page), "close this page") {
			t.Errorf("the page says %q", page)
		}
	})
	expect("sign-in by browser", code, exitOK, output, "sign in as u0")
	status("signed in", exitOK, "scopes mail offline_access")
	for range 3 {
		fetch("refreshed", exitOK, "OAUTHBEARER")
	}
	apptest.CheckNotes(t, filepath.Join(dir, "out", "lab"), 3)
	if fi, err := os.Stat(filepath.Join(dir, "state.db.tokens", "lab.json")); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the tokens are in a file of mode %v, %v", fi.Mode(), err)
	}

	login.Revoke()
	fetch("revoked", exitTemporary, "account needs a new sign-in: attachd oauth login lab ("+login.TokenURL()+" said: invalid_grant: ")
	requests := len(login.Requests())
	fetch("still revoked", exitTemporary, "account needs a new sign-in")
	if n := len(login.Requests()); n != requests {
		t.Errorf("the server was asked again with a token that it had refused")
	}
	status("revoked", exitTemporary, "invalid_grant")

	code, output = signInAs(t, config, "code [A-Z-]+", func(string) { login.Decide("approved") }, "--device")
	expect("sign-in by device code", code, exitOK, output, "enter the code WDJB-MJHT")
	fetch("signed in again", exitOK, "OAUTHBEARER")

	code, output = signInAs(t, config, "code [A-Z-]+", func(string) { login.Decide("access_denied") }, "--device")
	expect("denied", code, exitFailure, output, "sign in for account lab: "+login.TokenURL()+" said: access_denied")
	fetch("the older sign-in is kept", exitOK, "OAUTHBEARER")

	for _, secret := range login.Secrets() {
		if strings.Contains(all.String(), secret) {
			t.Errorf("some output holds %s:\n%s", secret, all.String())
		}
	}
}

func TestOAuthLoginOfOthers(t *testing.T) {
	t.Parallel()
	mail, login := apptest.TokenServers(t)
	dir := t.TempDir()
	for _, test := range []struct{ lines, account, want string }{
		{"password: x", "lab", "account lab needs no sign-in: it logs in with password <secret>"},
		{"auth: xoauth2\n    token_command: [oama, access, x]", "lab", "account lab needs no sign-in: it logs in with token_command oama"},
		{strings.Join(append(apptest.ClientCredentials(&oauthtest.Server{}, "x"), "auth: xoauth2"), "\n    "), "lab", "account lab needs no sign-in: it logs in with a token by client_credentials"},
		{"password: x", "labor", `the configuration has no account "labor"`},
	} {
		// http://login.test is no loopback address.
		config := apptest.TokenConfig(t, mail, dir, strings.ReplaceAll(test.lines, "http://login.test", login.URL()))
		for _, command := range []string{"login", "status"} {
			out, code := attachd(t, "oauth", command, test.account, "--config", config)
			switch {
			case command == "login" && (code != exitUsage || !strings.Contains(out, test.want)):
				t.Errorf("login: exit code %d, want the output to hold %q:\n%s", code, test.want, out)
			case command == "status" && test.account == "lab" && (code != exitOK || !strings.Contains(out, "needs no sign-in")):
				t.Errorf("status: exit code %d:\n%s", code, out)
			}
		}
	}
}
