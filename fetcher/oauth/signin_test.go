package oauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/fetcher/oauth/oauthtest"
)

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

// TestDeviceCodeExpires gives up when the code has expired, also when the server goes on saying
// "not yet".
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
				// Other pages of the browser can reach us too. They neither end the wait nor bring a code of
				// their own.
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
