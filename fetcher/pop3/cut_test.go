package pop3_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/fetcher/pop3"
)

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
