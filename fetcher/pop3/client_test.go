package pop3_test

import (
	"bufio"
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
	"time"

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

// session goes through all commands and returns an account of the answers.
func session(c *pop3.Client) (steps []string, err error) {
	step := func(format string, args ...any) { steps = append(steps, fmt.Sprintf(format, args...)) }
	if _, err := c.Capa(); err != nil {
		return steps, fmt.Errorf("capa: %w", err)
	}
	step("capa")
	if err := c.UserPass("u", "p"); err != nil {
		return steps, fmt.Errorf("login: %w", err)
	}
	step("login")
	count, octets, err := c.Stat()
	if err != nil {
		return steps, fmt.Errorf("stat: %w", err)
	}
	step("stat %d %d", count, octets)
	var list []string
	err = c.Uidl(func(n int, uidl string) error {
		list = append(list, uidl)
		return nil
	})
	if err != nil {
		return steps, fmt.Errorf("uidl: %w", err)
	}
	step("uidl %q", list)
	err = c.RetrEach(slices.Values([]int{1, 2, 3}), 1, func(n int, body io.Reader, err error) error {
		if err != nil {
			step("message %d: %v", n, err)
			return nil
		}
		message, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		step("message %d: %q", n, message)
		return nil
	})
	if err != nil {
		return steps, fmt.Errorf("retr: %w", err)
	}
	err = c.DeleQuit(slices.Values([]int{1}), 1, func(n int, err error) { step("dele %d: %v", n, err) })
	if err != nil {
		return steps, fmt.Errorf("quit: %w", err)
	}
	step("quit")
	return steps, nil
}

const sessionServer = "+OK <1.2@host> ready\r\n" +
	"+OK\r\nUSER\r\nUIDL\r\n.\r\n" +
	"+OK\r\n+OK\r\n" +
	"+OK 3 30\r\n" +
	"+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n" +
	"+OK\r\nSubject: x\r\n\r\n..stuffed\r\n...\r\nbody\r\n.\r\n" +
	"-ERR [SYS/TEMP] not now\r\n" +
	"+OK 0 octets\r\n.\r\n" +
	"+OK\r\n" +
	"+OK bye\r\n"

func sessionSteps() []string {
	return []string{
		"capa", "login", "stat 3 30", `uidl ["a" "b" "c"]`,
		`message 1: "Subject: x\r\n\r\n.stuffed\r\n..\r\nbody\r\n"`,
		"message 2: server said: -ERR [SYS/TEMP] not now", `message 3: ""`,
		"dele 1: <nil>", "quit",
	}
}

// answer serves a session from its recording: one reply, as far as the recording
// goes, for each line of the client, in segments of at most segment bytes.
func answer(conn net.Conn, recording string, segment int) error {
	replies := splitReplies(sessionServer)
	b := make([]byte, 1)
	for _, reply := range replies {
		reply = reply[:min(len(reply), len(recording))]
		recording = recording[len(reply):]
		for len(reply) > 0 {
			n := min(segment, len(reply))
			if _, err := io.WriteString(conn, reply[:n]); err != nil {
				return nil
			}
			reply = reply[n:]
		}
		if recording == "" {
			return nil
		}
		for b[0] = 0; b[0] != '\n'; {
			if _, err := conn.Read(b); err != nil {
				return nil
			}
		}
	}
	return nil
}

// splitReplies cuts a session at the places where the server waits.
func splitReplies(s string) (replies []string) {
	multi := map[int]bool{1: true, 5: true, 6: true, 8: true}
	for i := 0; s != ""; i++ {
		end := strings.Index(s, "\r\n") + 2
		if multi[i] {
			end = strings.Index(s, "\r\n.\r\n") + 5
		}
		replies = append(replies, s[:end])
		s = s[end:]
	}
	return replies
}

// TestSegments sends a session in segments of every size: what the line makes of
// the server's writes must not show.
func TestSegments(t *testing.T) {
	t.Parallel()
	for segment := 1; segment <= 64; segment++ {
		synctest.Test(t, func(t *testing.T) {
			c, err := serve(t, func(conn net.Conn) error { return answer(conn, sessionServer, segment) })
			if err != nil {
				t.Fatal(err)
			}
			steps, err := session(c)
			if err != nil {
				t.Fatalf("segments of %d: %v", segment, err)
			}
			if diff := cmp.Diff(sessionSteps(), steps); diff != "" {
				t.Errorf("segments of %d: steps differ (-want +got):\n%s", segment, diff)
			}
		})
	}
}

// TestCut ends the connection behind every byte of a session. The client must
// say so, must have believed nothing that was not sent in full, and must not
// come back to life.
func TestCut(t *testing.T) {
	t.Parallel()
	for cut := range len(sessionServer) {
		synctest.Test(t, func(t *testing.T) {
			c, err := serve(t, func(conn net.Conn) error { return answer(conn, sessionServer[:cut], 1000) })
			if greeting := strings.Index(sessionServer, "\n") + 1; cut < greeting {
				// The pipe's own error if it was closed before the client had set its deadline.
				if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.ErrClosedPipe) {
					t.Fatalf("cut at %d: error %v, want io.ErrUnexpectedEOF", cut, err)
				}
				return
			}
			if err != nil {
				t.Fatalf("cut at %d: %v", cut, err)
			}
			steps, err := session(c)
			if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.ErrClosedPipe) {
				t.Fatalf("cut at %d: error %v behind %q, want io.ErrUnexpectedEOF", cut, err, steps)
			}
			if want := sessionSteps(); len(steps) >= len(want) || !slices.Equal(steps, want[:len(steps)]) {
				t.Errorf("cut at %d: steps %q are no beginning of %q", cut, steps, want)
			}
			if again := c.Noop(); again == nil || !errors.Is(err, again) {
				t.Errorf("cut at %d: next call returned %v, want the error in %v", cut, again, err)
			}
		})
	}
}

