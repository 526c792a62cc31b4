package web_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/attachd/attachd/cmd/attachd/web"
	"github.com/attachd/attachd/cmd/attachd/web/webtest"
	"github.com/attachd/attachd/cmd/attachd/words"
	"github.com/attachd/attachd/config"
)

// configured has the site show a configuration file with these lines for its accounts.
func configured(t testing.TB, text string) func(*web.Options) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "attachd.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return func(o *web.Options) { o.Config = func() *config.Config { return c } }
}

const someConfig = `
output: out
state: state.db
defaults:
  exclude: [{type: image/*, max_size: 20KiB}]
accounts:
  - {name: orders, host: mail.shop.example.org, username: orders@shop.example.org, password: orders-password, interval: 2m}
  - {name: invoices, host: pop.example.org, username: invoices@example.org, password: invoices-password}
`

// machineKeys are the keys of JSON whose values are for programs: a page says them in other words,
// in its links, or by a shape.
var machineKeys = []string{
	"key", "class", "id", "start", "tone", "kind", "host", "step", "where", "link", "next", "previous", "sort", "state", "since", "last", "first", "over",
	"at", "worked", "polled", "times", "said", "config", "loaded", "failed", "subject", "sender_name", "interval", "output",
}

// TestTwins: what the API says of a view stands on its page as well.
func TestTwins(t *testing.T) {
	t.Parallel()
	rich := webtest.Rich()
	rich.Machine.Config.Failed, rich.Machine.Config.Faults = webtest.Now, []string{"attachd.yaml:3:1: unknown key"}
	rich.Machine.Config.Warnings = []string{"attachd.yaml:4:1: others can read it"}
	w := newSite(t, rich, configured(t, someConfig))
	for _, target := range []string{
		"/", "/accounts", "/accounts?state=failing", "/accounts?q=example&sort=backlog", "/accounts/orders", "/accounts/invoices", "/accounts/press", "/config",
	} {
		page := strings.ToLower(html.UnescapeString(w.get(t, target)))
		var twin any
		if err := json.Unmarshal([]byte(w.get(t, "/api/v1"+target)), &twin); err != nil {
			t.Fatalf("%s: %v", target, err)
		}
		n := 0
		eachText(twin, "", func(key, text string) {
			if text == "" || slices.Contains(machineKeys, key) {
				return
			}
			n++
			if !strings.Contains(page, strings.ToLower(text)) { // a heading may go on in a sentence
				t.Errorf("%s: the page lacks %s: %q", target, key, text)
			}
		})
		if n < 2 {
			t.Errorf("%s: only %d texts to compare", target, n)
		}
		if !strings.Contains(page, `<a href="/api/v1`+target+`">this page as json</a>`) && !strings.Contains(target, "?") {
			t.Errorf("%s: no link to its twin", target)
		}
	}
}

// eachText calls fn for every text of a JSON value, with the key that it is below.
func eachText(v any, key string, fn func(key, text string)) {
	switch v := v.(type) {
	case map[string]any:
		for k, value := range v {
			eachText(value, k, fn)
		}
	case []any:
		for _, value := range v {
			eachText(value, key, fn)
		}
	case string:
		fn(key, v)
	case float64:
		if key == "times" || key == "affected" {
			fn("number", words.Number(int64(v)))
		}
	}
}

// TestUnchanged: who has a page or its twin already gets 304, until something else stands there. A
// moment that passed is nothing else.
func TestUnchanged(t *testing.T) {
	t.Parallel()
	c := &clock{now: webtest.Now}
	w := newSite(t, webtest.Fine(), func(o *web.Options) { o.Now = c.get })
	for _, target := range []string{"/", "/accounts", "/accounts/orders", "/config", "/api/v1/", "/api/v1/accounts"} {
		w.board.Set(webtest.Fine())
		answer, _ := w.do(request(t.Context(), http.MethodGet, target))
		tag := answer.Header.Get("ETag")
		c.put(time.Second)
		if answer, body := w.do(request(t.Context(), http.MethodGet, target, "If-None-Match", `"other", `+tag)); answer.StatusCode != http.StatusNotModified || body != "" {
			t.Errorf("%s: %s with %q", target, answer.Status, tag)
		}
		if answer, _ := w.do(request(t.Context(), http.MethodGet, target+"?done=polled", "If-None-Match", tag)); answer.StatusCode != http.StatusOK && !strings.HasPrefix(target, "/api/") {
			t.Errorf("%s with a message: %s", target, answer.Status)
		}
		w.board.Set(webtest.Rich())
		if strings.HasPrefix(target, "/api/") || target == "/" {
			if answer, _ := w.do(request(t.Context(), http.MethodGet, target, "If-None-Match", tag)); answer.StatusCode != http.StatusOK {
				t.Errorf("%s after a change: %s", target, answer.Status)
			}
		}
	}
}

