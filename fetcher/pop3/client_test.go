package pop3_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// serve runs a server at the other end of a pipe and returns what
// a [pop3.Dialer] makes of this end. The server must be content when the test
// ends. To be called in a synctest bubble.
func serve(t *testing.T, server func(conn net.Conn) error, trace ...func(pop3.TraceLine)) (*pop3.Client, error) {
	t.Helper()
	return serveContext(t, t.Context(), server, trace...)
}

func serveContext(t *testing.T, ctx context.Context, server func(conn net.Conn) error, trace ...func(pop3.TraceLine)) (*pop3.Client, error) {
	t.Helper()
	ours, theirs := net.Pipe()
	done := make(chan error, 1)
	go func() {
		defer theirs.Close()
		done <- server(theirs)
	}()
	var tracer func(pop3.TraceLine)
	if len(trace) > 0 {
		tracer = trace[0]
	}
	c, err := through(ours, tracer).Dial(ctx)
	t.Cleanup(func() {
		if c != nil {
			c.Close()
		}
		if err := <-done; err != nil {
			t.Errorf("server: %v", err)
		}
	})
	return c, err
}

// through returns a dialer whose connection is conn.
func through(conn net.Conn, trace func(pop3.TraceLine)) *pop3.Dialer {
	return &pop3.Dialer{
		Mode: pop3.Plaintext, Trace: trace,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil },
	}
}

// play is [serve] with a transcript for a server.
func play(t *testing.T, transcript string, trace ...func(pop3.TraceLine)) *pop3.Client {
	t.Helper()
	c, err := serve(t, func(conn net.Conn) error { return pop3test.Play(conn, transcript) }, trace...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func readTranscript(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sizes collects LIST.
func sizes(c *pop3.Client) (entries []string, err error) {
	err = c.List(func(n int, size int64) error {
		entries = append(entries, fmt.Sprintf("%d %d", n, size))
		return nil
	})
	return entries, err
}

func readMessage(c *pop3.Client, n int) (string, error) {
	var message bytes.Buffer
	err := c.RetrEach(slices.Values([]int{n}), 1, func(_ int, body io.Reader, err error) error {
		if err == nil {
			_, err = message.ReadFrom(body)
		}
		return err
	})
	return message.String(), err
}

func TestDialogueUserPass(t *testing.T) {
	t.Parallel()
	transcript := readTranscript(t, "freenet-pass.txt")
	synctest.Test(t, func(t *testing.T) {
		c := play(t, transcript)
		if got, want := c.Greeting(), "+OK <500.1448880155@mx.freenet.de>"; got != want {
			t.Errorf("greeting %q, want %q", got, want)
		}
		if err := c.UserPass("POP3USERNAME", "POP3PASSWORT"); err != nil {
			t.Fatal(err)
		}
		entries, err := sizes(c)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"1 2572", "2 2805"}, entries); diff != "" {
			t.Errorf("LIST differs (-want +got):\n%s", diff)
		}
		message, err := readMessage(c, 1)
		if err != nil {
			t.Fatal(err)
		}
		_, attachment, _ := strings.Cut(message, "Content-Length: 116\r\n\r\n")
		encoded, _, found := strings.Cut(attachment, "\r\n\r\n--|1B031C1B1A9321EF01|--\r\n\r\n")
		if !found {
			t.Fatalf("message ends otherwise: %q", message)
		}
		acht, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(encoded, "\r\n", ""))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprintf("%x", sha256.Sum256(acht)), "5e2a4640b3e8732dd20c36a1e7a2dc89787901ca32028c016f64b8463a7574d8"; got != want {
			t.Errorf("acht.png has SHA-256 %s, want %s", got, want)
		}
		if err := c.Noop(); err != nil {
			t.Error(err)
		}
		if err := c.Quit(); err != nil {
			t.Error(err)
		}
		if err := c.Noop(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("NOOP behind QUIT: %v, want net.ErrClosed", err)
		}
	})
}

func TestDialogueAPOP(t *testing.T) {
	t.Parallel()
	transcript := readTranscript(t, "freenet-apop.txt")
	synctest.Test(t, func(t *testing.T) {
		c := play(t, transcript)
		if err := c.Apop("User-Name", "POP3-PASSWORD"); err != nil {
			t.Fatal(err)
		}
		entries, err := sizes(c)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"1 382310", "2 382307", "3 382852"}, entries); diff != "" {
			t.Errorf("LIST differs (-want +got):\n%s", diff)
		}
		if err := c.Quit(); err != nil {
			t.Error(err)
		}
	})
}

