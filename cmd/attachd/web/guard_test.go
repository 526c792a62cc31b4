package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/web"
	"github.com/attachd/attachd/cmd/attachd/web/webtest"
)

const token = "0123456789abcdef0123456789abcdef"

// secret is a token that can change.
type secret struct {
	mu    sync.Mutex
	value string
	err   error
}

func (s *secret) set(value string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value, s.err = value, err
}

func (s *secret) get(context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.value, s.err
}

// clock is a clock that is put on by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) get() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) put(on time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(on)
}

// guarded is a site that asks for the token.
func guarded(t *testing.T, change ...func(*web.Options)) (*site, *secret, *clock) {
	t.Helper()
	s, c := &secret{value: token}, &clock{now: webtest.Now}
	set := func(o *web.Options) { o.Token, o.Now = s.get, c.get }
	return newSite(t, webtest.Rich(), append([]func(*web.Options){set}, change...)...), s, c
}

// post makes a request as a browser sends a form of the page itself.
func post(t *testing.T, target string, form url.Values, headers ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost"+target, strings.NewReader(form.Encode()))
	r.RemoteAddr = "127.0.0.1:50000"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "http://localhost")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// signIn returns the cookie of a browser that signs in.
func (w *site) signIn(t *testing.T, given string) *http.Cookie {
	t.Helper()
	answer, body := w.do(post(t, "/signin", url.Values{"token": {given}, "next": {"/accounts"}}))
	if answer.StatusCode != http.StatusSeeOther || len(answer.Cookies()) != 1 || answer.Header.Get("Location") != "/accounts" {
		t.Fatalf("sign in: %s, %v\n%s", answer.Status, answer.Header, body)
	}
	return answer.Cookies()[0]
}

// TestToken: without the token nothing is shown or done; with it everything is, by each of the ways
// to give it.
func TestToken(t *testing.T) {
	t.Parallel()
	w, _, _ := guarded(t, func(o *web.Options) {
		o.Probes.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("metrics")) })
		o.Probes.Live, o.Probes.Profile = o.Probes.Metrics, true
	})
	for _, target := range append(views("orders"), "/events", "/metrics", "/debug/pprof/", "/attachments", "/quarantine") {
		answer, body := w.do(request(t.Context(), http.MethodGet, target))
		want := http.StatusSeeOther
		switch target {
		case "/signin":
			want = http.StatusOK
		case "/events", "/metrics":
			want = http.StatusUnauthorized
		}
		if answer.StatusCode != want || strings.Contains(body, "orders") && target != "/accounts/orders" {
			t.Errorf("GET %s: %s, want %d\n%s", target, answer.Status, want, body)
		}
	}
	for _, path := range []string{"/", "/status", "/accounts", "/accounts/orders", "/config"} {
		answer, body := w.do(request(t.Context(), http.MethodGet, "/api/v1"+path))
		if answer.StatusCode != http.StatusUnauthorized || answer.Header.Get("WWW-Authenticate") == "" || answer.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("GET /api/v1%s: %s %v\n%s", path, answer.Status, answer.Header, body)
		}
	}
	if answer, _ := w.do(request(t.Context(), http.MethodGet, "/livez")); answer.StatusCode != http.StatusOK {
		t.Errorf("/livez: %s", answer.Status)
	}
	if answer, _ := w.do(post(t, "/accounts/orders/poll", nil)); answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/signin" {
		t.Errorf("poll: %s", answer.Status)
	}
	if len(w.actions.polled) != 0 {
		t.Errorf("polled %q by somebody unknown", w.actions.polled)
	}
	cookie := w.signIn(t, token)
	w.get(t, "/accounts/orders", "Cookie", cookie.String())
	w.get(t, "/api/v1/accounts/orders", "Cookie", cookie.String())
	w.get(t, "/api/v1/accounts/orders", "Authorization", "Bearer "+token)
	w.get(t, "/metrics", "Authorization", "bearer "+token)
	if answer, _ := w.do(post(t, "/accounts/orders/poll", nil, "Cookie", cookie.String())); !strings.Contains(answer.Header.Get("Location"), "done=polled") {
		t.Errorf("poll: %s, %s", answer.Status, answer.Header.Get("Location"))
	}
	// The API takes no action from a cookie, which browsers send unasked.
	if answer, _ := w.do(post(t, "/api/v1/accounts/orders/poll", nil, "Cookie", cookie.String())); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("poll by the API with a cookie: %s", answer.Status)
	}
	if answer, body := w.do(request(t.Context(), http.MethodPost, "/api/v1/accounts/orders/poll", "Authorization", "Bearer "+token)); answer.StatusCode != http.StatusOK {
		t.Errorf("poll by the API: %s %s", answer.Status, body)
	}
	if len(w.actions.polled) != 2 {
		t.Errorf("polled %q, want orders twice", w.actions.polled)
	}
}

