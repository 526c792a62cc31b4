package pop3_test

import (
	"bufio"
	"bytes"
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

// pipeliningServer answers RETR and DELE from its own goroutine, as a socket's
// buffer would allow, and keeps account of what was in flight.
type pipeliningServer struct {
	reply      func(line string) string
	commands   []string
	mostLines  int
	mostOctets int
	writes     int
}

func (s *pipeliningServer) serve(conn net.Conn) error {
	io.WriteString(conn, "+OK\r\n")
	lines, answered := make(chan string, 4000), make(chan int, 4000)
	go func() {
		for line := range lines {
			answered <- len(line) // before the client can know
			if _, err := io.WriteString(conn, s.reply(line)); err != nil {
				return
			}
		}
	}()
	defer close(lines)
	b := make([]byte, 16<<10)
	inFlight, octets := 0, 0
	for {
		n, err := conn.Read(b)
		for answeredAll := false; !answeredAll; {
			select {
			case size := <-answered:
				inFlight--
				octets -= size
			default:
				answeredAll = true
			}
		}
		if err != nil {
			return nil
		}
		s.writes++
		if b[n-1] != '\n' {
			return fmt.Errorf("a write ends within a command: %q", b[:n])
		}
		for line := range strings.Lines(string(b[:n])) {
			inFlight++
			octets += len(line)
			s.mostLines, s.mostOctets = max(s.mostLines, inFlight), max(s.mostOctets, octets)
			s.commands = append(s.commands, strings.TrimSpace(line))
			lines <- line
		}
	}
}

func TestPipelining(t *testing.T) {
	t.Parallel()
	const messages = 1000
	for _, window := range []int{-1, 1, 2, 3, 64, 128, 5000} {
		for name, first := range map[string]int{"short": 1, "long": 2_000_000_000} {
			t.Run(fmt.Sprintf("%s/%d", name, window), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					server := &pipeliningServer{reply: func(line string) string {
						number := strings.TrimSpace(strings.TrimPrefix(line, "RETR "))
						if strings.HasSuffix(number, "7") {
							return "-ERR [SYS/TEMP] not this one\r\n"
						}
						return "+OK\r\n..message " + number + "\r\n.\r\n"
					}}
					c, err := serve(t, server.serve)
					if err != nil {
						t.Fatal(err)
					}
					next := first
					numbers := func(yield func(int) bool) {
						for n := range messages {
							if !yield(first + n) {
								return
							}
						}
					}
					err = c.RetrEach(numbers, window, func(n int, body io.Reader, err error) error {
						if n != next {
							t.Fatalf("message %d, want %d", n, next)
						}
						next++
						if n%10 == 7 {
							if refused, ok := errors.AsType[*pop3.Error](err); !ok || refused.Code != "SYS/TEMP" || refused.Cmd != "RETR" || body != nil {
								t.Errorf("message %d: error %v, body %v", n, err, body)
							}
							return nil
						}
						if err != nil {
							return err
						}
						if n%10 == 3 {
							return nil // unread
						}
						var message bytes.Buffer
						if _, err := message.ReadFrom(body); err != nil {
							return err
						}
						if want := fmt.Sprintf(".message %d\r\n", n); message.String() != want {
							t.Errorf("message %d is %q", n, message.String())
						}
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
					if next != first+messages {
						t.Errorf("%d messages, want %d", next-first, messages)
					}
					if limit := min(max(window, 1), pop3.MaxWindow); server.mostLines > limit || window > 2 && server.mostLines < min(limit, 512)/2 {
						t.Errorf("up to %d commands in flight, want %d at most", server.mostLines, limit)
					}
					if server.mostOctets >= 16<<10 {
						t.Errorf("up to %d bytes of commands in flight", server.mostOctets)
					}
					if window == 64 && server.writes > messages/20 {
						t.Errorf("%d writes for %d commands", server.writes, messages)
					}
				})
			})
		}
	}
}