// within runs f in a bubble and checks the time it took.
func within(t *testing.T, want time.Duration, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		f(t)
		if took := time.Since(start); took < want*7/8 || took > want {
			t.Errorf("took %v, want %v", took, want)
		}
	})
}

// hang sends the greeting and one answer for each line of the client, as far as
// there are any, and then waits for the client to go.
func hang(conn net.Conn, greeting string, answers ...string) error {
	go io.WriteString(conn, greeting)
	r := bufio.NewReader(conn)
	for _, answer := range answers {
		r.ReadString('\n')
		go io.WriteString(conn, answer)
	}
	io.Copy(io.Discard, r)
	return nil
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	wantTimeout := func(t *testing.T, err error, text string) {
		t.Helper()
		timeout, ok := errors.AsType[net.Error](err)
		if !ok || !timeout.Timeout() {
			t.Errorf("error %v is no time-out", err)
		}
		if !strings.Contains(fmt.Sprint(err), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
	t.Run("greeting", func(t *testing.T) {
		within(t, 30*time.Second, func(t *testing.T) {
			_, err := serve(t, func(conn net.Conn) error { return hang(conn, "") })
			wantTimeout(t, err, "read greeting: no greeting within 30s: is it a TLS port, such as 995? (timeouts.greeting)")
		})
	})
	t.Run("dripping greeting", func(t *testing.T) {
		within(t, 30*time.Second, func(t *testing.T) {
			_, err := serve(t, func(conn net.Conn) error {
				for tick := time.NewTicker(time.Second); ; <-tick.C {
					if _, err := conn.Write([]byte("+")); err != nil {
						return nil
					}
				}
			})
			wantTimeout(t, err, "no greeting within 30s")
		})
	})
	t.Run("reply", func(t *testing.T) {
		within(t, 3*time.Minute, func(t *testing.T) {
			c, err := serve(t, func(conn net.Conn) error { return hang(conn, "+OK\r\n") })
			if err != nil {
				t.Fatal(err)
			}
			err = c.Noop()
			wantTimeout(t, err, "server sent nothing for 3m0s instead of answering NOOP (timeouts.reply)")
			if again := c.Noop(); again != err {
				t.Errorf("next call returned %v", again)
			}
		})
	})
	t.Run("message", func(t *testing.T) {
		// Each pause is short enough, and the last is not.
		within(t, 5*100*time.Second+2*time.Minute, func(t *testing.T) {
			c, err := serve(t, func(conn net.Conn) error {
				io.WriteString(conn, "+OK\r\n")
				io.ReadFull(conn, make([]byte, len("RETR 1\r\n")))
				io.WriteString(conn, "+OK\r\n")
				for range 5 {
					<-time.After(100 * time.Second)
					io.WriteString(conn, "line\r\n")
				}
				return hang(conn, "")
			})
			if err != nil {
				t.Fatal(err)
			}
			message, err := readMessage(c, 1)
			wantTimeout(t, err, "server sent nothing for 2m0s after 30 bytes of message 1 (timeouts.idle)")
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("error %v of a message that did not end, want io.ErrUnexpectedEOF", err)
			}
			if want := strings.Repeat("line\r\n", 5); message != want {
				t.Errorf("got %q, want %q", message, want)
			}
		})
	})
	t.Run("list", func(t *testing.T) {
		within(t, 2*time.Minute, func(t *testing.T) {
			c, err := serve(t, func(conn net.Conn) error { return hang(conn, "+OK\r\n", "+OK\r\n1 1\r\n") })
			if err != nil {
				t.Fatal(err)
			}
			_, err = sizes(c)
			wantTimeout(t, err, "server sent nothing for 2m0s within the answer to LIST (timeouts.idle)")
		})
	})
	t.Run("write", func(t *testing.T) {
		within(t, time.Minute, func(t *testing.T) {
			stop := make(chan struct{})
			c, err := serve(t, func(conn net.Conn) error {
				io.WriteString(conn, "+OK\r\n")
				<-stop
				return nil
			})
			defer close(stop)
			if err != nil {
				t.Fatal(err)
			}
			wantTimeout(t, c.Noop(), "send command")
		})
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	cause := errors.New("shutting down")
	for name, sent := range map[string][]string{
		"greeting": {""}, "reply": {"+OK\r\n"}, "message": {"+OK\r\n", "+OK\r\nendless"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			within(t, 10*time.Second, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(10*time.Second, func() { cancel(cause) })
				c, err := serveContext(t, ctx, func(conn net.Conn) error { return hang(conn, sent[0], sent[1:]...) })
				if err == nil {
					_, err = readMessage(c, 1)
				}
				if !errors.Is(err, cause) {
					t.Errorf("error %v, want %v", err, cause)
				}
				if c != nil {
					if again := c.Noop(); !errors.Is(again, cause) {
						t.Errorf("next call returned %v, want %v", again, cause)
					}
				}
			})
		})
	}
}

// TestEndlessMessage: only the caller's context ends a message that does not.
func TestEndlessMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		c, err := serveContext(t, ctx, func(conn net.Conn) error {
			io.WriteString(conn, "+OK\r\n")
			io.ReadFull(conn, make([]byte, len("RETR 1\r\n")))
			io.WriteString(conn, "+OK\r\n")
			for {
				if _, err := io.WriteString(conn, "no line end "); err != nil {
					return nil
				}
				<-time.After(time.Second)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		message, err := readMessage(c, 1)
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("error %v, want the context's", err)
		}
		if len(message) < 3000*len("no line end ") {
			t.Errorf("only %d bytes came", len(message))
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
