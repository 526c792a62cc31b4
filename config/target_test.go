package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConcerns(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		patterns, account string
		want              bool
	}{
		{"", "anything", true},
		{"orders", "orders", true},
		{"orders", "order", false},
		{"order", "orders", false},
		{"Orders", "oRDERS", true},
		{"*", "", true},
		{"a*", "a", true},
		{"a*", "ba", false},
		{"*a", "bba", true},
		{"*ab*ab", "abab", true},
		{"*ab*ab", "abaab", true},
		{"*ab*ab", "aab", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"?", "é", true},
		{"b c", "c", true},
		{"b c", "d", false},
		{"[a]", "a", false},
		{"a.c", "abc", false},
		{strings.Repeat("*a", 30) + "b", strings.Repeat("a", 90), false},
	} {
		target := Target{Accounts: strings.Fields(test.patterns)}
		if got := target.Concerns(test.account); got != test.want {
			t.Errorf("%q and %q: got %t", test.patterns, test.account, got)
		}
	}
}

// TestTargets: a target has what its section says and the defaults, and says what it is.
func TestTargets(t *testing.T) {
	t.Parallel()
	c, _ := load1(t, `
output: o
state: s
notify:
  to:
    - mail: {host: smtp.example.org, username: u, password: p, from: Attachd <a@example.org>, to: [b@example.org, c@example.org]}
    - mail: {host: localhost, tls: none, from: a@example.org, to: b@example.org}
    - mail: {host: smtp.example.org, tls: starttls, from: a@example.org, to: b@example.org}
    - ntfy: {url: https://ntfy.sh/topic}
      accounts: [a]
    - ntfy: {url_env: HOME, token: t}
    - webhook: {url: http://localhost:8080/x, format: slack, headers: {x-b: "2", x-a: "1"}}
    - webhook: {url: https://example.org/x}
    - shoutrrr: {url: "telegram://t@telegram?chats=1"}
accounts: [{name: a, host: h, username: u, password: p}]
`[1:])
	password := InlineSecret("p")
	want := []Target{
		{Mail: &MailTarget{Host: "smtp.example.org", Port: 465, TLS: TLSImplicit, Username: "u", Password: password, From: "Attachd <a@example.org>", To: []string{"b@example.org", "c@example.org"}}},
		{Mail: &MailTarget{Host: "localhost", Port: 25, TLS: TLSNone, From: "a@example.org", To: []string{"b@example.org"}}},
		{Mail: &MailTarget{Host: "smtp.example.org", Port: 587, TLS: TLSStartTLS, From: "a@example.org", To: []string{"b@example.org"}}},
		{Ntfy: &NtfyTarget{URL: InlineSecret("https://ntfy.sh/topic").as(ofURL)}, Accounts: []string{"a"}},
		{Ntfy: &NtfyTarget{URL: EnvSecret("HOME").as(ofURL), Token: InlineSecret("t").as(ofToken)}},
		{Webhook: &WebhookTarget{URL: InlineSecret("http://localhost:8080/x").as(ofURL), Format: FormatSlack, Headers: []Header{{"X-A", "1"}, {"X-B", "2"}}}},
		{Webhook: &WebhookTarget{URL: InlineSecret("https://example.org/x").as(ofURL), Format: FormatGeneric}},
		{Shoutrrr: &ShoutrrrTarget{URL: InlineSecret("telegram://t@telegram?chats=1").as(ofURL)}},
	}
	var said []string
	for i := range c.Notify.To {
		said = append(said, c.Notify.To[i].Place+": "+c.Notify.To[i].String())
		c.Notify.To[i].Place = ""
	}
	equal := cmp.Comparer(func(a, b SecretRef) bool { return a == b })
	if diff := cmp.Diff(want, c.Notify.To, equal); diff != "" {
		t.Errorf("targets differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"attachd.yaml:5: mail to b@example.org, c@example.org by smtp.example.org:465",
		"attachd.yaml:6: mail to b@example.org by localhost:25",
		"attachd.yaml:7: mail to b@example.org by smtp.example.org:587",
		"attachd.yaml:8: ntfy at ntfy.sh",
		"attachd.yaml:10: ntfy by url_env",
		"attachd.yaml:11: slack webhook at localhost",
		"attachd.yaml:12: generic webhook at example.org",
		"attachd.yaml:13: shoutrrr for telegram",
	}, said); diff != "" {
		t.Errorf("words differ (-want +got):\n%s", diff)
	}
}