// TestOnlyDrawingsAreHTML: no other function makes text that html/template does not escape.
func TestOnlyDrawingsAreHTML(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") || file == "plot.go" || file == "strip.go" {
			continue
		}
		for _, kind := range []string{"HTML", "HTMLAttr", "CSS", "JS", "JSStr", "URL", "Srcset"} {
			for _, use := range []string{"template." + kind + "(", "template." + kind + " ", "template." + kind + "\n"} {
				if strings.Contains(string(text), use) {
					t.Errorf("%s uses %q", file, use)
				}
			}
		}
		if strings.Contains(string(text), `"text/template"`) {
			t.Errorf("%s makes pages without escaping", file)
		}
	}
}

// TestSecrets: no secret of the configuration, and no token, stands in any answer or in the log.
func TestSecrets(t *testing.T) {
	t.Parallel()
	const canary = "canary-0123456789abcdef0123456789abcdef"
	w, _, _ := guarded(t, configured(t, strings.ReplaceAll(`
output: out
state: state.db
ping: https://hc-ping.example.org/CANARY
http: {listen: "127.0.0.1:9110", token: CANARY}
notify:
  to:
    - mail: {host: smtp.example.org, username: u, password: CANARY, from: a@example.org, to: [b@example.org]}
    - ntfy: {url: "https://ntfy.example.org/topic", token: CANARY}
    - webhook: {url: "https://hooks.example.org/CANARY", format: slack, headers: {X-Key: CANARY}}
accounts:
  - name: orders
    host: pop.example.org
    username: orders
    password: CANARY
    ping: https://hc-ping.example.org/CANARY
    proxy: socks5://user:CANARY@proxy.example.org:1080
  - name: invoices
    host: pop.example.org
    username: invoices
    auth: xoauth2
    oauth: {provider: microsoft, grant: client_credentials, client_id: 00000000-0000-0000-0000-000000000000, client_secret: CANARY, tenant: 00000000-0000-0000-0000-000000000000}
`, "CANARY", canary)), func(o *web.Options) { o.Token = (&secret{value: canary}).get })
	cookie := w.signIn(t, canary)
	bearer := []string{"Authorization", "Bearer " + canary}
	for _, target := range append(views("orders", "invoices"), "/attachments", "/attachments/1", "/quarantine") {
		for _, prefix := range []string{"", "/api/v1"} {
			answer, body := w.do(request(t.Context(), http.MethodGet, prefix+target, bearer...))
			for _, hidden := range []string{canary, cookie.Value} {
				if strings.Contains(body, hidden) || strings.Contains(headerText(answer.Header), hidden) {
					t.Errorf("%s%s shows a secret:\n%s", prefix, target, body)
				}
			}
		}
	}
	for _, target := range []string{"/accounts/orders/poll", "/config/reload", "/signin?token=" + canary, "/signout"} {
		w.do(post(t, target, nil, "Cookie", cookie.String()))
	}
	if strings.Contains(w.log.String(), canary) || strings.Contains(w.log.String(), cookie.Value) {
		t.Errorf("the log has a secret:\n%s", w.log)
	}
	if w.log.Len() == 0 {
		t.Error("nothing was logged")
	}
}

func headerText(h http.Header) string {
	var text strings.Builder
	_ = h.Write(&text) // a builder takes all
	return text.String()
}
