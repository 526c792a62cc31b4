package pop3_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestDesync: a dot that was not stuffed cuts a message, and what follows it is
// not a reply. The error must say which message not to believe.
func TestDesync(t *testing.T) {
	t.Parallel()
	for _, rest := range []string{"garbage\r\n.\r\n", "\r\n", "+OKAY\r\n.\r\n", strings.Repeat("x", 10000) + "\r\n.\r\n", "+OK\r\nnot so\r\n.\r\n"} {
		for _, window := range []int{1, 64} {
			synctest.Test(t, func(t *testing.T) {
				server := &pipeliningServer{reply: func(line string) string {
					if line == "RETR 2\r\n" {
						return "+OK\r\nbegins\r\n.\r\n" + rest
					}
					return "+OK\r\nx\r\n.\r\n"
				}}
				c, err := serve(t, server.serve)
				if err != nil {
					t.Fatal(err)
				}
				err = c.RetrEach(slices.Values([]int{1, 2, 3, 4}), window, func(_ int, body io.Reader, err error) error {
					return err
				})
				for _, confirm := range []func() error{c.Noop, c.Quit} {
					if err == nil {
						err = confirm()
					}
				}
				if !errors.Is(err, pop3.ErrDesync) {
					t.Fatalf("%.20q, window %d: error %v, want %v", rest, window, err, pop3.ErrDesync)
				}
				if _, ok := errors.AsType[*pop3.ProtocolError](err); !ok {
					t.Errorf("error %T is no *ProtocolError", err)
				}
				// What looks like a reply is found out too late to know whose fault it is.
				if named := strings.Contains(err.Error(), "message 2 may have been cut at a lone dot"); !named && !(strings.HasPrefix(rest, "+OK\r\n") && window > 1) {
					t.Errorf("%.20q, window %d: error %q does not name message 2", rest, window, err)
				}
			})
		}
	}
}

func TestQuit(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		"+OK bye\r\n": "<nil>",
		"-ERR some deleted messages not removed\r\n": "server said: -ERR some deleted messages not removed",
		"":        "server closed the connection instead of answering QUIT: unexpected EOF",
		"+OK":     "server closed the connection instead of answering QUIT: unexpected EOF",
		"bye\r\n": `out of step with the server: "bye" in place of the reply to QUIT`,
	} {
		synctest.Test(t, func(t *testing.T) {
			c, err := serve(t, func(conn net.Conn) error {
				io.WriteString(conn, "+OK\r\n")
				bufio.NewReader(conn).ReadString('\n')
				io.WriteString(conn, answer)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Quit(); fmt.Sprint(err) != want {
				t.Errorf("%q: error %q, want %q", answer, fmt.Sprint(err), want)
			}
			if c.Noop() == nil {
				t.Errorf("%q: NOOP behind QUIT succeeded", answer)
			}
		})
	}
}

// TestDesyncAtTheEnd: what follows the last message is found before the caller
// takes it for complete.
func TestDesyncAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &pipeliningServer{reply: func(string) string { return "+OK\r\nx\r\n.\r\n+OK this is mail\r\n.\r\n" }}
		c, err := serve(t, server.serve)
		if err != nil {
			t.Fatal(err)
		}
		err = c.RetrEach(slices.Values([]int{5}), 64, func(int, io.Reader, error) error { return nil })
		if !errors.Is(err, pop3.ErrDesync) || !strings.Contains(err.Error(), "message 5 may have been cut") {
			t.Errorf("error %v, want %v that names message 5", err, pop3.ErrDesync)
		}
	})
}

// TestDotWithoutLineEnd: a final dot behind a last line without CR LF is found by
// a NOOP, soon, and sooner from the second time on; a pause behind a sentence is not
// taken for one.
func TestDotWithoutLineEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, err := serve(t, func(conn net.Conn) error {
			return pop3test.Play(conn, `
S: +OK
C: RETR 1
S: +OK
S: a sentence..
C: NOOP
S: +OK still here
C: RETR 2
S: +OK
S: x.
C: NOOP
S: -ERR not now
C: RETR 3
S: +OK
S: a sentence.
C: NOOP
S: and more.
S: .
S: +OK
C: QUIT
S: +OK
`)
		})
		if err != nil {
			t.Fatal(err)
		}
		for n, want := range []struct {
			text string
			most time.Duration
		}{{"a sentence.", 8 * time.Second}, {"x", time.Second}, {"a sentence.\r\nand more.\r\n", time.Second}} {
			start := time.Now()
			if text, err := readMessage(c, n+1); err != nil || text != want.text || time.Since(start) > want.most {
				t.Errorf("message %d: %q, error %v, after %v; want %q within %v", n+1, text, err, time.Since(start), want.text, want.most)
			}
		}
		if err := c.Quit(); err != nil {
			t.Error(err)
		}
	})
}