// TestServicesWarn has what is odd about page, pings and notices, and can be used.
func TestServicesWarn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "nourl"), "not a URL")
	write(t, filepath.Join(dir, "open"), strings.Repeat("x", 40))
	try(t, os.Chmod(filepath.Join(dir, "open"), 0o644))
	write(t, filepath.Join(dir, "attachd.yaml"), `output: out
state: db
http:
  listen: [192.0.2.1:9110, localhost:0]
  token_file: open
ping_file: nourl
notify:
  to:
    - ntfy: {url_env: ATTACHD_TEST_NONE, token_file: none}
      accounts: [a, nobody*]
    - mail: {host: relay.example, tls: none, from: a@example.org, to: a@example.org}
    - webhook: {url_command: [./none], headers: {X: 1}}
    - webhook: {url: http://hooks.example/x}
    - webhook: {url: http://127.0.0.1/x}
accounts:
  - {name: a, host: h, username: a, password_command: [env], ping: http://ping.example/x}
`)
	const want = `
warning (plaintext): attachd.yaml:4:12: http.listen[0]: the page and its token go over the net in the clear, unless a proxy in front of it has TLS; cert_file and key_file give it TLS of its own
warning (secret-exposed): attachd.yaml:5:15: http.token_file: open holds a secret and is readable by everyone on this machine (mode 0644)
warning (unreadable): attachd.yaml:6:12: ping_file: what it holds is no URL such as https://example.org/…
warning (unreadable): attachd.yaml:9:23: notify.to[0].ntfy.url_env: the variable is not set, so there is no URL
warning (unreadable): attachd.yaml:9:54: notify.to[0].ntfy.token_file: none cannot be used: no such file or directory
warning (odd-pattern): attachd.yaml:10:21: notify.to[0].accounts[1]: takes the name of no account: "nobody*"
warning (plaintext): attachd.yaml:11:40: notify.to[1].mail.tls: notices go to "relay.example" in the clear
warning (unreadable): attachd.yaml:12:30: notify.to[2].webhook.url_command: none cannot be run: no such file or directory
warning (plaintext): attachd.yaml:13:22: notify.to[3].webhook.url: the URL, which is a key, goes over the net in the clear: write https:// if the server has it
warning (plaintext): attachd.yaml:16:68: accounts[0].ping: the URL, which is a key, goes over the net in the clear: write https:// if the server has it
`
	if diff := cmp.Diff(want[1:], messages(dir, "attachd.yaml")); diff != "" {
		t.Errorf("warnings differ (-want +got):\n%s", diff)
	}
}

// TestHTTP: what the page's section comes to, and when the metrics are open.
func TestHTTP(t *testing.T) {
	t.Parallel()
	const rest = "output: o\nstate: s\naccounts: [{name: a, host: h, username: u, password: p}]\n"
	token := strings.Repeat("x", MinToken)
	for text, want := range map[string]HTTP{
		"":      {NeedsYouAfter: DefaultNeedsYouAfter, Search: true, MetricsOpen: true},
		"http:": {NeedsYouAfter: DefaultNeedsYouAfter, Search: true, MetricsOpen: true},
		"http: {listen: LocalHost:1, needs_you_after: 2h, search: false, pprof: true}": {
			Listen: []string{"LocalHost:1"}, NeedsYouAfter: DefaultNeedsYouAfter / 12, PProf: true, MetricsOpen: true,
		},
		"http: {listen: ['[::]:1', 'unix:///x//y'], token: " + token + ", hosts: A.example.}": {
			Listen: []string{"[::]:1", "unix:/x/y"}, Token: InlineSecret(Secret(token)).as(ofToken), Hosts: []string{"a.example"},
			NeedsYouAfter: DefaultNeedsYouAfter, Search: true,
		},
		"http: {listen: ':1', token: " + token + ", metrics: open}": {
			Listen: []string{":1"}, Token: InlineSecret(Secret(token)).as(ofToken), NeedsYouAfter: DefaultNeedsYouAfter, Search: true, MetricsOpen: true,
		},
	} {
		c, _ := load1(t, rest+text+"\n")
		got := c.HTTP
		got.Files = Fingerprint{}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b SecretRef) bool { return a == b }), cmp.Comparer(func(a, b Fingerprint) bool { return a == b })); diff != "" {
			t.Errorf("%q differs (-want +got):\n%s", text, diff)
		}
	}
	for listen, want := range map[string]bool{
		"unix:/x": true, "localhost:1": true, "LOCALHOST:1": true, "127.9.9.9:1": true, "[::1]:1": true, "[::ffff:127.0.0.1]:1": true,
		":1": false, "0.0.0.0:1": false, "[::]:1": false, "192.0.2.1:1": false, "localhost.example:1": false, "127.0.0.1.example:1": false, "x": false,
	} {
		if IsLocal(listen) != want {
			t.Errorf("%s: local is %t", listen, !want)
		}
	}
}
