package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// everyKey has every key, and c4nary in every secret.
const everyKey = `
output: /o
state: /s
interval: 1m
jitter: 1s
max_concurrent: 7
max_per_host: 7
file_mode: "0600"
folder_mode: "2770"
group: scans
log: {level: info, format: json}
limits: {header_size: 1MiB, header_fields: 7, depth: 7, parts: 7, attachments: 7, total_size: 1GiB, containers: 7, expansion: 7}
accounts_dir: accounts.d
http:
  listen: 0.0.0.0:9110
  token: c4nary-c4nary-c4nary-c4nary-c4nary
  hosts: [a.example]
  cert_file: page.pem
  key_file: page.key
  needs_you_after: 1h
  search: false
  pprof: true
  metrics: token
metrics: {per_account: always}
history: {path: /h, items: 5000, keep: 30d}
ping: http://u:c4nary@a.example/c4nary?c4nary
notify:
  after: 1h
  remind: 1d
  disk_below: 1GiB
  certificate_before: 7d
  to:
    - mail: {host: h.example, port: 25, tls: implicit, ca_file: ca.pem, username: u, password: c4nary, from: a@example.org, to: b@example.org}
      accounts: [all]
    - ntfy: {url: http://a.example/c4nary, token: c4nary}
    - webhook:
        url: http://u:c4nary@a.example/c4nary
        format: slack
        headers:
          Authorization: Bearer c4nary
          X-Key: c4nary
    - shoutrrr: {url: "telegram://c4nary@telegram"}
defaults:
  host: h.example
  oauth: {provider: custom, client_secret: c4nary, token_url: "https://d.example/t?sig=c4nary"}
  proxy: socks5://u:c4nary@proxy.example:1080
accounts:
  - name: all
    enabled: true
    port: 995
    username: u1
    auth: xoauth2
    oauth:
      provider: custom
      grant: authorization_code
      client_id: i
      client_secret: c4nary
      token_url: https://a.example/t?sig=c4nary
      auth_url: https://a.example/a?sig=c4nary
      device_url: https://a.example/d?sig=c4nary
      scopes: [x]
    tls: {mode: implicit, ca_file: ca.pem, server_name: s.example, insecure_skip_verify: true, min_version: "1.3", cert_file: c.pem, key_file: k.pem, pin_sha256: [` + pinText + `]}
    timeouts: {dial: 1s, tls: 1s, greeting: 1s, reply: 1s, idle: 1s, session: 1m}
    interval: 2m
    output: other
    file_mode: "0660"
    folder_mode: "0770"
    group: 1001
    start: now
    mail_within: 7d
    ping: https://a.example/c4nary
    after: delete
    delete: all
    delete_after: 1d
    duplicates: skip
    attempts: 2
    quarantine: {max_age: 30d, max_bytes: 1GiB}
    max_message_size: 1MiB
    oversize: raw
    max_messages: 5
    max_bytes: 1GiB
    commit_deletions: 5
    min_free: 1GiB
    uidl_change: fetch
    include: ["*.pdf"]
    exclude: [{to: "*@example.org"}]
    inline_images: none
    path: "{{.Name}}"
    sidecar: true
    raw: always
    rtf_body: true
    noise: drop
    extension: add
    nested_messages: true
    proxy: http://u:c4nary@proxy.example:1080
  - {name: password, username: u2, password: c4nary, proxy: "http://c4nary@proxy.example:3128"}
  - {name: command, username: u3, password_command: [env, c4nary]}
  - {name: token, username: u4, auth: oauthbearer, token_command: [env, c4nary], token_lifetime: 1m}
  - {name: google, username: u5, auth: xoauth2, oauth: {provider: google, grant: service_account, key_file: key.json}}
`

const pinText = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// everyKeyIn writes everyKey and what it refers to, for everyone to read, and returns its path.
func everyKeyIn(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	try(t, os.Mkdir(filepath.Join(dir, "accounts.d"), 0o700))
	path := filepath.Join(dir, "attachd.yaml")
	write(t, path, text)
	try(t, os.Chmod(path, 0o644))
	return path
}

