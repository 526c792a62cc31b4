package pop3_test

import (
	"crypto/md5"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/fetcher/pop3"
)

// script is a mechanism that answers by the book.
type script struct {
	mechanism  string
	initial    []byte
	responses  []string
	challenges []string // as they came
}

var errSurprise = errors.New("unexpected challenge")

func (s *script) Start() (string, []byte, error) { return s.mechanism, s.initial, nil }

func (s *script) Next(challenge []byte) ([]byte, error) {
	s.challenges = append(s.challenges, string(challenge))
	if len(s.responses) == 0 {
		return nil, errSurprise
	}
	response := s.responses[0]
	s.responses = s.responses[1:]
	return []byte(response), nil
}

func TestAuth(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		transcript string
		sasl       script
		challenges []string
		want       string // of the error
		broken     bool
	}{
		{
			"initial response on its own line", "C: AUTH PLAIN\nS: + \nC: AHUAcA==\nS: +OK",
			script{mechanism: "PLAIN", initial: []byte("\x00u\x00p")},
			nil, "", false,
		},
		{ // Exchange
			"bare plus", "C: AUTH PLAIN\nS: +\nC: AHUAcA==\nS: +OK",
			script{mechanism: "PLAIN", initial: []byte("\x00u\x00p")},
			nil, "", false,
		},
		{
			"+OK for a continuation", "C: AUTH PLAIN\nS: +OK\nC: AHUAcA==\nS: +OK",
			script{mechanism: "PLAIN", initial: []byte("\x00u\x00p")},
			nil, "", false,
		},
		{
			"text for a challenge", "C: AUTH PLAIN\nS: + go ahead\nC: AHUAcA==\nS: +OK",
			script{mechanism: "PLAIN", initial: []byte("\x00u\x00p")},
			nil, "", false,
		},
		{
			"empty initial response", "C: AUTH EXTERNAL\nS: + \nC: \nS: +OK",
			script{mechanism: "EXTERNAL", initial: []byte{}},
			nil, "", false,
		},
		{
			"challenges", "C: AUTH LOGIN\nS: + VXNlcm5hbWU6\nC: dQ==\nS: + UGFzc3dvcmQ6\nC: cA==\nS: +ok",
			script{mechanism: "LOGIN", responses: []string{"u", "p"}},
			[]string{"Username:", "Password:"},
			"", false,
		},
		{
			"refused", "C: AUTH PLAIN\nS: + \nC: AHUAcA==\nS: -ERR [AUTH] no",
			script{mechanism: "PLAIN", initial: []byte("\x00u\x00p")},
			nil, "server said: -ERR [AUTH] no", false,
		},
		{
			"mechanism refused", "C: AUTH PLAIN\nS: -ERR unknown",
			script{mechanism: "PLAIN", initial: []byte("\x00u\x00p")},
			nil, "server said: -ERR unknown", false,
		},
		{ // OAUTHBEARER explains its refusal in a challenge
			"cancelled", "C: AUTH X\nS: + \nC: eA==\nS: + e30=\nC: *\nS: -ERR [AUTH] bad token",
			script{mechanism: "X", initial: []byte("x")},
			[]string{"{}"},
			"server said: -ERR [AUTH] bad token (unexpected challenge)", false,
		},
		{
			"challenge is no base64", "C: AUTH X\nS: + \nC: eA==\nS: + e\nC: *\nS: -ERR no",
			script{mechanism: "X", initial: []byte("x")},
			nil, "server said: -ERR no (illegal base64 data at input byte 0)", false,
		},
		{
			"cancelled and accepted", "C: AUTH X\nS: + \nC: eA==\nS: + e30=\nC: *\nS: +OK",
			script{mechanism: "X", initial: []byte("x")},
			[]string{"{}"},
			"server takes a cancelled authentication for a login: unexpected challenge", true,
		},
		{ // hMailServer sends +ERR
			"+ERR", "C: AUTH X\nS: + \nC: eA==\nS: +ERR no",
			script{mechanism: "X", initial: []byte("x")},
			nil, `out of step with the server: "+ERR no" in place of the reply to AUTH`, true,
		},
		{
			"without end", "C: AUTH X\nS: +\n" + strings.Repeat("C: eA==\nS: +\n", 32) + "C: *\nS: -ERR enough",
			script{mechanism: "X", responses: strings.Split(strings.Repeat("x", 40), "")},
			make([]string, 32), "server said: -ERR enough (authentication does not end)", false,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				transcript := "S: +OK\n" + test.transcript
				if !test.broken {
					transcript += "\nC: NOOP\nS: +OK"
				}
				c := play(t, transcript)
				err := c.Auth(&test.sasl)
				got := ""
				if err != nil {
					got = err.Error()
				}
				if got != test.want {
					t.Errorf("error %q, want %q", got, test.want)
				}
				if diff := cmp.Diff(test.challenges, test.sasl.challenges); diff != "" {
					t.Errorf("challenges differ (-want +got):\n%s", diff)
				}
				again := c.Noop()
				if test.broken && again != err {
					t.Errorf("next call returned %v, want %v", again, err)
				}
				if !test.broken && again != nil {
					t.Errorf("next call failed: %v", again)
				}
			})
		})
	}
}

