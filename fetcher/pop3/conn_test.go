package pop3_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

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