// TestDeleQuit: the session ends with the deletions, and only what is confirmed then counts.
func TestDeleQuit(t *testing.T) {
	t.Parallel()
	asked := []string{"1 <nil>", "2 server said: -ERR no such message", "9 <nil>"}
	for _, tt := range []struct {
		name     string
		numbers  []int
		window   int
		quit     string // the reply
		commands []string
		got      []string
		err      string
	}{
		{"in one go", []int{1, 2, 9}, 64, "+OK\r\n", []string{"DELE 1", "DELE 2", "DELE 9", "QUIT"}, asked, ""},
		{"one by one", []int{1, 2, 9}, 1, "+OK\r\n", []string{"DELE 1", "DELE 2", "DELE 9", "QUIT"}, asked, ""},
		{"nothing", nil, 64, "+OK\r\n", []string{"QUIT"}, nil, ""},
		{"not all", []int{1, 2, 9}, 64, "-ERR some deleted messages not removed\r\n", []string{"DELE 1", "DELE 2", "DELE 9", "QUIT"}, asked, "not removed"},
		{"no answer", []int{1, 2, 9}, 64, "", []string{"DELE 1", "DELE 2", "DELE 9", "QUIT"}, asked, "instead of answering QUIT"},
		{"an answer too many", []int{1, 2, 9}, 64, "+OK\r\n+OK\r\n", []string{"DELE 1", "DELE 2", "DELE 9", "QUIT"}, asked, "although nothing was asked"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := &pipeliningServer{reply: func(line string) string {
					switch line {
					case "DELE 2\r\n":
						return "-ERR no such message\r\n"
					case "QUIT\r\n":
						return tt.quit
					}
					return "+OK\r\n"
				}}
				c, err := serve(t, server.serve)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				err = c.DeleQuit(slices.Values(tt.numbers), tt.window, func(n int, err error) {
					got = append(got, fmt.Sprint(n, " ", err))
				})
				if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				if diff := cmp.Diff(tt.got, got); diff != "" {
					t.Errorf("DELE differs (-want +got):\n%s", diff)
				}
				if err := c.Noop(); !errors.Is(err, net.ErrClosed) && tt.err == "" {
					t.Errorf("the client is not closed: %v", err)
				}
				if diff := cmp.Diff(tt.commands, server.commands); diff != "" {
					t.Errorf("commands differ (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestEachStopped: an error of the caller ends it all and stays.
func TestEachStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &pipeliningServer{reply: func(string) string { return "+OK\r\nx\r\n.\r\n" }}
		c, err := serve(t, server.serve)
		if err != nil {
			t.Fatal(err)
		}
		broken, calls := errors.New("disk on fire"), 0
		err = c.RetrEach(slices.Values([]int{1, 2, 3}), 64, func(int, io.Reader, error) error {
			calls++
			return broken
		})
		if err != broken || calls != 1 {
			t.Errorf("error %v after %d calls", err, calls)
		}
		if err := c.Quit(); err != broken {
			t.Errorf("QUIT returned %v, want %v", err, broken)
		}
	})
}

// TestWithinMessage: while a message is being read no command is sent, and what is left of it is
// read before the next.
func TestWithinMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &pipeliningServer{reply: func(line string) string {
			switch line {
			case "TOP 1 0\r\n":
				return "+OK\r\nfirst\r\nsecond\r\n.\r\n"
			case "RETR 2\r\n":
				return "+OK\r\n" + strings.Repeat("long line\r\n", 200_000) + ".\r\n"
			}
			return "+OK\r\n"
		}}
		c, err := serve(t, server.serve)
		if err != nil {
			t.Fatal(err)
		}
		part := func(want string) func(n int, body io.Reader, err error) error {
			return func(n int, body io.Reader, err error) error {
				if err != nil {
					return err
				}
				if err := c.Noop(); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("message %d is still being read", n)) {
					t.Errorf("NOOP within message %d: %v", n, err)
				}
				b := make([]byte, len(want))
				if _, err := io.ReadFull(body, b); err != nil || string(b) != want {
					t.Errorf("read %q, error %v", b, err)
				}
				return nil
			}
		}
		if err := c.TopEach(slices.Values([]int{1}), 1, part("fir")); err != nil {
			t.Fatal(err)
		}
		if err := c.Noop(); err != nil {
			t.Errorf("client is not usable behind a short rest: %v", err)
		}
		if err := c.RetrEach(slices.Values([]int{2}), 1, part("long")); err != nil {
			t.Fatal(err)
		}
		if err := c.Noop(); err != nil {
			t.Errorf("client is not usable behind a long rest: %v", err)
		}
	})
}

// TestOverlookedCut: a message that was cut is an error even when the caller
// swallows it, the last one too.
func TestOverlookedCut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, err := serve(t, func(conn net.Conn) error {
			io.WriteString(conn, "+OK\r\n")
			bufio.NewReader(conn).ReadString('\n')
			io.WriteString(conn, "+OK\r\ncut he")
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		err = c.RetrEach(slices.Values([]int{1}), 64, func(_ int, body io.Reader, _ error) error {
			io.Copy(io.Discard, body)
			return nil
		})
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("error %v, want %v", err, io.ErrUnexpectedEOF)
		}
	})
}

// TestClosedClientReadsNothing: a message that was being read when its client was
// closed ends there. It does not go on with what another client reads into the same
// buffer.
func TestClosedClientReadsNothing(t *testing.T) {
	t.Parallel()
	const transcript = "S: +OK hello\nC: RETR 1\nS: +OK\nS: the first line\nS: the second line\n"
	synctest.Test(t, func(t *testing.T) {
		closed := play(t, transcript)
		var body io.Reader
		if err := closed.RetrEach(slices.Values([]int{1}), 1, func(_ int, b io.Reader, err error) error {
			if err != nil {
				t.Fatal(err)
			}
			body = b
			if _, err := io.ReadFull(body, make([]byte, 5)); err != nil {
				t.Fatal(err)
			}
			return closed.Close()
		}); !errors.Is(err, net.ErrClosed) {
			t.Fatalf("RETR on a client that is closed within: error %v", err)
		}
		for range 10 { // one of them at least gets the buffer
			other := play(t, transcript)
			err := other.RetrEach(slices.Values([]int{1}), 1, func(_ int, _ io.Reader, err error) error {
				if err != nil {
					return err
				}
				if n, err := body.Read(make([]byte, 100)); n > 0 || !errors.Is(err, net.ErrClosed) {
					t.Fatalf("%d bytes were read, error %v", n, err)
				}
				if _, err := closed.Capa(); !errors.Is(err, net.ErrClosed) {
					t.Fatalf("CAPA: error %v", err)
				}
				return other.Close()
			})
			if !errors.Is(err, net.ErrClosed) {
				t.Fatal(err)
			}
		}
	})
}