func TestUserPassPipelined(t *testing.T) {
	t.Parallel()
	// In the clear one waits for the other, whatever is announced.
	synctest.Test(t, func(t *testing.T) {
		c := play(t, "S: +OK\nC: CAPA\nS: +OK\nS: PIPELINING\nS: .\nC: USER u\nS: -ERR no\nC: QUIT\nS: +OK")
		if _, err := c.Capa(); err != nil {
			t.Fatal(err)
		}
		if _, ok := errors.AsType[*pop3.Error](c.UserPass("u", "p")); !ok {
			t.Error("no refusal")
		}
		if err := c.Quit(); err != nil {
			t.Error(err)
		}
	})
}

// TestOnlyOKIsOK: what merely looks like success is none.
func TestOnlyOKIsOK(t *testing.T) {
	t.Parallel()
	for reply, want := range map[string]error{
		"+OK": nil, "+ok": nil, "+OK ": nil, "+OK\twelcome": nil, "+Ok [X] welcome": nil,
		"+ERR no": pop3.ErrDesync, "+OKAY": pop3.ErrDesync, "+OK:": pop3.ErrDesync, "": pop3.ErrDesync, "OK": pop3.ErrDesync,
		" +OK": pop3.ErrDesync, "+": pop3.ErrDesync, "-": pop3.ErrDesync, "-ERROR": pop3.ErrDesync, "+ OK": pop3.ErrDesync,
		"+OK" + strings.Repeat("x", 9000): pop3.ErrLineTooLong,
	} {
		synctest.Test(t, func(t *testing.T) {
			c, err := serve(t, func(conn net.Conn) error { return hang(conn, "+OK\r\n", "+OK\r\n", reply+"\r\n") })
			if err != nil {
				t.Fatal(err)
			}
			if err := c.UserPass("u", "p"); !errors.Is(err, want) {
				t.Errorf("reply %.20q to PASS: error %v, want %v", reply, err, want)
			}
		})
	}
}

// TestSecretsSaidBack masks what a server repeats of a secret, in errors and in the trace.
func TestSecretsSaidBack(t *testing.T) {
	t.Parallel()
	const token = "AHUAc2VjcmV0" // what the mechanism sends for the password "secret"
	for _, test := range []struct {
		name, transcript string
		login            func(c *pop3.Client) error
		want             string
	}{
		{"PASS", "C: USER u\nS: +OK\nC: PASS secret\nS: -ERR unknown command: PASS secret", func(c *pop3.Client) error { return c.UserPass("u", "secret") }, "server said: -ERR unknown command: PASS ***"},
		{"AUTH", "C: AUTH PLAIN\nS: +OK\nC: " + token + "\nS: -ERR what is " + token + "?", func(c *pop3.Client) error {
			return c.Auth(&script{mechanism: "PLAIN", initial: []byte("\x00u\x00secret")})
		}, "server said: -ERR what is ***?"},
		{"challenge", "C: AUTH PLAIN\nS: + " + token + "\nC: " + token + "\nS: + c2VjcmV0\nC: \nS: -ERR no", func(c *pop3.Client) error {
			return c.Auth(&script{mechanism: "PLAIN", initial: []byte("\x00u\x00secret"), responses: []string{""}})
		}, "server said: -ERR no"},
		{"what AUTH stands for", "C: AUTH XOAUTH2\nS: +\nC: " + "dXNlcj11AWF1dGg9QmVhcmVyIHNlY3JldAEB" + "\nS: -ERR no: user=u auth=Bearer secret", func(c *pop3.Client) error {
			c.Conceal("secret")
			return c.Auth(&script{mechanism: "XOAUTH2", initial: []byte("user=u\x01auth=Bearer secret\x01\x01")})
		}, "server said: -ERR no: user=u auth=Bearer ***"},
		{"in other forms", "C: USER u\nS: +OK\nC: PASS secret\nS: -ERR SECRET, terces, c2VjcmV0, " + token, func(c *pop3.Client) error { return c.UserPass("u", "secret") }, "server said: -ERR ***, ***, ***, AHUA***"},
		{"short", "C: USER u\nS: +OK\nC: PASS hell0\nS: -ERR [AUTH] PASS was hell0, HELL0, aGVsbDA=", func(c *pop3.Client) error { return c.UserPass("u", "hell0") }, "server said: -ERR [AUTH] PASS was ***, ***, ***="},
		{"a letter", "C: USER u\nS: +OK\nC: PASS a\nS: -ERR [AUTH] bad pass 'a'", func(c *pop3.Client) error { return c.UserPass("u", "a") }, "server said: -ERR [AUTH] bad pass '***'"},
		{"a word of the protocol", "C: USER u\nS: +OK\nC: PASS in\nS: -ERR [IN-USE] in use", func(c *pop3.Client) error { return c.UserPass("u", "in") }, "server said: -ERR [IN-USE] *** use"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var trace strings.Builder
				c := play(t, "S: +OK\n"+test.transcript, func(l pop3.TraceLine) { trace.WriteString(l.Text + "\n") })
				err := test.login(c)
				if err == nil || err.Error() != test.want {
					t.Errorf("error %v, want %s", err, test.want)
				}
				for _, secret := range []string{"secret", token, "c2VjcmV0", "hell0", "aGVsbDA"} {
					if strings.Contains(trace.String(), secret) {
						t.Errorf("the trace shows %s:\n%s", secret, trace.String())
					}
				}
			})
		})
	}
}

