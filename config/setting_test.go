package config

import (
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shown writes settings as lines, with an = for a secret.
func shown(list []Setting) string {
	var b strings.Builder
	for _, s := range list {
		value, place := s.Value, s.Place
		if s.Secret {
			value = "="
		}
		if s.Own {
			place += " own"
		}
		fmt.Fprintf(&b, "%s: %s  %s\n", s.Key, value, place)
	}
	return regexp.MustCompile("  ?\n").ReplaceAllString(b.String(), "\n")
}

func TestSettings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "accounts.d", "office.yaml"), "username: o@example.org\nauth: xoauth2\noauth:\n  client_secret: c4nary\n")
	path := filepath.Join(dir, "attachd.yaml")
	write(t, path, `output: /out
state: /var/state.db
interval: 90s
http:
  listen: [127.0.0.1:9110, "unix:/run/attachd/http.sock"]
  token: c4nary-c4nary-c4nary-c4nary-c4nary
notify:
  to:
    - mail: {host: smtp.example.org, username: u, password_command: [pass, c4nary], from: a@example.org, to: ops@example.org}
    - webhook:
        url: https://example.org/c4nary
        headers: {authorization: Bearer c4nary}
      accounts: "off*"
accounts_dir: accounts.d
defaults:
  host: mx.example
  exclude: [{type: image/*, max_size: 20KiB}]
  oauth: {provider: microsoft, grant: device_code, client_id: x}
accounts:
  - name: hans
    username: "0815"
    password_file: secret
    proxy: socks5://u:c4nary@proxy.example:1080

    start: 30d
    include: ["*.pdf", {from: [a@b.example, "*@c.example"], inline: false}]
    path: '{{.Date.Format "2006/01"}}/{{.Name}}'
  - {name: plain, host: localhost, username: u, password_env: PW, tls: {mode: none}, after: delete, delete_after: 2w, ping: https://example.org/c4nary}
`)
	c, _, err := Load(path)
	try(t, err)
	text := shown(c.Settings())
	for _, name := range []string{"hans", "plain", "office"} {
		text += "\n" + c.AccountPlace(name) + "\n" + shown(c.AccountSettings(name))
	}
	if strings.Contains(text, "c4nary") {
		t.Errorf("a secret is shown")
	}
	golden := filepath.Join("testdata", "settings.txt")
	text = strings.ReplaceAll(text, dir, "DIR")
	if *update {
		write(t, golden, text)
	}
	if diff := cmp.Diff(read(t, golden), text); diff != "" {
		t.Errorf("settings differ (-want +got):\n%s", diff)
	}
	for key, want := range map[string]string{"exclude[0]": "attachd.yaml:17", "include[1]": "attachd.yaml:26", "noise": "", "interval": "attachd.yaml:3"} {
		if got := c.AccountKeyPlace("hans", key); got != want {
			t.Errorf("%s is at %q, want %q", key, got, want)
		}
	}
	if c.AccountSettings("nobody") != nil || c.AccountPlace("nobody") != "" {
		t.Error("an account that does not exist has settings")
	}
}

// TestSettingsAreComplete sets every key that there is and looks for it among the settings.
func TestSettingsAreComplete(t *testing.T) {
	t.Parallel()
	c, _, err := Load(everyKeyIn(t, everyKey))
	try(t, err)
	var have []string
	for _, s := range c.Settings() {
		have = append(have, s.Key)
	}
	for _, a := range c.Accounts {
		for _, s := range c.AccountSettings(a.Name) {
			have = append(have, s.Key)
			if s.Place == "" && a.Name == "all" && !slices.Contains([]string{"oauth.auth_url", "tls.mode"}, s.Key) {
				t.Errorf("account %s: %s has no place", a.Name, s.Key)
			}
		}
	}
	var want []string
	for _, section := range []struct {
		of     any
		prefix string
	}{
		{rawConfig{}, ""},
		{rawAccount{}, ""},
		{rawMailTarget{}, "notify.to[0].mail."},
		{rawNtfyTarget{}, "notify.to[1].ntfy."},
		{rawWebhookTarget{}, "notify.to[2].webhook."},
		{rawShoutrrrTarget{}, "notify.to[3].shoutrrr."},
	} {
		for _, l := range leavesOf(reflect.TypeOf(section.of), section.prefix, nil) {
			// A secret has one of five keys; a tenant is in the URLs; defaults are shown as the
			// file has them.
			if !regexp.MustCompile("^defaults|_(env|command|credential|file)$|tenant").MatchString(l.key) || l.key == "tls.ca_file" {
				want = append(want, l.key)
			}
		}
	}
	for _, key := range want {
		if !slices.ContainsFunc(have, func(k string) bool {
			return k == key || strings.HasPrefix(k, key+"[") || strings.HasPrefix(k, key+".") || strings.HasPrefix(k, key+"_")
		}) {
			t.Errorf("%s is no setting", key)
		}
	}
}

// TestSettingsHideUnknownTypes: a value of a type that nobody has allowed is not shown.
func TestSettingsHideUnknownTypes(t *testing.T) {
	t.Parallel()
	s := settingList{place: func(key string) Setting { return Setting{Key: key} }}
	for _, v := range []any{Secret("c4nary"), InlineSecret("c4nary"), struct{ S string }{"c4nary"}, []Secret{"c4nary"}, []byte("c4nary"), nil} {
		s.add("key", v)
	}
	for _, x := range s.out {
		if !x.Secret || x.Value != "" {
			t.Errorf("%+v is shown", x)
		}
	}
}

// TestShownDefaults keeps the defaults of other packages as the example file gives them.
func TestShownDefaults(t *testing.T) {
	t.Parallel()
	example := read(t, "../deploy/attachd.example.yaml")
	c := Config{Accounts: []Account{{Name: "a"}}}
	for _, s := range append(c.Settings(), c.AccountSettings("a")...) {
		section, key, _ := strings.Cut(s.Key, ".")
		if section != "limits" && section != "timeouts" {
			continue
		}
		if !regexp.MustCompile(`(?m)^ *# +` + key + `: ` + s.Value + `\b`).MatchString(example) {
			t.Errorf("%s: %s is not in the example", s.Key, s.Value)
		}
	}
}
