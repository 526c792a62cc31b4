package oauth

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/attachd/attachd/fetcher/oauth/oauthtest"
)

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