// TestCookie: its flags, without TLS and behind a proxy that has it, and that signing out ends it.
func TestCookie(t *testing.T) {
	t.Parallel()
	w, _, _ := guarded(t)
	cookie := w.signIn(t, token)
	if cookie.Name != "attachd" || !cookie.HttpOnly || cookie.Secure || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.MaxAge != 30*24*3600 || len(cookie.Value) < 43 {
		t.Errorf("%+v", cookie)
	}
	answer, _ := w.do(post(t, "/signin", url.Values{"token": {token}}, "X-Forwarded-Proto", "https"))
	if c := answer.Cookies()[0]; c.Name != "__Host-attachd" || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" {
		t.Errorf("%+v", c)
	}
	if answer, _ := w.do(post(t, "/signout", nil, "Cookie", cookie.String())); answer.Header.Get("Location") != "/signin" || answer.Cookies()[0].MaxAge >= 0 {
		t.Errorf("sign out: %s %v", answer.Status, answer.Cookies())
	}
	if answer, _ := w.do(request(t.Context(), http.MethodGet, "/", "Cookie", cookie.String())); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("after signing out: %s", answer.Status)
	}
}

// TestSessions: a session lasts over a restart and for 30 days, and ends with the token.
func TestSessions(t *testing.T) {
	t.Parallel()
	w, s, c := guarded(t)
	cookie := w.signIn(t, token).String()
	open := func(w *site) bool {
		answer, _ := w.do(request(t.Context(), http.MethodGet, "/accounts", "Cookie", cookie))
		return answer.StatusCode == http.StatusOK
	}
	again, _, _ := guarded(t, func(o *web.Options) { o.History, o.Now = w.history, c.get })
	if !open(w) || !open(again) {
		t.Error("the session is over, at once or with a restart")
	}
	other, _, _ := guarded(t, func(o *web.Options) {
		o.History = w.history
		o.Token = func(context.Context) (string, error) { return "another token of 32 bytes or more", nil }
	})
	if open(other) {
		t.Error("the session goes on with another token")
	}
	c.put(30*24*time.Hour - time.Second)
	if !open(w) {
		t.Error("the session is over before 30 days")
	}
	c.put(time.Second)
	if open(w) {
		t.Error("the session lasts longer than 30 days")
	}
	cookie = w.signIn(t, token).String()
	s.set("", errors.New("no such file"))
	c.put(time.Minute)
	if !open(w) {
		t.Error("the session is over because the token can't be read")
	}
	s.set("another token of 32 bytes or more", nil)
	c.put(time.Minute)
	if open(w) {
		t.Error("the session goes on with a new token")
	}
	w.signIn(t, "another token of 32 bytes or more")
	// A token that was changed just now is taken at once.
	s.set("yet another token of 32 bytes or more", nil)
	c.put(3 * time.Second)
	w.signIn(t, "yet another token of 32 bytes or more")
}

