// Package oauthtest is an OAuth 2.0 authorization server for tests (RFC 6749). It gives tokens
// for all grants that attachd uses, to the letter of the RFCs, and fails as it is told to. Only
// tests import it.
//
// [Server.Start] serves on a loopback address. Without Start, a Server is a transport that
// answers requests in memory, see [Server.RoundTrip].
package oauthtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Server is an authorization server with one client. Its exported fields are set before it is used.
type Server struct {
	ClientID, ClientSecret string
	// Basic accepts the client secret only in the Authorization header (RFC 6749 section 2.3.1).
	Basic bool
	// Lifetime is that of access tokens, an hour unless set. Below zero the server states none.
	Lifetime time.Duration
	// Rotate replaces the refresh token at each use. The second use of one revokes all, as
	// with real servers.
	Rotate bool
	// DeviceInterval is the least time between two questions that the server asks for, in
	// seconds (RFC 8628 section 3.2); 0 leaves it out.
	DeviceInterval int
	// Answer, if set, gets each request before it is carried out. It returns true if it has
	// answered the request itself.
	Answer func(w http.ResponseWriter, path string, form url.Values) (handled bool)
	// Username is the user that the tokens are for, as /introspect says (RFC 7662).
	Username string
	// Issued, if set, is called with each new access token.
	Issued func(token string)

	mu         sync.Mutex
	access     string               // guarded by mu: the newest access token
	refresh    map[string]bool      // guarded by mu: false for one that was used and replaced
	codes      map[string]challenge // guarded by mu
	device     map[string]string    // guarded by mu: by device code, "", "approved" or the error
	requests   []Request            // guarded by mu
	overlap    int                  // guarded by mu: requests that are under way
	Overlaps   int                  // the most that were under way at one time
	sequence   int                  // guarded by mu
	serviceKey *rsa.PublicKey       // guarded by mu
	listening  *httptest.Server
}

// Request is one request that came.
type Request struct {
	At   time.Time
	Path string
	Form url.Values
}

type challenge struct{ sha256, redirect string }

// Start serves on the loopback address until Close.
func (s *Server) Start() { s.listening = httptest.NewServer(s) }

// Close ends a server that was started.
func (s *Server) Close() { s.listening.Close() }

// URL returns the server's address. If it was not started, that is a made-up one, for RoundTrip.
func (s *Server) URL() string {
	if s.listening == nil {
		return "http://login.test"
	}
	return s.listening.URL
}

// TokenURL returns the token endpoint (RFC 6749 section 3.2).
func (s *Server) TokenURL() string { return s.URL() + "/token" }

// AuthURL returns the authorization endpoint, for a browser (RFC 6749 section 3.1).
func (s *Server) AuthURL() string { return s.URL() + "/authorize" }

// DeviceURL returns the device authorization endpoint (RFC 8628 section 3.1).
func (s *Server) DeviceURL() string { return s.URL() + "/device" }

// IntrospectionURL returns the introspection endpoint (RFC 7662 section 2). Only the newest
// access token is active.
func (s *Server) IntrospectionURL() string { return s.URL() + "/introspect" }

// RoundTrip answers a request without any network, as tests with a made-up clock need it.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	r.RequestURI = r.URL.RequestURI()
	s.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	response := w.Result()
	response.Request = r
	return response, nil
}

// AccessToken returns the newest access token.
func (s *Server) AccessToken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.access
}

// Requests returns all requests so far, of all endpoints.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Revoke makes all refresh tokens invalid.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.refresh)
}

// Decide ends the wait of all device codes. outcome is "approved", or an error code such as
// "access_denied" (RFC 8628 section 3.5).
func (s *Server) Decide(outcome string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for code := range maps.Keys(s.device) {
		s.device[code] = outcome
	}
}

// Secrets returns everything that no log may show, of what the server gave out or knows.
func (s *Server) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	secrets := []string{s.ClientSecret, s.access}
	secrets = slices.AppendSeq(secrets, maps.Keys(s.refresh))
	secrets = slices.AppendSeq(secrets, maps.Keys(s.codes))
	secrets = slices.AppendSeq(secrets, maps.Keys(s.device))
	return slices.DeleteFunc(secrets, func(s string) bool { return s == "" })
}

// ServeHTTP answers at /token, /authorize, /device and /introspect.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	s.mu.Lock()
	s.requests = append(s.requests, Request{time.Now(), r.URL.Path, r.Form})
	s.overlap++
	s.Overlaps = max(s.Overlaps, s.overlap)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.overlap--
		s.mu.Unlock()
	}()
	if s.Answer != nil && s.Answer(w, r.URL.Path, r.Form) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refresh == nil {
		s.refresh, s.codes, s.device = map[string]bool{}, map[string]challenge{}, map[string]string{}
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /authorize":
		s.authorize(w, r)
	case "POST /device":
		s.startDevice(w, r)
	case "POST /introspect": // RFC 7662
		members := map[string]any{"active": r.Form.Get("token") == s.access && s.access != ""}
		if members["active"] == true {
			members["username"] = s.Username
		}
		reply(w, http.StatusOK, members)
	case "POST /token":
		s.token(w, r)
	default:
		http.NotFound(w, r)
	}
}

