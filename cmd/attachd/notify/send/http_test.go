package send_test

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/cmd/attachd/notify/outbound"
	"github.com/attachd/attachd/cmd/attachd/notify/send"
	"github.com/attachd/attachd/config"
)

// call is what a server of a test got.
type call struct {
	path, body string
	header     http.Header
}

// receive sends a notice to a real server and returns what came.
func receive(t *testing.T, n *send.Notice, target func(url config.SecretRef) config.Target) call {
	t.Helper()
	var got call
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = call{r.Method + " " + r.URL.String(), string(body), r.Header}
	}))
	defer server.Close()
	o := send.Options{Client: outbound.New(server.Client().Transport)}
	if err := send.New(target(config.InlineSecret(config.Secret(server.URL+"/"+canary+"?k="+canary))), o).Send(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if got.path != "POST /"+canary+"?k="+canary {
		t.Errorf("%q was asked for", got.path)
	}
	if strings.Contains(got.body, canary) {
		t.Errorf("the body has a secret:\n%s", got.body)
	}
	return got
}

// post sends a notice to a webhook and returns the JSON that came.
func post(t *testing.T, format config.WebhookFormat, n *send.Notice) map[string]any {
	t.Helper()
	got := receive(t, n, func(url config.SecretRef) config.Target {
		return config.Target{Webhook: &config.WebhookTarget{URL: url, Format: format, Headers: []config.Header{{Name: "X-Key", Value: canary}}}}
	})
	if got.header.Get("X-Key") != canary || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("header %v", got.header)
	}
	if strings.ContainsAny(got.body, "\x1b\u202e") {
		t.Errorf("the body is not safe to print: %q", got.body)
	}
	var body map[string]any
	if err := json.Unmarshal([]byte(got.body), &body); err != nil {
		t.Fatal(err)
	}
	return body
}

// TestNtfy: the notice is text, and its title a header field, whatever a stranger said.
func TestNtfy(t *testing.T) {
	t.Parallel()
	n := notice()
	n.Items[0].Heading = "Anmeldung verweigert – nein\r\nX-Evil: 1"
	got := receive(t, n, func(url config.SecretRef) config.Target {
		return config.Target{Ntfy: &config.NtfyTarget{URL: url, Token: config.InlineSecret(canary)}}
	})
	title, err := new(mime.WordDecoder).DecodeHeader(got.header.Get("Title"))
	if want := `Anmeldung verweigert – nein\r\nX-Evil: 1: mx.example:995, 14 accounts`; err != nil || title != want {
		t.Errorf("the title is %q, %v, want %q", title, err, want)
	}
	for name, want := range map[string]string{"Priority": "4", "Tags": "rotating_light", "Click": "https://attachd.example/", "Authorization": "Bearer " + canary, "X-Evil": "", "Markdown": ""} {
		if got := got.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	checkText(t, strings.Replace(got.body, `Anmeldung verweigert – nein\r\nX-Evil: 1`, "Login refused", 1))
	n.Items[0].Said = []string{strings.Repeat("ä", 5000)}
	n.Items[0].Event = send.End
	n.Items[0].Ended = at
	n.Items[0].Accounts = []string{strings.Repeat("ä", 5000)}
	if got := receive(t, n, func(url config.SecretRef) config.Target { return config.Target{Ntfy: &config.NtfyTarget{URL: url}} }); len(got.body) > 4096 ||
		!strings.HasSuffix(got.body, "ä…\n") || got.header.Get("Priority") != "2" || got.header.Get("Authorization") != "" {
		t.Errorf("%d bytes, header %v", len(got.body), got.header)
	}
}

// TestGeneric: the JSON is what the package comment says.
func TestGeneric(t *testing.T) {
	t.Parallel()
	got := post(t, config.FormatGeneric, notice())
	checkText(t, got["text"].(string))
	delete(got, "text")
	want := map[string]any{
		"version": 1.0, "id": "0123456789ab", "at": "2026-11-27T14:29:03+01:00", "machine": "box", "title": "Login refused: mx.example:995, 14 accounts",
		"needs_you": true, "dropped": 0.0, "page": "https://attachd.example/", "test": false, "cases_more": 0.0,
		"cases": []any{map[string]any{
			"event": "begin", "key": "login_refused/login/mx.example:995", "class": "login_refused", "heading": "Login refused", "needs_you": true,
			"host": "mx.example:995", "accounts": []any{"hans", "eva"}, "accounts_more": 12.0, "said": []any{evil},
			"meaning": "The server does not take the password.", "todo": "Put the right password into the file.",
			"since": "2026-11-27T12:29:03+01:00", "ended": nil, "next": "2026-11-27T14:37:03+01:00",
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	got = post(t, config.FormatGeneric, &send.Notice{At: at, Machine: "box", Test: true})
	if got["test"] != true || cmp.Diff([]any{}, got["cases"]) != "" || !strings.HasPrefix(got["text"].(string), "This notice is a test") {
		t.Errorf("a test is %v", got)
	}
}

// TestSlack: no markup, link or mention of a stranger works.
func TestSlack(t *testing.T) {
	t.Parallel()
	n := notice()
	n.Items[0].Accounts[1] = "<@U1> *e*`v`a"
	got := post(t, config.FormatSlack, n)
	text, _ := got["text"].(string)
	if len(got) != 1 || strings.ContainsAny(text, "<>") || strings.Contains(text, "@everyone") {
		t.Errorf("got %v", got)
	}
	for i, part := range strings.Split(text, "`") { // outside of code is every other part
		if i%2 == 0 && strings.ContainsAny(strings.ReplaceAll(text[:0]+part, "*Login refused: mx.example:995, 14 accounts*", ""), "*_~&") {
			t.Errorf("outside of code is %q in\n%s", part, text)
		}
	}
	for _, want := range []string{"*Login refused: mx.example:995, 14 accounts*\n", "Accounts: `hans`, `&lt;@U1&gt; *e*'v'a` and 12 more\n", "```\n-ERR &lt;b&gt;\\x1b[31mno\\u202e"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	n.Items[0].Said = []string{strings.Repeat("x", 50000)}
	if text := post(t, config.FormatSlack, n)["text"].(string); len(text) > 31000 || strings.Count(text, "```") != 2 {
		t.Errorf("%d bytes, and the code ends %d times", len(text), strings.Count(text, "```")-1)
	}
}