// TestThrottle: five wrong tokens in a minute, from one address, and even the right one is not
// looked at. Others are not held up.
func TestThrottle(t *testing.T) {
	t.Parallel()
	for name, try := range map[string]func(given, from string) *http.Request{
		"form": func(given, from string) *http.Request {
			return post(t, "/signin", url.Values{"token": {given}}, "X-Forwarded-For", "10.0.0.1, "+from)
		},
		"bearer": func(given, from string) *http.Request {
			return request(t.Context(), http.MethodGet, "/api/v1/", "Authorization", "Bearer "+given, "X-Forwarded-For", from)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _, c := guarded(t)
			is := func(given, from string, want ...int) {
				t.Helper()
				answer, _ := w.do(try(given, from))
				for _, code := range want {
					if answer.StatusCode == code {
						return
					}
				}
				t.Errorf("%s from %s: %s, want %v", given, from, answer.Status, want)
			}
			for range 5 {
				is("wrong", "192.0.2.1", http.StatusForbidden, http.StatusUnauthorized)
			}
			is("wrong", "192.0.2.1", http.StatusTooManyRequests)
			is(token, "192.0.2.1", http.StatusTooManyRequests)
			is(token, "192.0.2.2", http.StatusSeeOther, http.StatusOK)
			c.put(time.Minute)
			is(token, "192.0.2.1", http.StatusSeeOther, http.StatusOK)
			// One host has all of an IPv6 network.
			for i := range 5 {
				is("wrong", "2001:db8::"+string(rune('1'+i)), http.StatusForbidden, http.StatusUnauthorized)
			}
			is(token, "2001:db8::ffff", http.StatusTooManyRequests)
			is(token, "2001:db8:0:1::1", http.StatusSeeOther, http.StatusOK)
		})
	}
}

// TestForwarded: only a proxy on this machine may say who its client is.
func TestForwarded(t *testing.T) {
	t.Parallel()
	w, _, _ := guarded(t, func(o *web.Options) { o.Hosts = []string{"attachd.example.org"} })
	for i := range 6 {
		r := post(t, "/signin", url.Values{"token": {"wrong"}}, "X-Forwarded-For", "192.0.2."+string(rune('1'+i)), "X-Forwarded-Proto", "https", "Origin", "http://attachd.example.org")
		r.RemoteAddr, r.Host = "198.51.100.7:40000", "attachd.example.org"
		if answer, body := w.do(r); answer.StatusCode == http.StatusTooManyRequests != (i == 5) {
			t.Errorf("attempt %d: %s\n%s", i+1, answer.Status, body)
		}
	}
	r := post(t, "/signin", url.Values{"token": {token}}, "X-Forwarded-Proto", "https")
	r.RemoteAddr = "198.51.100.8:40000"
	if answer, _ := w.do(r); answer.Cookies()[0].Secure {
		t.Error("a stranger says that the way is encrypted")
	}
}