// TestCanary plants a secret in every field for one and looks for it in all that is said and shown
// of the configuration.
func TestCanary(t *testing.T) {
	t.Parallel()
	c, warnings, err := Load(everyKeyIn(t, everyKey))
	try(t, err)
	said := fmt.Sprint(warnings)
	settings := c.Settings()
	for _, a := range c.Accounts {
		settings = append(settings, c.AccountSettings(a.Name)...)
	}
	said += fmt.Sprintf("%+v", settings)
	for _, to := range c.Notify.To {
		said += to.String()
		said += everyForm(t, to)
	}
	for _, v := range []any{c, *c, c.HTTP, c.Notify, c.Ping, c.Accounts, c.Accounts[0].Proxy, c.Notify.To[2].Webhook.Headers} {
		said += everyForm(t, v)
	}
	type hiding struct {
		h HTTP
		n []Target
		p SecretRef
	}
	said += fmt.Sprintf("%v %+v", hiding{c.HTTP, c.Notify.To[:2], c.Ping}, hiding{p: c.Accounts[0].Ping})
	for _, form := range []string{"c4nary", fmt.Sprintf("%x", "c4nary"), fmt.Sprintf("%X", "c4nary"), strings.Trim(fmt.Sprint([]byte("c4nary")), "[]")} {
		if i := strings.Index(said, form); i >= 0 {
			t.Errorf("a secret is shown: …%s…", said[max(0, i-200):min(len(said), i+50)])
		}
	}
	if got := strings.Count(fmt.Sprint(warnings), "in the clear"); got != 3 {
		t.Errorf("%d warnings of what goes in the clear: %v", got, warnings)
	}
}

// TestCanaryInErrors makes a mistake in each line that holds a secret, in many ways, and looks for
// the secret in what is said of it.
func TestCanaryInErrors(t *testing.T) {
	t.Parallel()
	mistakes := map[string]func(line string) string{
		"two lines": func(s string) string { return strings.Replace(s, "c4nary", "c4nary\n    c4nary", 1) },
		"no blank":  func(s string) string { return strings.Replace(s, ": ", ":", 1) },
		"no blanks": func(s string) string { return strings.ReplaceAll(s, ": ", ":") },
		"a list":    func(s string) string { return regexp.MustCompile(`: (\S*c4nary\S*)`).ReplaceAllString(s, ": [$1]") },
		"a mapping": func(s string) string { return regexp.MustCompile(`: (\S*c4nary\S*)`).ReplaceAllString(s, ": {$1: 1}") },
		"a tag":     func(s string) string { return strings.Replace(s, ": ", ": !", 1) },
		"an alias":  func(s string) string { return regexp.MustCompile(`: (\S*c4nary)`).ReplaceAllString(s, ": *$1") },
		"a quote":   func(s string) string { return strings.Replace(s, "c4nary", `"c4nary`, 1) },
		"twice":     func(s string) string { return s + "\n" + s },
		"wrong key": func(s string) string {
			return strings.NewReplacer("url:", "urls:", "token:", "tokens:", "ping:", "pings:", "password:", "passwort:", "X-Key:", "X Key:").Replace(s)
		},
		"wrong URL": func(s string) string {
			return strings.NewReplacer("http://", "htp:/", "https://", "", "socks5://", "sock5://", "telegram://", "").Replace(s)
		},
		"odd byte": func(s string) string { return strings.Replace(s, "c4nary", "c4nary\x01", 1) },
		"escape":   func(s string) string { return strings.Replace(s, "c4nary", `"c4nary\q"`, 1) },
		"two sources": func(s string) string {
			return regexp.MustCompile(`(password|token|url|ping|secret): `).ReplaceAllString(s, "${1}_env: X, $1: ")
		},
		"short":         func(s string) string { return strings.ReplaceAll(s, "c4nary-", "") },
		"line end":      func(s string) string { return strings.Replace(s, "Bearer c4nary", `"Bearer c4nary\r\n"`, 1) },
		"wrong percent": func(s string) string { return strings.ReplaceAll(s, "c4nary", "c4nary%zz") },
		"wrong port":    func(s string) string { return strings.ReplaceAll(s, ".example/", ".example:c4nary/") },
	}
	lines := strings.Split(everyKey, "\n")
	refused := 0
	for name, mistake := range mistakes {
		for i, line := range lines {
			if !strings.Contains(line, "c4nary") {
				continue
			}
			broken := append(append(append([]string(nil), lines[:i]...), mistake(line)), lines[i+1:]...)
			_, warnings, err := Load(everyKeyIn(t, strings.Join(broken, "\n")))
			if err != nil {
				refused++
			}
			if said := fmt.Sprint(warnings, err); strings.Contains(said, "c4nary") {
				t.Errorf("%s in %q is said: %s", name, line, said)
			}
		}
	}
	if refused < 100 {
		t.Errorf("only %d files were refused", refused)
	}
}