// Refuse answers with an error of RFC 6749 section 5.2.
func Refuse(w http.ResponseWriter, status int, code, description string) {
	reply(w, status, map[string]any{"error": code, "error_description": description})
}

func reply(w http.ResponseWriter, status int, members map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(members)
}

// authorize is the page at which somebody agrees at once (RFC 6749 section 4.1.1).
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.Form
	back, err := url.Parse(q.Get("redirect_uri"))
	loopback := err == nil && back.Scheme == "http" && (back.Hostname() == "127.0.0.1" || back.Hostname() == "localhost")
	if q.Get("response_type") != "code" || q.Get("client_id") != s.ClientID || !loopback || q.Get("code_challenge_method") != "S256" || q.Get("state") == "" {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	code := s.make("code")
	s.codes[code] = challenge{q.Get("code_challenge"), q.Get("redirect_uri")}
	back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (s *Server) startDevice(w http.ResponseWriter, r *http.Request) {
	if r.Form.Get("client_id") != s.ClientID {
		Refuse(w, http.StatusUnauthorized, "invalid_client", "")
		return
	}
	code := s.make("device")
	s.device[code] = ""
	members := map[string]any{"device_code": code, "user_code": "WDJB-MJHT", "verification_uri": "https://login.test/device", "expires_in": 900}
	if s.DeviceInterval > 0 {
		members["interval"] = s.DeviceInterval
	}
	reply(w, http.StatusOK, members)
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if r.Form.Get("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		s.serviceToken(w, r.Form)
		return
	}
	id, secret, inHeader := r.BasicAuth()
	if inHeader {
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
	} else {
		id, secret = r.Form.Get("client_id"), r.Form.Get("client_secret")
	}
	if id != s.ClientID || secret != s.ClientSecret || s.Basic && !inHeader {
		Refuse(w, http.StatusUnauthorized, "invalid_client", "the client "+id+" with "+secret+" is not known")
		return
	}
	f := r.Form
	switch f.Get("grant_type") {
	case "client_credentials":
		s.give(w, f, "")
	case "authorization_code":
		c, known := s.codes[f.Get("code")]
		delete(s.codes, f.Get("code"))
		sum := sha256.Sum256([]byte(f.Get("code_verifier")))
		if !known || base64.RawURLEncoding.EncodeToString(sum[:]) != c.sha256 || f.Get("redirect_uri") != c.redirect {
			Refuse(w, http.StatusBadRequest, "invalid_grant", "code "+f.Get("code")+" is not valid")
			return
		}
		s.give(w, f, s.make("refresh"))
	case "urn:ietf:params:oauth:grant-type:device_code":
		outcome, known := s.device[f.Get("device_code")]
		switch {
		case !known:
			Refuse(w, http.StatusBadRequest, "expired_token", "")
		case outcome == "":
			Refuse(w, http.StatusBadRequest, "authorization_pending", "")
		case outcome == "approved":
			s.give(w, f, s.make("refresh"))
		default:
			Refuse(w, http.StatusBadRequest, outcome, "")
		}
	case "refresh_token":
		s.renew(w, f)
	default:
		Refuse(w, http.StatusBadRequest, "unsupported_grant_type", "")
	}
}

func (s *Server) renew(w http.ResponseWriter, f url.Values) {
	old := f.Get("refresh_token")
	current, known := s.refresh[old]
	switch {
	case known && !current:
		clear(s.refresh)
		fallthrough
	case !known:
		Refuse(w, http.StatusBadRequest, "invalid_grant", "token "+old+" was revoked")
	case s.Rotate:
		s.refresh[old] = false
		s.give(w, f, s.make("refresh"))
	default:
		s.give(w, f, "")
	}
}

func (s *Server) give(w http.ResponseWriter, f url.Values, refresh string) {
	s.access = s.make("access")
	members := map[string]any{"access_token": s.access, "token_type": "Bearer"}
	switch {
	case s.Lifetime > 0:
		members["expires_in"] = int(s.Lifetime / time.Second)
	case s.Lifetime == 0:
		members["expires_in"] = 3600
	}
	if scope := f.Get("scope"); scope != "" {
		members["scope"] = scope
	}
	if refresh != "" {
		s.refresh[refresh] = true
		members["refresh_token"] = refresh
	}
	if s.Issued != nil {
		s.Issued(s.access)
	}
	reply(w, http.StatusOK, members)
}

// make returns a new secret that tells its kind and order.
func (s *Server) make(kind string) string {
	s.sequence++
	return fmt.Sprintf("%s-%d-%s", kind, s.sequence, strings.ToLower(rand.Text()))
}
