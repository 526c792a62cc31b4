package pop3_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestSessions goes through a whole session in each mode with each login.
func TestSessions(t *testing.T) {
	t.Parallel()
	logins := map[string]func(c *pop3.Client) error{
		"APOP":  func(c *pop3.Client) error { return c.Apop("u", "secret") },
		"PASS":  func(c *pop3.Client) error { return c.UserPass("u", "secret") },
		"PLAIN": func(c *pop3.Client) error { return c.Auth(plainSASL("u", "secret")) },
		"LOGIN": func(c *pop3.Client) error {
			return c.Auth(&script{mechanism: "LOGIN", responses: []string{"u", "secret"}})
		},
	}
	for mode, name := range []string{"implicit", "STLS", "plaintext"} {
		for mechanism, login := range logins {
			t.Run(name+"/"+mechanism, func(t *testing.T) {
				t.Parallel()
				s := start(t, func(s *pop3test.Server) {
					s.STLS, s.Plaintext = pop3.Mode(mode) == pop3.StartTLS, pop3.Mode(mode) == pop3.Plaintext
				})
				c := dial(t, s, pop3.Mode(mode))
				if state, ok := c.TLSState(); ok != (pop3.Mode(mode) != pop3.Plaintext) || ok && state.Version < tls.VersionTLS12 {
					t.Errorf("TLS: %t, version %x", ok, state.Version)
				}
				caps, err := c.Capa()
				if err != nil || !caps.Has("UIDL") || !caps.Has("PIPELINING") || caps.Has("STLS") {
					t.Errorf("CAPA: %v, error %v", caps, err)
				}
				if err := login(c); err != nil {
					t.Fatal(err)
				}
				steps, err := wholeMailbox(c, 64)
				if err != nil {
					t.Fatal(err)
				}
				want := []string{
					"3 57", "1 32", "2 25", "3 0", "1 a", "2 b", "3 c",
					`1 "Subject: a\r\n\r\n.stuffed\r\n.\r\nend\r\n"`, `2 "Subject: b\n\nno line end\r\n"`, `3 ""`,
				}
				if diff := cmp.Diff(want, steps); diff != "" {
					t.Errorf("steps differ (-want +got):\n%s", diff)
				}
				if left := len(s.Mailbox("u")); left != 3 {
					t.Errorf("%d messages left before QUIT, want 3", left)
				}
				err = c.DeleQuit(slices.Values([]int{2}), 1, func(_ int, refused error) {
					if refused != nil {
						t.Errorf("DELE: %v", refused)
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				if left := s.Mailbox("u"); len(left) != 2 || left[1].UIDL != "c" {
					t.Errorf("%v left behind QUIT", left)
				}
				if log := fmt.Sprint(s.Log()); strings.Contains(log, "secret") {
					t.Errorf("the server's log shows the password: %s", log)
				}
			})
		}
	}
}

func wholeMailbox(c *pop3.Client, window int) (steps []string, err error) {
	step := func(args ...any) error {
		steps = append(steps, strings.TrimSpace(fmt.Sprintln(args...)))
		return nil
	}
	count, octets, err := c.Stat()
	if err != nil {
		return nil, err
	}
	step(count, octets)
	if err := c.List(func(n int, size int64) error { return step(n, size) }); err != nil {
		return nil, err
	}
	if err := c.Uidl(func(n int, uidl string) error { return step(n, uidl) }); err != nil {
		return nil, err
	}
	err = c.RetrEach(upTo(count), window, func(n int, body io.Reader, err error) error {
		if err != nil {
			return err
		}
		message, err := io.ReadAll(body)
		step(n, fmt.Sprintf("%q", message))
		return err
	})
	return steps, err
}

func upTo(count int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for n := range count {
			if !yield(n + 1) {
				return
			}
		}
	}
}

// TestPairRefused: of USER and PASS sent together, the refusal of USER is the one
// that matters, and both replies are read.
func TestPairRefused(t *testing.T) {
	t.Parallel()
	c := dial(t, start(t, func(s *pop3test.Server) { s.NoUserPass = true }), pop3.Implicit)
	if _, err := c.Capa(); err != nil {
		t.Fatal(err)
	}
	refused, ok := errors.AsType[*pop3.Error](c.UserPass("u", "secret"))
	if !ok || refused.Cmd != "USER" || refused.Code != "SYS/PERM" {
		t.Errorf("got %v, want the refusal of USER", refused)
	}
	if err := c.Apop("u", "secret"); err != nil {
		t.Error(err)
	}
}

// TestFaults: what hooks script is what the client meets, behind TLS too.
func TestFaults(t *testing.T) {
	t.Parallel()
	at := func(verb string, fault func(c *pop3test.Conn)) func(s *pop3test.Server) {
		return func(s *pop3test.Server) {
			s.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
				if cmd != verb {
					return false
				}
				fault(c)
				return true
			}
		}
	}
	for name, test := range map[string]struct {
		configure func(s *pop3test.Server)
		want      error
	}{
		"cut within a message": {at("RETR", func(c *pop3test.Conn) {
			c.Reply("+OK", "Subject: x")
			c.Cut()
		}), io.ErrUnexpectedEOF},
		"cut in place of a reply": {at("STAT", (*pop3test.Conn).Cut), io.ErrUnexpectedEOF},
		"orderly end of TLS within a message": {at("RETR", func(c *pop3test.Conn) {
			c.Reply("+OK", "Subject: x")
			c.Send(nil)
			c.Close()
		}), io.ErrUnexpectedEOF},
		"garbage in place of a list": {at("UIDL", func(c *pop3test.Conn) { c.Reply("1 a", "2 b", ".") }), pop3.ErrDesync},
		"a reply too many":           {at("STAT", func(c *pop3test.Conn) { c.Reply("+OK 3 59", "+OK 3 59") }), pop3.ErrDesync},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, start(t, test.configure), pop3.Implicit)
			if err := c.Apop("u", "secret"); err != nil {
				t.Fatal(err)
			}
			_, err := wholeMailbox(c, 64)
			if !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
			if again := c.Quit(); again == nil || !errors.Is(err, again) {
				t.Errorf("QUIT returned %v, want the error in %v", again, err)
			}
		})
	}
}

// TestBigMessages: big messages and many commands at once block neither end.
func TestBigMessages(t *testing.T) {
	t.Parallel()
	raw := bytes.Repeat([]byte("..dots and a line of text that goes on\r\n"), 25_000)
	s := start(t, func(s *pop3test.Server) {
		s.Mailboxes["u"] = slices.Repeat([]pop3test.Message{{UIDL: "x", Raw: raw}}, 20)
	})
	c := dial(t, s, pop3.Implicit)
	if err := c.Apop("u", "secret"); err != nil {
		t.Fatal(err)
	}
	messages := 0
	err := c.RetrEach(upTo(20), 64, func(_ int, body io.Reader, err error) error {
		if err != nil {
			return err
		}
		var got bytes.Buffer
		if _, err := io.Copy(&got, body); err != nil {
			return err
		}
		if !bytes.Equal(got.Bytes(), raw) {
			return errors.New("message differs")
		}
		messages++
		return nil
	})
	if err != nil || messages != 20 {
		t.Errorf("%d messages, error %v", messages, err)
	}
}
