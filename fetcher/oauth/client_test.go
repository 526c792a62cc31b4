package oauth

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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

// TestClientSecretInHeader is for servers that take the secret in the header only. The first token
// takes two requests, each later one takes one.
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

// TestHTTPClient goes through the dialer it is given and follows no redirect: that would hand on
// the secrets.
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
