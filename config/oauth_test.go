package config

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// loadAccounts loads a configuration of the given lines after output and state.
func loadAccounts(t *testing.T, text string) []Account {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "attachd.yaml"), "output: o\nstate: s\n"+text)
	c, _, err := Load(filepath.Join(dir, "attachd.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return c.Accounts
}

func TestLoadOAuth(t *testing.T) {
	t.Parallel()
	accounts := loadAccounts(t, `
defaults:
  host: outlook.office365.com
  auth: xoauth2
  oauth: {provider: microsoft, grant: client_credentials, tenant: example.com, client_id: app, client_secret: hunter2}
accounts:
  - {name: defaults, username: a}
  - {name: tenant, username: b, oauth: {tenant: other.example, client_secret_env: HOME}}
  - {name: provider, username: c, oauth: {provider: google, client_id: g}}
  - {name: device, username: d, oauth: {provider: microsoft, grant: device_code, client_id: m}}
  - name: custom
    username: e
    auth: oauthbearer
    oauth:
      provider: custom
      grant: authorization_code
      client_id: x
      token_url: http://localhost:8080/token
      auth_url: https://login.example/auth
      scopes: [mail, offline_access]
  - {name: command, username: f, token_command: [./tool, x], token_lifetime: 1h}
  - {name: password, username: g, auth: pass, password: p}
  - {name: service, username: h, oauth: {provider: google, grant: service_account, key_file: /nowhere/key.json}}
`)
	microsoft := func(tenant, leaf string) ServerURL {
		return ServerURL("https://login.microsoftonline.com/" + tenant + "/oauth2/v2.0/" + leaf)
	}
	delegated := "https://outlook.office.com/POP.AccessAsUser.All offline_access"
	client := InlineSecret("hunter2").as(ofClient)
	for i, want := range []OAuth{
		{ProviderMicrosoft, GrantClientCredentials, "example.com", "app", client, microsoft("example.com", "token"), microsoft("example.com", "authorize"), microsoft("example.com", "devicecode"), "https://outlook.office365.com/.default", SecretRef{}},
		{ProviderMicrosoft, GrantClientCredentials, "other.example", "app", EnvSecret("HOME").as(ofClient), microsoft("other.example", "token"), microsoft("other.example", "authorize"), microsoft("other.example", "devicecode"), "https://outlook.office365.com/.default", SecretRef{}},
		{ProviderGoogle, GrantAuthorizationCode, "", "g", SecretRef{}, "https://oauth2.googleapis.com/token", "https://accounts.google.com/o/oauth2/v2/auth", "https://oauth2.googleapis.com/device/code", "https://mail.google.com/", SecretRef{}},
		{ProviderMicrosoft, GrantDeviceCode, "common", "m", SecretRef{}, microsoft("common", "token"), microsoft("common", "authorize"), microsoft("common", "devicecode"), delegated, SecretRef{}},
		{ProviderCustom, GrantAuthorizationCode, "", "x", SecretRef{}, "http://localhost:8080/token", "https://login.example/auth", "", "mail offline_access", SecretRef{}},
		{},
		{},
		{ProviderGoogle, GrantServiceAccount, "", "", SecretRef{}, "https://oauth2.googleapis.com/token", "https://accounts.google.com/o/oauth2/v2/auth", "https://oauth2.googleapis.com/device/code", "https://mail.google.com/", FileSecret("/nowhere/key.json").as(ofKey).lines()},
	} {
		if diff := cmp.Diff(want, accounts[i].OAuth, cmp.Comparer(func(a, b SecretRef) bool { return a == b })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", accounts[i].Name, diff)
		}
	}
	command := accounts[5]
	if got := command.Token.String(); got != "token_command tool" || command.TokenLifetime != time.Hour || !filepath.IsAbs(command.Token.value()[:strings.Index(command.Token.value(), "\x00")]) {
		t.Errorf("token_command: %s, %v", got, command.TokenLifetime)
	}
	if !accounts[6].Token.IsZero() || accounts[0].OAuth.AuthParams().Encode() != "" || accounts[2].OAuth.AuthParams().Encode() != "access_type=offline&prompt=consent" {
		t.Error("an account has what is not its own")
	}
	if out := fmt.Sprintf("%v %+v %#v", accounts, accounts, accounts[0].OAuth); strings.Contains(out, "hunter2") || !strings.Contains(out, "client_secret <secret>") {
		t.Errorf("prints the client secret: %s", out)
	}
}

// TestTokenCommandGivesAll resolves to the whole output, where a password_command gives the first
// line.
func TestTokenCommandGivesAll(t *testing.T) {
	t.Parallel()
	got, err := TokenCommand("printf", `{\n "access_token": "x"\n}\n`).Resolve(context.Background())
	if err != nil || string(got) != "{\n \"access_token\": \"x\"\n}\n" {
		t.Errorf("got %q, %v", string(got), err)
	}
	if _, err := TokenCommand("false").Resolve(context.Background()); err == nil || !strings.HasPrefix(err.Error(), "read token_command false: ") {
		t.Errorf("got %v", err)
	}
	big := fmt.Sprintf("head -c %d /dev/zero", maxSecretBytes+1)
	if _, err := TokenCommand("sh", "-c", big).Resolve(context.Background()); err == nil || !strings.Contains(err.Error(), "its output is too long") {
		t.Errorf("got %v", err)
	}
}

func TestLoadProxy(t *testing.T) {
	t.Parallel()
	accounts := loadAccounts(t, `
defaults: {host: h, proxy: "socks5h://u:hunter2%40@proxy.example:1080"}
accounts:
  - {name: a, username: a, password: p}
  - {name: b, username: b, password: p, proxy: direct}
  - {name: c, username: c, password: p, proxy: "http://u@[::1]:8080/"}
  - {name: d, username: d, password: p, host: localhost, tls: {mode: none}}
`)
	for i, want := range []string{"socks5://<secret>@proxy.example:1080", "direct", "http://<secret>@[::1]:8080", "direct"} {
		p := accounts[i].Proxy
		out := fmt.Sprintf("%v %+v %#v %s %x", p, p, p, p, p) + fmt.Sprintf("%v %+v %#v", struct{ p Proxy }{p}, accounts, &accounts[i])
		text, _ := p.MarshalText()
		if p.String() != want || string(text) != want || strings.Contains(out, "hunter2") || strings.Contains(out, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("proxy %d: got %s, want %s, in all forms:\n%s", i, p, want, out)
		}
	}
	if p := accounts[0].Proxy; string(p.Password()) != "hunter2@" || p.Username != "u" || p.Addr != "proxy.example:1080" {
		t.Errorf("got %q, %q, %q", string(p.Password()), p.Username, p.Addr)
	}
	if accounts[1].Proxy != accounts[3].Proxy || accounts[0].Proxy == accounts[2].Proxy {
		t.Error("proxies do not compare by what they are")
	}
}