// TestPasswordIsNumber: a password of digits is masked where it is shown. It does not change what
// the server's replies mean.
func TestPasswordIsNumber(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := play(t, "S: +OK\nC: USER u\nS: +OK\nC: PASS 123456\nS: +OK\nC: STAT\nS: +OK 3 123456\nC: NOOP\nS: -ERR no 123456", nil)
		if err := c.UserPass("u", "123456"); err != nil {
			t.Fatal(err)
		}
		if count, octets, err := c.Stat(); count != 3 || octets != 123456 || err != nil {
			t.Errorf("%d messages of %d octets, error %v", count, octets, err)
		}
		if err := c.Noop(); err == nil || strings.Contains(err.Error(), "123456") {
			t.Errorf("error %v", err)
		}
	})
}

// TestBehind: what is sent with the login is answered behind it, if the login is confirmed.
func TestBehind(t *testing.T) {
	t.Parallel()
	sent := fmt.Sprintf("S: +OK <1@x>\nC: APOP u %x\nC: CAPA\nC: STAT\n", md5.Sum([]byte("<1@x>p")))
	synctest.Test(t, func(t *testing.T) {
		c := play(t, sent+"S: +OK\nS: +OK\nS: UIDL\nS: .\nS: +OK 3 40\nC: NOOP\nS: +OK")
		c.Behind("CAPA", "STAT")
		if err := c.Apop("u", "p"); err != nil {
			t.Fatal(err)
		}
		if caps, err := c.Capa(); err != nil || !caps.Has("UIDL") {
			t.Errorf("capabilities %v, error %v", caps, err)
		}
		if count, _, err := c.Stat(); count != 3 || err != nil {
			t.Errorf("%d messages, error %v", count, err)
		}
		if err := c.Noop(); err != nil {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c, err := serve(t, func(conn net.Conn) error {
			return hang(conn, "+OK <1@x>\r\n", "-ERR [AUTH] no\r\n+OK\r\n.\r\n-ERR\r\n")
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Behind("CAPA", "STAT")
		if _, refused := errors.AsType[*pop3.Error](c.Apop("u", "p")); !refused {
			t.Error("no refusal")
		}
		if _, err := c.Capa(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("then %v, want a closed client", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c, err := serve(t, func(conn net.Conn) error { return hang(conn, "+OK <1@x>\r\n", "+OK\r\n") })
		if err != nil {
			t.Fatal(err)
		}
		c.Behind("CAPA", "STAT")
		if err := c.Apop("u", "p"); err != nil {
			t.Fatal(err)
		}
		since := time.Now()
		if _, err := c.Capa(); !errors.Is(err, pop3.ErrDesync) || time.Since(since) > time.Minute {
			t.Errorf("a server that lost what came behind the login: %v after %v", err, time.Since(since))
		}
	})
}