func TestPermissionDenied(t *testing.T) {
	t.Parallel()
	transcript := readTranscript(t, "permission-denied.txt")
	synctest.Test(t, func(t *testing.T) {
		c := play(t, transcript)
		err := c.Apop("User-Name", "wrong")
		want := &pop3.Error{Cmd: "APOP", Text: "-ERR permission denied"}
		if got, ok := errors.AsType[*pop3.Error](err); !ok || *got != *want {
			t.Fatalf("error %#v, want %#v", err, want)
		}
		if got, want := err.Error(), "server said: -ERR permission denied"; got != want {
			t.Errorf("error reads %q, want %q", got, want)
		}
		if err := c.Quit(); err != nil {
			t.Errorf("QUIT behind a refusal: %v", err)
		}
	})
}

func TestArguments(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// The transcript has nothing but NOOP: whatever else arrives fails the test.
		c := play(t, "S: +OK <1.2@host>\nC: NOOP\nS: +OK\nC: QUIT\nS: +OK\n")
		for _, bad := range []string{"u\r\nDELE 1", "u\n", "\ru", "u\x00"} {
			for name, login := range map[string]func() error{
				"USER": func() error { return c.UserPass(bad, "p") },
				"APOP": func() error { return c.Apop(bad, "p") },
				"AUTH": func() error { return c.Auth(&script{mechanism: bad}) },
			} {
				if err := login(); err == nil {
					t.Errorf("%s %q was sent", name, bad)
				}
			}
		}
		if err := c.Noop(); err != nil {
			t.Errorf("NOOP behind refused arguments: %v", err)
		}
		if err := c.Quit(); err != nil {
			t.Error(err)
		}
	})
}

// TestPasswords: what is no line break goes through as it is.
func TestPasswords(t *testing.T) {
	t.Parallel()
	for _, password := range []string{" a  b ", "pässwörd", "100%s", strings.Repeat("x", 200), "\xff\t\x7f"} {
		synctest.Test(t, func(t *testing.T) {
			c := play(t, "S: +OK\nC: USER u\nS: +OK\nC: PASS "+password+"\nS: +OK\n")
			if err := c.UserPass("u", password); err != nil {
				t.Errorf("password %q: %v", password, err)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		c := play(t, "S: +OK\nC: USER u\nS: +OK\n")
		if err := c.UserPass("u", "p\r\nDELE 1"); err == nil || strings.Contains(err.Error(), "DELE") {
			t.Errorf("error %v, want one that does not show the password", err)
		}
	})
}

func TestTrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got []string
		trace := func(l pop3.TraceLine) { got = append(got, l.From.String()+": "+l.Text) }
		digest := fmt.Sprintf("%x", md5.Sum([]byte("<1.2@host>secret")))
		transcript := strings.Join([]string{
			"S: +OK <1.2@host> \x1b[31mred", "C: CAPA", "S: +OK", "S: USER", "S: .",
			"C: APOP u " + digest, "S: -ERR no", "C: USER u", "S: +OK", "C: PASS secret", "S: -ERR no",
			"C: AUTH PLAIN", "S: + ", "C: AHUAc2VjcmV0", "S: +OK",
			"C: UIDL", "S: +OK", "S: 1 a", "S: 2 b", "S: .",
			"C: RETR 1", "S: +OK", "S: secret of a kind", "S: .",
		}, "\n")
		c := play(t, transcript, trace)
		if _, err := c.Capa(); err != nil {
			t.Fatal(err)
		}
		if err := c.Apop("u", "secret"); err == nil {
			t.Error("APOP succeeded")
		}
		if err := c.UserPass("u", "secret"); err == nil {
			t.Error("USER and PASS succeeded")
		}
		if err := c.Auth(&script{mechanism: "PLAIN", initial: []byte("\x00u\x00secret")}); err != nil {
			t.Fatal(err)
		}
		if err := c.Uidl(func(int, string) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if _, err := readMessage(c, 1); err != nil {
			t.Fatal(err)
		}
		want := []string{
			`server: +OK <1.2@host> \x1b[31mred`, "client: CAPA", "server: +OK", "server: USER",
			"client: APOP u ***", "server: -ERR no", "client: USER u", "server: +OK", "client: PASS ***", "server: -ERR no",
			"client: AUTH PLAIN", "server: +", "client: ***", "server: +OK",
			"client: UIDL", "server: +OK", "server: ... (2 lines)",
			"client: RETR 1", "server: +OK", "server: ... (18 bytes)",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("trace differs (-want +got):\n%s", diff)
		}
	})
}