// TestOrigins: a form of another site does nothing, and neither does one that hides where it is
// from. Programs, and forms of the page itself, are let through.
func TestOrigins(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		headers []string
		want    int
	}{
		{[]string{"Origin", "http://localhost"}, http.StatusSeeOther},
		{[]string{"Origin", "https://evil.example.org"}, http.StatusForbidden},
		{[]string{"Origin", "http://localhost:8080"}, http.StatusForbidden},
		{[]string{"Origin", "null"}, http.StatusForbidden},
		{[]string{"Origin", "http://localhost", "Sec-Fetch-Site", "same-origin"}, http.StatusSeeOther},
		{[]string{"Origin", "http://localhost", "Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{[]string{"Origin", "http://localhost", "Sec-Fetch-Site", "same-site"}, http.StatusForbidden},
		{[]string{"Origin", "null", "Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{[]string{"Sec-Fetch-Site", "none"}, http.StatusSeeOther},
		{nil, http.StatusSeeOther}, // curl
	} {
		w := newSite(t, webtest.Rich())
		for _, target := range []string{"/accounts/orders/poll", "/api/v1/accounts/orders/poll", "/config/reload", "/signin"} {
			answer, _ := w.do(request(t.Context(), http.MethodPost, target, test.headers...))
			want := test.want
			if want == http.StatusSeeOther && strings.HasPrefix(target, "/api/") {
				want = http.StatusOK
			}
			if answer.StatusCode != want {
				t.Errorf("POST %s with %q: %s, want %d", target, test.headers, answer.Status, want)
			}
		}
		if done := len(w.actions.polled) + w.actions.reloaded; done != 0 && test.want == http.StatusForbidden {
			t.Errorf("%q: refused, and done all the same", test.headers)
		}
	}
}

// TestHosts: a request that calls this machine by a name that nobody listed is a foreign page's. An
// address is no name, and a page behind a published port has one that attachd does not know.
func TestHosts(t *testing.T) {
	t.Parallel()
	w := newSite(t, webtest.Rich(), func(o *web.Options) {
		o.Hosts, o.Hostname = []string{"Attachd.example.org"}, "Nas"
		o.Probes.Live = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	})
	for host, known := range map[string]bool{
		"localhost": true, "localhost:9110": true, "127.0.0.1:9110": true, "[::1]:9110": true, "127.1.2.3": true, "LOCALHOST": true,
		"page.localhost": true, "attachd.example.org": true, "attachd.example.org:443": true, "attachd.example.org.": true,
		"evil.example.org": false, "evil.attachd.example.org": false, "attachd.example.org.evil.org": false,
		"192.168.1.9:9110": true, "10.96.3.4": true, "[2001:db8::9]:9110": true, "[fe80::1%25eth0]:9110": true,
		"nas": true, "NAS:9110": true, "nas.local:9110": true, "nas.local.": true, "nas.evil.org": false, "other.local": false, "nas.local.evil.org": false,
		"": false, "localhost.evil.org": false, "127.0.0.1.evil.org": false, "notlocalhost": false, "0.0.0.0": false, "[::]": false,
		"[::ffff:0.0.0.0]": false, "3232235785": false, "0x7f.1": false, "192.168.1.9.nip.io": false, "192.168.1": false,
	} {
		for _, target := range []string{"/", "/api/v1/", "/static/x", "/signin", "/events"} {
			answer, body := w.do(request(t.Context(), http.MethodHead, target, "Host", host))
			if refused := answer.StatusCode == http.StatusForbidden; refused == known {
				t.Errorf("%s of %q: %s\n%s", target, host, answer.Status, body)
			}
		}
		if answer, _ := w.do(request(t.Context(), http.MethodGet, "/livez", "Host", host)); answer.StatusCode != http.StatusOK {
			t.Errorf("/livez of %q: %s", host, answer.Status)
		}
	}
}

// TestUnknownHost: the refusal says what to write for the name, as text.
func TestUnknownHost(t *testing.T) {
	t.Parallel()
	w := newSite(t, webtest.Rich())
	for host, want := range map[string]string{
		"Scans.example.net.:9110": "hosts: [scans.example.net]. Its IP address does without.",
		"<b>.example.net":         "hosts: [&lt;b&gt;.example.net]",
		"mailhub.example.org":     "",
		"mailhub":                 "hosts: [mailhub]",
	} {
		answer, body := w.do(request(t.Context(), http.MethodGet, "/", "Host", host, "Accept", "text/html"))
		if refused := answer.StatusCode == http.StatusForbidden; refused != (want != "") || !strings.Contains(body, want) {
			t.Errorf("%q: %s, want %q in\n%s", host, answer.Status, want, body)
		}
	}
}

// TestHeaders: every answer forbids what a page does not need.
func TestHeaders(t *testing.T) {
	t.Parallel()
	w, _, _ := guarded(t)
	for _, target := range []string{"/", "/signin", "/nothing", "/api/v1/", "/static/none"} {
		answer, _ := w.do(request(t.Context(), http.MethodGet, target, "Authorization", "Bearer "+token))
		for key, want := range map[string]string{
			"Content-Security-Policy":      "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "same-origin",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Cache-Control":                "no-store",
		} {
			if got := answer.Header.Get(key); got != want {
				t.Errorf("%s: %s: %q, want %q", target, key, got, want)
			}
		}
	}
}

// TestNext: after signing in nobody is sent to another site.
func TestNext(t *testing.T) {
	t.Parallel()
	w, _, _ := guarded(t)
	for given, want := range map[string]string{
		"/accounts?q=a%20b":   "/accounts?q=a%20b",
		"":                    "/",
		"//evil.example.org":  "/",
		"https://evil.org/":   "/",
		"/\\evil.example.org": "/",
		"/%2F/evil.org":       "/",
		"evil":                "/",
		"/a\r\nSet-Cookie: x": "/",
		"javascript:alert(1)": "/",
		"/signin":             "/",
		"///evil.example.org": "/",
	} {
		answer, _ := w.do(post(t, "/signin", url.Values{"token": {token}, "next": {given}}))
		if got := answer.Header.Get("Location"); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
	answer, _ := w.do(request(t.Context(), http.MethodGet, "/accounts?q=a&state=new"))
	if got := answer.Header.Get("Location"); got != "/signin?next=%2Faccounts%3Fq%3Da%26state%3Dnew" {
		t.Errorf("to sign in: %q", got)
	}
}
