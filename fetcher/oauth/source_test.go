package oauth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/attachd/attachd/fetcher/oauth/oauthtest"
)

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

// TestRefusedAhead: a refusal that was recorded while the clock was years ahead counts for nothing
// once the clock is right.
func TestRefusedAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &oauthtest.Server{}
		source, _, store := storedSource(t, server)
		time.Sleep(2 * time.Hour)
		r, err := store.load()
		if err != nil {
			t.Fatal(err)
		}
		r.Refused, r.RefusedAt = "invalid_grant", time.Now().AddDate(10, 0, 0)
		if err := store.write(r); err != nil {
			t.Fatal(err)
		}
		if got := token(t, source, ""); got != server.AccessToken() {
			t.Error("the refresh token was not tried")
		}
	})
}

// TestInteractionRequired is what Microsoft says when an administrator asks for a second factor
// from now on.
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

// TestStopWhileRefreshing lets a refresh end that had begun when the program is told to stop: the
// answer holds the only refresh token that is good.
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
