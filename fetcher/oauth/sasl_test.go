package oauth

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

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
		{ // RFC 7628 section 4.1, with another name
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
