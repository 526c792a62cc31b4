package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/fetcher/oauth/oauthtest"
)

// client is the server's client, which asks it without a network.
func client(s *oauthtest.Server) *Client {
	if s.ClientID == "" {
		s.ClientID = "attachd"
	}
	c := &Client{
		ID: s.ClientID, TokenURL: s.TokenURL(), AuthURL: s.AuthURL(), DeviceURL: s.DeviceURL(), Scopes: []string{"mail", "offline_access"},
		HTTP: &http.Client{Transport: s, CheckRedirect: NewHTTPClient(nil).CheckRedirect},
	}
	if s.ClientSecret != "" {
		c.Secret = func(context.Context) (string, error) { return s.ClientSecret, nil }
	}
	return c
}

// signIn signs in by device code.
func signIn(t *testing.T, c *Client, s *oauthtest.Server) Token {
	t.Helper()
	token, err := c.SignInWithDevice(t.Context(), func(Prompt) error { s.Decide("approved"); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// stored gives a source whose account has signed in.
func storedSource(t *testing.T, s *oauthtest.Server) (*Source, *Client, *Store) {
	t.Helper()
	c := client(s)
	store := NewStore(filepath.Join(t.TempDir(), "tokens"), "hans")
	if err := store.Save(t.Context(), c, signIn(t, c, s)); err != nil {
		t.Fatal(err)
	}
	return NewStoredSource("hans", c, store), c, store
}

func token(t *testing.T, s *Source, refused string) string {
	t.Helper()
	got, err := s.Token(t.Context(), refused)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// tokenRequests counts what was asked of the token endpoint for one grant.
func tokenRequests(s *oauthtest.Server, grant string) (n int) {
	for _, r := range s.Requests() {
		if r.Form.Get("grant_type") == grant {
			n++
		}
	}
	return n
}

func TestClientCredentials(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &oauthtest.Server{ClientSecret: "s3cret&%"}
		source := NewClientCredentialsSource(client(server))
		first := token(t, source, "")
		if first != server.AccessToken() {
			t.Fatalf("got %s, the server gave %s", first, server.AccessToken())
		}
		time.Sleep(57 * time.Minute)
		if got := token(t, source, ""); got != first {
			t.Error("a token that is still good was not used again")
		}
		time.Sleep(2 * time.Minute)
		second := token(t, source, "")
		if second == first {
			t.Error("a token was used until its last minute")
		}
		if got := token(t, source, second); got != second {
			t.Error("a token that was made for this login was asked for again")
		}
		time.Sleep(2 * time.Minute)
		if got := token(t, source, second); got == second {
			t.Error("a refused token was given again")
		}
		if n := tokenRequests(server, "client_credentials"); n != 3 {
			t.Errorf("%d requests, want 3", n)
		}
		if got := server.Requests()[0].Form.Get("scope"); got != "mail offline_access" {
			t.Errorf("asked for the scope %q", got)
		}
	})
}

func TestServiceAccount(t *testing.T) {
	t.Parallel()
	server := &oauthtest.Server{Username: "someone@example.com"}
	key, err := server.ServiceKey()
	if err != nil {
		t.Fatal(err)
	}
	source := func(key, subject string) *Source {
		return NewServiceAccountSource(&ServiceAccount{
			Key:     func(context.Context) (string, error) { return key, nil },
			Subject: subject, TokenURL: server.TokenURL(), Scopes: []string{"mail"}, HTTP: client(server).HTTP,
		})
	}
	own := source(key, "someone@example.com")
	for range 2 {
		if token(t, own, "") != server.AccessToken() || len(server.Requests()) != 1 {
			t.Errorf("another token than the server's, or asked %d times", len(server.Requests()))
		}
	}
	other := &oauthtest.Server{}
	otherKey, err := other.ServiceKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ key, subject, want string }{
		{key, "another@example.com", "http://login.test/token said: invalid_grant: claims {"},
		{otherKey, "someone@example.com", "http://login.test/token said: invalid_grant: signature of <secret>: crypto/rsa: verification error"},
		{"{", "x", "read the service account's key: it is not JSON as Google makes it"},
		{`{"type":"authorized_user","refresh_token":"hunter2"}`, "x", "read the service account's key: it is not the key of a service account"},
		{strings.Replace(key, "https:", "http:", 1), "x", "read the service account's key: its token_uri is no https address"},
	} {
		_, err := source(test.key, test.subject).Token(t.Context(), "")
		if err == nil || !strings.HasPrefix(err.Error(), "get an access token: "+test.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v, want %s", err, test.want)
		}
		if _, ok := errors.AsType[*SignInError](err); ok {
			t.Errorf("wants somebody to sign in: %v", err)
		}
	}
}

// TestClientSecretInHeader is for servers that take the secret in the header only; they are asked twice once.
func TestClientSecretInHeader(t *testing.T) {
	t.Parallel()
	server := &oauthtest.Server{ClientSecret: "s3cret&% /", Basic: true}
	c := client(server)
	for range 2 {
		if _, err := c.clientCredentials(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(server.Requests()); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
	c.Secret = func(context.Context) (string, error) { return "wr0ng", nil }
	_, err := c.clientCredentials(t.Context())
	if want := "http://login.test/token said: invalid_client: the client attachd with <secret> is not known"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestDeviceCode(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		answers []string // to the requests for the token, after which the server decides by itself
		outcome string
		paces   []time.Duration // between the requests
		want    string          // of the error
		waits   []string        // what is waited out
	}{
		{"at once", nil, "approved", []time.Duration{5 * time.Second}, "", nil},
		{"pending", []string{"authorization_pending", "authorization_pending"}, "approved", []time.Duration{5 * time.Second, 5 * time.Second, 5 * time.Second}, "", nil},
		{"slow down", []string{"slow_down", "authorization_pending", "slow_down"}, "approved", []time.Duration{5 * time.Second, 10 * time.Second, 10 * time.Second, 15 * time.Second}, "", nil},
		{"denied", []string{"authorization_pending"}, "access_denied", []time.Duration{5 * time.Second, 5 * time.Second}, "http://login.test/token said: access_denied", nil},
		{"expired", nil, "expired_token", []time.Duration{5 * time.Second}, "http://login.test/token said: expired_token", nil},
		{"server down for a while", []string{"503", "503"}, "approved", []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second}, "", []string{
			"http://login.test/token answered HTTP 503 Service Unavailable",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				answers := test.answers
				server := &oauthtest.Server{Answer: func(w http.ResponseWriter, path string, _ url.Values) bool {
					if path != "/token" || len(answers) == 0 {
						return false
					}
					answer := answers[0]
					answers = answers[1:]
					if answer == "503" {
						http.Error(w, "busy", http.StatusServiceUnavailable)
					} else {
						oauthtest.Refuse(w, http.StatusBadRequest, answer, "")
					}
					return true
				}}
				begun := time.Now()
				c := client(server)
				var waits []string
				c.Waits = func(err error) { waits = append(waits, err.Error()) }
				got, err := c.SignInWithDevice(t.Context(), func(p Prompt) error {
					if want := (Prompt{"https://login.test/device", "WDJB-MJHT", "", p.Expiry}); p != want || p.Expiry.Sub(begun) != 15*time.Minute {
						t.Errorf("got %+v, want %+v", p, want)
					}
					server.Decide(test.outcome)
					return nil
				})
				if fmt.Sprint(err) != test.want && (err != nil || test.want != "") {
					t.Fatalf("got %v, want %s", err, test.want)
				}
				if err == nil && (got.access != server.AccessToken() || got.refresh == "") {
					t.Errorf("got another token than the server's: %v", got)
				}
				var paces []time.Duration
				requests := server.Requests()
				for i, r := range requests[1:] {
					paces = append(paces, r.At.Sub(requests[i].At))
				}
				if diff := cmp.Diff(test.paces, paces); diff != "" {
					t.Errorf("paces (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(test.waits, waits); diff != "" {
					t.Errorf("waited out (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestDeviceInterval: the server's pace is held to within reason.
func TestDeviceInterval(t *testing.T) {
	t.Parallel()
	for given, want := range map[int64]time.Duration{-1: 5 * time.Second, 0: 5 * time.Second, 7: 7 * time.Second, 1 << 40: time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			server := &oauthtest.Server{Answer: func(w http.ResponseWriter, path string, _ url.Values) bool {
				if path != "/device" {
					return false
				}
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprintf(w, `{"device_code": "d", "user_code": "u", "verification_uri": "https://login.test/", "expires_in": 900, "interval": %d}`, given)
				return true
			}}
			begun := time.Now()
			var asked time.Duration
			answer := server.Answer
			server.Answer = func(w http.ResponseWriter, path string, form url.Values) bool {
				if path == "/token" && asked == 0 {
					asked = time.Since(begun)
				}
				return answer(w, path, form)
			}
			_, err := client(server).SignInWithDevice(t.Context(), func(Prompt) error { return nil })
			if asked != want {
				t.Errorf("interval %d: first asked after %v, want %v (%v)", given, asked, want, err)
			}
		})
	}
}

// TestTokenInLines: a token that would be two lines of the mail protocol is none.
func TestTokenInLines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &oauthtest.Server{Answer: func(w http.ResponseWriter, path string, _ url.Values) bool {
			if path != "/token" {
				return false
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"access_token": "t\r\nDELE 1", "refresh_token": "r", "token_type": "Bearer"}`)
			return true
		}}
		_, err := client(server).SignInWithDevice(t.Context(), func(Prompt) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "the code expired") || !strings.Contains(err.Error(), "line break") {
			t.Errorf("error %v", err)
		}
	})
}

// TestDeviceCodeExpires gives up when the code has expired, also when the server goes on saying "not yet".
func TestDeviceCodeExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		_, err := client(&oauthtest.Server{}).SignInWithDevice(t.Context(), func(Prompt) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "the code expired") || time.Since(begun) != 15*time.Minute {
			t.Errorf("got %v after %v", err, time.Since(begun))
		}
	})
}

// browse follows redirects from the address as a browser does, and returns the last page.
func browse(t *testing.T, address string) string {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer response.Body.Close()
	page, _ := io.ReadAll(response.Body)
	return string(page)
}

func TestAuthorizationCode(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"127.0.0.1", "localhost"} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			server := &oauthtest.Server{ClientSecret: "s3cret"}
			server.Start()
			defer server.Close()
			c := client(server)
			c.HTTP, c.RedirectHost, c.AuthParams = NewHTTPClient(nil), host, url.Values{"prompt": {"consent"}}
			var pages sync.WaitGroup
			defer pages.Wait()
			got, err := c.SignInWithCode(t.Context(), func(address string) error {
				u, err := url.Parse(address)
				if err != nil || u.Query().Get("prompt") != "consent" || !strings.HasPrefix(u.Query().Get("redirect_uri"), "http://"+host+":") {
					t.Errorf("the browser is sent to %s", address)
				}
				// Other pages of the browser can reach us too. They neither end the wait nor bring a code of their own.
				back := u.Query().Get("redirect_uri")
				for _, forged := range []string{"?code=stolen", "?code=stolen&state=x", "?error=access_denied", "/other?state=" + u.Query().Get("state")} {
					if page := browse(t, back+forged); strings.Contains(page, "close this page") {
						t.Errorf("%s was taken for the answer", forged)
					}
				}
				pages.Go(func() {
					if page := browse(t, address); !strings.HasPrefix(page, "attachd has what it needs") {
						t.Errorf("the page says %q", page)
					}
				})
				return nil
			})
			if err != nil || got.access != server.AccessToken() || got.refresh == "" {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestAuthorizationCodeRefused(t *testing.T) {
	t.Parallel()
	server := &oauthtest.Server{ClientSecret: "s3cret"}
	server.Start()
	defer server.Close()
	c := client(server)
	for answer, want := range map[string]string{
		"error=access_denied&error_description=no+%3Cb%3E": server.AuthURL() + " said: access_denied: no <b>",
		"code=none": server.TokenURL() + " said: invalid_grant",
	} {
		var page sync.WaitGroup
		_, err := c.SignInWithCode(t.Context(), func(address string) error {
			u, _ := url.Parse(address)
			page.Go(func() {
				text := browse(t, u.Query().Get("redirect_uri")+"?"+answer+"&state="+u.Query().Get("state"))
				if !strings.HasPrefix(text, "The sign-in did not succeed") {
					t.Errorf("%s: the page says %q", answer, text)
				}
			})
			return nil
		})
		page.Wait()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", answer, err, want)
		}
	}
	bounded, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errors.New("nobody came"))
	defer cancel()
	if _, err := c.SignInWithCode(bounded, func(string) error { return nil }); err == nil || err.Error() != "nobody came" {
		t.Errorf("without a browser: got %v", err)
	}
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &oauthtest.Server{Rotate: true}
		source, c, store := storedSource(t, server)
		first := token(t, source, "")
		if n := tokenRequests(server, "refresh_token"); n != 0 {
			t.Errorf("the token of the sign-in was not used")
		}
		for range 3 {
			time.Sleep(time.Hour)
			if token(t, source, "") != server.AccessToken() {
				t.Fatal("got another token than the server's")
			}
		}
		// Another process, with the store alone, neither asks again nor uses a rotated token twice.
		other := NewStoredSource("hans", c, store)
		if token(t, other, "") != server.AccessToken() || tokenRequests(server, "refresh_token") != 3 {
			t.Error("another process refreshed a token that was good")
		}
		time.Sleep(10 * time.Minute)
		if got := token(t, other, server.AccessToken()); got == first || tokenRequests(server, "refresh_token") != 4 {
			t.Error("a refused token was not replaced")
		}
		if got := token(t, source, ""); got == server.AccessToken() {
			t.Error("the first process has no reason to look")
		}
		time.Sleep(2 * time.Minute)
		stale := token(t, source, "")
		if got := token(t, source, stale); got != server.AccessToken() || tokenRequests(server, "refresh_token") != 4 {
			t.Error("the first process refreshed what another had refreshed")
		}
		status, err := store.Status(c)
		if err != nil || status.Scopes != "mail offline_access" || status.Refused != "" || status.SignedIn.IsZero() || !status.Expiry.After(status.Refreshed) {
			t.Errorf("status %+v, %v", status, err)
		}
	})
}

// TestRefreshTogether refreshes once however many ask, from one process or several.
func TestRefreshTogether(t *testing.T) {
	t.Parallel()
	server := &oauthtest.Server{Rotate: true, Lifetime: time.Second}
	c := client(server)
	store := NewStore(filepath.Join(t.TempDir(), "tokens"), "hans")
	old := Token{access: "old", refresh: "x"}
	old.refresh = grant(t, c, server)
	if err := store.Save(t.Context(), c, old); err != nil {
		t.Fatal(err)
	}
	server.Lifetime = time.Hour
	sources := []*Source{NewStoredSource("hans", c, store), NewStoredSource("hans", c, store)}
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			if _, err := sources[i%2].Token(t.Context(), ""); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := tokenRequests(server, "refresh_token"); n != 1 || server.Overlaps != 1 {
		t.Errorf("%d refreshes, %d at a time, want 1", n, server.Overlaps)
	}
}

// grant makes a refresh token without a sign-in's waits.
func grant(t *testing.T, c *Client, s *oauthtest.Server) string {
	t.Helper()
	var refresh string
	synctest.Test(t, func(t *testing.T) { refresh = signIn(t, c, s).refresh })
	return refresh
}

func TestInvalidGrant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &oauthtest.Server{}
		source, c, store := storedSource(t, server)
		time.Sleep(2 * time.Hour)
		server.Revoke()
		for range 3 {
			_, err := source.Token(t.Context(), "")
			want := "get an access token: account needs a new sign-in: attachd oauth login hans (http://login.test/token said: invalid_grant: token <secret> was revoked)"
			if _, ok := errors.AsType[*SignInError](err); !ok || err.Error() != want {
				t.Fatalf("got %v, want %s", err, want)
			}
			time.Sleep(10 * time.Minute)
		}
		if n := tokenRequests(server, "refresh_token"); n != 1 {
			t.Errorf("a dead refresh token was tried %d times within the hour, want once", n)
		}
		time.Sleep(time.Hour)
		if _, err := source.Token(t.Context(), ""); err == nil || tokenRequests(server, "refresh_token") != 2 {
			t.Errorf("was not tried again after an hour: %v", err)
		}
		if status, err := store.Status(c); err != nil || !strings.Contains(status.Refused, "invalid_grant") {
			t.Errorf("status %+v, %v", status, err)
		}
		if err := store.Save(t.Context(), c, signIn(t, c, server)); err != nil {
			t.Fatal(err)
		}
		if got := token(t, source, ""); got != server.AccessToken() {
			t.Error("the new sign-in is not used")
		}
	})
}

// TestInteractionRequired is what Microsoft says when an administrator asks for a second factor from now on.
func TestInteractionRequired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &oauthtest.Server{}
		source, _, _ := storedSource(t, server)
		time.Sleep(2 * time.Hour)
		server.Answer = func(w http.ResponseWriter, _ string, _ url.Values) bool {
			oauthtest.Refuse(w, http.StatusBadRequest, "interaction_required", "AADSTS50076: use multi-factor authentication")
			return true
		}
		_, err := source.Token(t.Context(), "")
		if _, ok := errors.AsType[*SignInError](err); !ok || !strings.Contains(err.Error(), "AADSTS50076") {
			t.Errorf("got %v", err)
		}
	})
}

func TestNoSignIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &oauthtest.Server{}
		_, c, store := storedSource(t, server)
		other, never := client(server), NewStore(filepath.Join(t.TempDir(), "tokens"), "hans")
		other.ID = "another"
		for name, source := range map[string]*Source{
			"never":          NewStoredSource("hans", c, never),
			"another client": NewStoredSource("hans", other, store),
		} {
			if _, err := source.Token(t.Context(), ""); !errors.Is(err, ErrNoSignIn) || !strings.Contains(err.Error(), "attachd oauth login hans") {
				t.Errorf("%s: got %v", name, err)
			}
		}
		if _, err := os.Stat(never.dir); err == nil {
			t.Error("a folder was made though there is nothing to keep")
		}
		if status, err := store.Status(other); err != nil || !status.SignedIn.IsZero() {
			t.Errorf("status %+v, %v", status, err)
		}
	})
}

// TestTemporaryErrors are not taken for the end of a sign-in.
func TestTemporaryErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var answer func(http.ResponseWriter)
		server := &oauthtest.Server{Answer: func(w http.ResponseWriter, path string, _ url.Values) bool {
			if answer != nil {
				answer(w)
			}
			return answer != nil
		}}
		source, _, store := storedSource(t, server)
		time.Sleep(2 * time.Hour)
		before, err := os.ReadFile(store.path())
		if err != nil {
			t.Fatal(err)
		}
		for want, a := range map[string]func(http.ResponseWriter){
			"http://login.test/token answered HTTP 503 Service Unavailable": func(w http.ResponseWriter) {
				http.Error(w, "try refresh_token=hunter2", http.StatusServiceUnavailable)
			},
			"http://login.test/token said: temporarily_unavailable: later": func(w http.ResponseWriter) {
				oauthtest.Refuse(w, http.StatusBadRequest, "temporarily_unavailable", "later")
			},
			"http://login.test/token answered HTTP 307 Temporary Redirect": func(w http.ResponseWriter) {
				w.Header().Set("Location", "http://elsewhere.test/token")
				w.WriteHeader(http.StatusTemporaryRedirect)
			},
			"ask http://login.test/token: oauth2: server response missing access_token": func(w http.ResponseWriter) {
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprint(w, `{"token": "hunter2"}`)
			},
		} {
			answer = a
			_, err := source.Token(t.Context(), "")
			if err == nil || err.Error() != "get an access token: "+want {
				t.Errorf("got %v, want %s", err, want)
			}
		}
		if after, err := os.ReadFile(store.path()); err != nil || !bytes.Equal(before, after) {
			t.Errorf("the tokens changed: %v", err)
		}
		answer = nil
		if token(t, source, "") != server.AccessToken() {
			t.Error("does not recover")
		}
	})
}

// TestStopWhileRefreshing lets a refresh that was begun come to its end when the program is told to stop: the answer
// holds the only refresh token that is good.
func TestStopWhileRefreshing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &oauthtest.Server{Rotate: true}
		source, c, store := storedSource(t, server)
		time.Sleep(2 * time.Hour)
		ctx, stop := context.WithCancel(t.Context())
		server.Answer = func(http.ResponseWriter, string, url.Values) bool {
			stop()
			time.Sleep(requestGrace - time.Second)
			return false
		}
		if _, err := source.Token(ctx, ""); err != nil {
			t.Fatal(err)
		}
		server.Answer = nil
		time.Sleep(2 * time.Hour)
		if token(t, NewStoredSource("hans", c, store), "") != server.AccessToken() {
			t.Error("the rotated token was lost")
		}
		time.Sleep(2 * time.Hour)
		if _, err := source.Token(ctx, ""); !errors.Is(err, context.Canceled) {
			t.Errorf("asked although stopped: %v", err)
		}
	})
}

// TestUnwritable neither uses up a refresh token that could not be replaced, nor loses one that could not be written.
func TestUnwritable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &oauthtest.Server{Rotate: true}
		source, _, store := storedSource(t, server)
		time.Sleep(2 * time.Hour)
		// Something that cannot be removed stands where the new file is to be written.
		if err := os.MkdirAll(filepath.Join(store.temporary(), "x"), 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := source.Token(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "write "+store.path()) || tokenRequests(server, "refresh_token") != 0 {
			t.Errorf("got %v, %d requests", err, tokenRequests(server, "refresh_token"))
		}
		if err := os.RemoveAll(store.temporary()); err != nil {
			t.Fatal(err)
		}
		// The place is taken while the server answers.
		server.Answer = func(http.ResponseWriter, string, url.Values) bool {
			if err := os.Rename(store.path(), store.path()+".old"); err != nil {
				t.Error(err)
			}
			if err := os.MkdirAll(filepath.Join(store.path(), "x"), 0o700); err != nil {
				t.Error(err)
			}
			return false
		}
		if _, err := source.Token(t.Context(), ""); err == nil || tokenRequests(server, "refresh_token") != 1 {
			t.Errorf("got %v, %d requests", err, tokenRequests(server, "refresh_token"))
		}
		server.Answer = nil
		if err := os.RemoveAll(store.path()); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(store.path()+".old", store.path()); err != nil {
			t.Fatal(err)
		}
		if token(t, source, "") != server.AccessToken() || tokenRequests(server, "refresh_token") != 1 {
			t.Error("the token that could not be written is lost")
		}
		time.Sleep(2 * time.Hour)
		if token(t, source, "") != server.AccessToken() {
			t.Error("the rotated token is lost")
		}
	})
}

func TestStoreFiles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c, store := storedSource(t, &oauthtest.Server{})
		for path, want := range map[string]fs.FileMode{store.dir: 0o700, store.path(): 0o600} {
			if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != want {
				t.Errorf("%s: %v, %v, want %v", path, fi.Mode(), err, want)
			}
		}
		entries, _ := os.ReadDir(store.dir)
		if len(entries) != 2 {
			t.Errorf("besides the tokens and the lock there is something else: %v", entries)
		}
		for _, content := range []string{"", "{", `{"refresh_token": 5}`, "{}", strings.Repeat(" ", maxRecordBytes+1)} {
			if err := os.WriteFile(store.path(), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Status(c); err == nil || !strings.Contains(err.Error(), store.path()) {
				t.Errorf("%.20q: got %v", content, err)
			}
		}
	})
}

// TestHandOver gives what root makes to the owner of the folder, whom the daemon runs as.
func TestHandOver(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	const nobody = 65534
	dir := t.TempDir()
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	store := NewStore(filepath.Join(dir, "state.db.tokens"), "hans")
	for range 2 {
		if err := store.Save(t.Context(), &Client{ID: "x"}, Token{refresh: "r"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{store.dir, store.path(), filepath.Join(store.dir, "hans.lock")} {
		fi, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if owner := fi.Sys().(*syscall.Stat_t); owner.Uid != nobody || owner.Gid != nobody {
			t.Errorf("%s belongs to %d:%d", path, owner.Uid, owner.Gid)
		}
	}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var output string
		var runs int
		source := NewCommandSource(func(context.Context) (string, error) {
			runs++
			return strings.ReplaceAll(output, "N", fmt.Sprint(runs)), nil
		}, 30*time.Minute)
		step := func(name, out string, wait time.Duration, refused, want string) {
			t.Helper()
			output = out
			time.Sleep(wait)
			if got := token(t, source, refused); got != want {
				t.Errorf("%s: got %s, want %s", name, got, want)
			}
		}
		step("bare", "tokenN\n", 0, "", "token1")
		step("kept", "tokenN\n", 27*time.Minute, "", "token1")
		step("over", "tokenN\n", 2*time.Minute, "", "token2")
		step("refused at once", "tokenN\n", 0, "token2", "token2")
		step("refused later", "tokenN\n", 2*time.Minute, "token2", "token3")
		step("expires_in", "{\n \"access_token\": \"jsonN\",\n \"expires_in\": 7200}\n", 31*time.Minute, "", "json4")
		step("kept as long", "x", 117*time.Minute, "", "json4")
		step("expiry", fmt.Sprintf(`{"accessToken":"jsonN","expiry":%q}`, time.Now().Add(time.Hour).Format(time.RFC3339)), 2*time.Minute, "", "json5")
		step("kept until then", "x", 50*time.Minute, "", "json5")
		step("expires_on", fmt.Sprintf(`{"accessToken":"jsonN","expiresOn":"2026-11-23 10:00:00.0","expires_on":%d}`, time.Now().Add(3*time.Hour).Unix()), 20*time.Minute, "", "json6")
		step("kept until that", "x", time.Hour, "", "json6")
		step("no expiry", `{"access_token":"jsonN"}`, 4*time.Hour, "", "json7")
		step("lifetime", "tokenN", 29*time.Minute, "", "token8")
	})
	for output, want := range map[string]string{
		"":                         "the access token is empty",
		"please sign in first":     "the access token holds a character that no token has, such as a space",
		"{\"access_token\": \"hun": "its output begins like JSON and is none",
		`{"error":"no"}`:           "it is JSON without an access_token",
		"a\x01b":                   "the access token holds a character that no token has, such as a space",
	} {
		source := NewCommandSource(func(context.Context) (string, error) { return output, nil }, 0)
		if _, err := source.Token(t.Context(), ""); err == nil || err.Error() != "get an access token: read the output of token_command: "+want {
			t.Errorf("%q: got %v, want %s", output, err, want)
		}
	}
}

func TestSASL(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		login                       *Login
		mechanism, initial, refusal string
		dummy                       []byte
	}{
		{
			NewXOAuth2("someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"), "XOAUTH2",
			"user=someuser@example.com\x01auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01",
			`token refused, status "401", scope wanted "https://mail.google.com/"`,
			[]byte{},
		},
		{ // RFC 7628 section 4.1, but for the name
			NewOAuthBearer("a=b,c@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", "server.example.com", 143), "OAUTHBEARER",
			"n,a=a=3Db=2Cc@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01",
			`token refused, status "401", scope wanted "https://mail.google.com/"`,
			[]byte{1},
		},
	} {
		mechanism, initial, err := test.login.Start()
		if err != nil || mechanism != test.mechanism || string(initial) != test.initial {
			t.Errorf("got %s %q %v, want %s %q", mechanism, initial, err, test.mechanism, test.initial)
		}
		refused := errors.New("server said: -ERR")
		if got := test.login.Explain(refused); got != refused || test.login.Refused() {
			t.Errorf("explains what nobody said: %v", got)
		}
		response, err := test.login.Next([]byte(`{"status":"401","schemes":"bearer mac","scope":"https://mail.google.com/"}`))
		if err != nil || !bytes.Equal(response, test.dummy) {
			t.Errorf("%s: the dummy response is %q, %v", mechanism, response, err)
		}
		if got := test.login.Explain(refused); !errors.Is(got, refused) || got.Error() != "server said: -ERR ("+test.refusal+")" {
			t.Errorf("got %v", got)
		}
		if _, err := test.login.Next(nil); err == nil {
			t.Error("goes on after the refusal")
		}
	}
	for _, bad := range []string{"", "a b", "a\x01b", "tökén", "a\r\nb"} {
		if _, _, err := NewXOAuth2("u", bad).Start(); err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	for challenge, want := range map[string]string{
		`{"status":"invalid_token"}`:     `token refused, status "invalid_token"`,
		`{"status":400}`:                 `token refused, status "400"`,
		`{}`:                             "token refused",
		"no\x1b[2JJSON":                  `token refused, status "no?[2JJSON"`,
		`{"status":"your t0ken is bad"}`: `token refused, status "your <secret> is bad"`,
		`{"status":"x","openid-configuration":"https://login.example/"}`: `token refused, status "x", see "https://login.example/"`,
	} {
		if got := parseRefusal([]byte(challenge), "t0ken").Error(); got != want {
			t.Errorf("%s: got %s, want %s", challenge, got, want)
		}
	}
}

func FuzzRefusal(f *testing.F) {
	f.Add([]byte(`{"status":"401","scope":"mail"}`))
	f.Add([]byte("{"))
	f.Add([]byte("t0ken\x00\xff"))
	f.Fuzz(func(t *testing.T, challenge []byte) {
		got := parseRefusal(challenge, "t0ken").Error()
		if strings.Contains(got, "t0ken") || strings.ContainsAny(got, "\r\n\x00\x1b") || len(got) > 4*4*maxShown {
			t.Errorf("%q", got)
		}
	})
}

func FuzzCommandOutput(f *testing.F) {
	for _, seed := range []string{"token", `{"access_token":"t","expires_in":3600}`, `{"access_token":1e400}`, `{"accessToken":"t","expiresOn":"2026-01-01T00:00:00Z"}`, "{"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, output string) {
		now := time.Unix(1<<31, 0)
		got, err := parseOutput(output, now, time.Minute)
		if err == nil && (checkToken(got.access) != nil || got.Expiry.IsZero()) {
			t.Errorf("%q: %v", got.access, got.Expiry)
		}
	})
}

// TestNothingIsShown prints everything that holds a secret in every way.
func TestNothingIsShown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &oauthtest.Server{ClientSecret: "s3cret"}
		source, c, store := storedSource(t, server)
		access := token(t, source, "")
		refused := NewXOAuth2("u", access)
		_, _ = refused.Next([]byte(`{"status":"` + access + `"}`))
		holder := struct {
			S *Source
			L *Login
			T Token
			i *Source
		}{source, refused, *source.last, source}
		server.Answer = func(w http.ResponseWriter, _ string, form url.Values) bool {
			oauthtest.Refuse(w, http.StatusBadRequest, "invalid_grant", "you sent "+form.Encode())
			return true
		}
		time.Sleep(2 * time.Hour)
		_, err := source.Token(t.Context(), "")
		if err == nil {
			t.Fatal("no error")
		}
		status, _ := store.Status(c)
		var out strings.Builder
		for _, v := range []any{holder, &holder, source, refused, *refused, *source.last, c, store, err, refused.Explain(err), status} {
			fmt.Fprintf(&out, "%v %+v %#v\n", v, v, v)
			if b, err := json.Marshal(v); err == nil {
				out.Write(b)
			}
		}
		for _, secret := range append(server.Secrets(), access) {
			for _, form := range []string{secret, url.QueryEscape(secret), fmt.Sprintf("%x", secret)} {
				if strings.Contains(out.String(), form) {
					t.Errorf("%s is shown:\n%s", secret, out.String())
				}
			}
		}
	})
}

// TestHTTPClient goes through the dialer it is given and follows no redirect, which would hand on the secrets.
func TestHTTPClient(t *testing.T) {
	t.Parallel()
	server := &oauthtest.Server{ClientSecret: "s3cret", Answer: func(w http.ResponseWriter, _ string, _ url.Values) bool {
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusPermanentRedirect)
		return true
	}}
	server.Start()
	defer server.Close()
	c := client(server)
	dialed := ""
	c.HTTP = NewHTTPClient(func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialed = addr
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	})
	if _, err := c.clientCredentials(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "answered HTTP 308 Permanent Redirect") {
		t.Errorf("got %v", err)
	}
	if "http://"+dialed != server.URL() || len(server.Requests()) != 1 {
		t.Errorf("dialed %s, %d requests", dialed, len(server.Requests()))
	}
}
