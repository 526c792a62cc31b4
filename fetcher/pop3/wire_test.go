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
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

func TestLists(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		list string // S: lines behind UIDL's +OK
		want []string
		err  error
	}{
		{"empty", "", nil, nil},
		{"tolerances", "S: 1   a\nS: +OK 2 b\nS: 3 c \nS: 4\nS: 5 \nS: 6 x y\nS| \"7 \\xfc\\r\\n\"\nS| \"8 h\\n\"", []string{"1 a", "2 b", "3 c", "4 ", "5 ", "6 x y", "7 \xfc", "8 h"}, nil},
		{"gaps, order and twins", "S: 7 a\nS: 2 a\nS: 7 b\nS: 2147483647 z", []string{"7 a", "2 a", "7 b", "2147483647 z"}, nil},
		{"garbled lines between good ones", "S: -1 a\nS: x\nS: 3 c\nS:\nS: 99999999999999999999 d", []string{"3 c"}, nil},
		{"from 0", "S: 0 a\nS: 1 b", []string{"0 a", "1 b"}, nil},
		{"NUL", "S: 1 a\nS| \"2 b\\x00c\\r\\n\"\nS| \"3 \\x00\\r\\n\"\nS| \"4\\x00 d\\r\\n\"\nS: 5 e", []string{"1 a", "2 ", "3 ", "5 e"}, nil},
		{"long UIDL", "S: 1 " + strings.Repeat("u", 1024), []string{"1 " + strings.Repeat("u", 1024)}, nil},
		{"longest line", "S: 1 " + strings.Repeat("u", 2048-4), []string{"1 " + strings.Repeat("u", 2048-4)}, nil},
		{"too long a line", "S: 1 " + strings.Repeat("u", 2048-3) + "\nS: 2 b", []string{"1 ", "2 b"}, nil},
		{"longer than the buffer", "S: 1 a\nS: 2 " + strings.Repeat("u", 1<<19) + "\nS: 3 c", []string{"1 a", "2 ", "3 c"}, nil},
		{"as long as the buffer", "S: 1 " + strings.Repeat("u", 64<<10-4) + "\nS: 2 b", []string{"1 ", "2 b"}, nil},
		{"a long line without a number", "S: " + strings.Repeat("u", 3000) + "\nS: 2 b", []string{"2 b"}, nil},
		{"a long line that begins with a dot", "S: .." + strings.Repeat("u", 3000) + "\nS: 2 b", []string{"2 b"}, nil},
		{"an endless line", "S: 1 " + strings.Repeat("u", 2<<20) + "\nS: 2 b", nil, pop3.ErrLineTooLong},
		{"dots", "S: ..1 a\nS: .1 b\nS: 1 .c", []string{"1 .c"}, nil},
		{"nothing but garbage", "S: Subject: hello\nS: \nS: body", nil, pop3.ErrDesync},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				transcript := "S: +OK\nC: UIDL\nS: +OK\n" + test.list + "\nS: ."
				if test.err == nil {
					transcript += "\nC: NOOP\nS: +OK"
				}
				c, _ := serve(t, func(conn net.Conn) error {
					err := pop3test.Play(conn, transcript)
					if test.err != nil && errors.Is(err, io.ErrClosedPipe) {
						return nil // the client hung up
					}
					return err
				})
				var got []string
				err := c.Uidl(func(n int, uidl string) error {
					got = append(got, fmt.Sprintf("%d %s", n, uidl))
					return nil
				})
				if !errors.Is(err, test.err) {
					t.Fatalf("error %v, want %v", err, test.err)
				}
				if diff := cmp.Diff(test.want, got); test.err == nil && diff != "" {
					t.Errorf("UIDL differs (-want +got):\n%s", diff)
				}
				if again := c.Noop(); !errors.Is(again, test.err) {
					t.Errorf("next call returned %v, want %v", again, test.err)
				}
			})
		})
	}
}

func TestListStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := play(t, "S: +OK\nC: LIST\nS: +OK\nS: 1 1\nS: 2 2\nS: 3 3\nS: .\nC: NOOP\nS: +OK")
		enough, calls := errors.New("enough"), 0
		err := c.List(func(int, int64) error {
			calls++
			return enough
		})
		if err != enough || calls != 1 {
			t.Errorf("error %v after %d calls, want %v after 1", err, calls, enough)
		}
		if err := c.Noop(); err != nil {
			t.Errorf("client is not usable: %v", err)
		}
	})
}

// longList answers a command with n lines, in blocks of a hundred, and then
// without end if more is true.
func longList(conn net.Conn, n int, more bool) error {
	io.WriteString(conn, "+OK\r\n")
	bufio.NewReader(conn).ReadString('\n')
	io.WriteString(conn, "+OK\r\n")
	block := strings.Repeat("1 1\r\n", 100)
	for i := 0; i < n/100 || more; i++ {
		if _, err := io.WriteString(conn, block); err != nil {
			return nil // the client hung up
		}
	}
	io.WriteString(conn, strings.Repeat("1 1\r\n", n%100)+".\r\n")
	io.Copy(io.Discard, conn)
	return nil
}

func TestListLimit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		ask   func(c *pop3.Client) error
		limit int
	}{
		{func(c *pop3.Client) error { return c.List(func(int, int64) error { return nil }) }, 1_000_000},
		{func(c *pop3.Client) error { _, err := c.Capa(); return err }, 200},
	} {
		for more, want := range map[int]error{0: nil, 1: pop3.ErrListTooLong, 1000: pop3.ErrListTooLong} {
			synctest.Test(t, func(t *testing.T) {
				c, err := serve(t, func(conn net.Conn) error { return longList(conn, test.limit+more, more == 1000) })
				if err != nil {
					t.Fatal(err)
				}
				if err := test.ask(c); !errors.Is(err, want) {
					t.Errorf("%d lines more than %d: error %v, want %v", more, test.limit, err, want)
				}
			})
		}
	}
}

// TestListBytes: a list of a million lines as long as one may be would take 2 GB.
func TestListBytes(t *testing.T) {
	t.Parallel()
	for blocks, want := range map[int]error{255: nil, 257: pop3.ErrListTooLong} {
		synctest.Test(t, func(t *testing.T) {
			c, err := serve(t, func(conn net.Conn) error {
				io.WriteString(conn, "+OK\r\n")
				bufio.NewReader(conn).ReadString('\n')
				io.WriteString(conn, "+OK\r\n")
				block := strings.Repeat("1 "+strings.Repeat("x", 1022)+"\r\n", 256)
				for range blocks { // of 256 KiB
					io.WriteString(conn, block)
				}
				io.WriteString(conn, ".\r\n")
				io.Copy(io.Discard, conn)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Uidl(func(int, string) error { return nil }); !errors.Is(err, want) || want != nil && !strings.Contains(err.Error(), "UIDL has more than 64 MiB") {
				t.Errorf("%d KiB: error %v, want %v", 256*blocks, err, want)
			}
		})
	}
}

// TestLineLimit: a status line may have 8 KiB with its line end, and one that
// never ends costs no more than the buffer.
func TestLineLimit(t *testing.T) {
	t.Parallel()
	for length, want := range map[int]error{600: nil, 8192: nil, 8193: pop3.ErrLineTooLong, 1 << 20: pop3.ErrLineTooLong} {
		synctest.Test(t, func(t *testing.T) {
			_, err := serve(t, func(conn net.Conn) error {
				io.WriteString(conn, "+OK "+strings.Repeat("x", length-len("+OK \r\n"))+"\r\n")
				return nil
			})
			if !errors.Is(err, want) {
				t.Errorf("greeting of %d bytes: error %v, want %v", length, err, want)
			}
		})
	}
}

func TestStat(t *testing.T) {
	t.Parallel()
	for reply, want := range map[string]string{
		"+OK 2 320":                        "2 320",
		"+OK 3":                            "3 -1",
		"+OK 2 messages (5377 octets)":     "2 -1",
		"+OK 1 -5":                         "1 -1",
		"+OK 1 4294967296":                 "1 4294967296",
		"+OK 1 99999999999999999999":       "1 9223372036854775807",
		"+OK":                              "-1 -1",
		"+OK none":                         "-1 -1",
		"+OK -3 5":                         "-1 -1",
		"+OK 99999999999999999999 1":       "9223372036854775807 1",
		"+OK   4   5   extra information.": "4 5",
	} {
		synctest.Test(t, func(t *testing.T) {
			c := play(t, "S: +OK\nC: STAT\nS: "+reply+"\nC: NOOP\nS: +OK")
			count, octets, err := c.Stat()
			if got := fmt.Sprint(count, " ", octets); err != nil || got != want {
				t.Errorf("%s: got %s, error %v, want %s", reply, got, err, want)
			}
			if err := c.Noop(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCapa(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, answer string
		want         pop3.Capabilities
	}{
		{"refused", "S: -ERR what?", pop3.Capabilities{}},
		{"empty", "S: +OK\nS: .", pop3.Capabilities{}},
		{"lower case", "S: +OK\nS: pipelining\nS: sasl PLAIN login\nS: .", pop3.Capabilities{"PIPELINING": {}, "SASL": {"PLAIN", "login"}}},
		{"line with a dot", "S: +OK\nS: .x\nS: ..Y\nS: TOP\nS: .", pop3.Capabilities{".X": {}, ".Y": {}, "TOP": {}}}, // curl 19228
		{"twice", "S: +OK\nS: SASL A\nS: SASL B\nS: .", pop3.Capabilities{"SASL": {"A", "B"}}},
		{"blank line", "S: +OK\nS: \nS:   \nS: UIDL\nS: .", pop3.Capabilities{"UIDL": {}}},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := play(t, "S: +OK\nC: CAPA\n"+test.answer+"\nC: NOOP\nS: +OK")
			got, err := c.Capa()
			if err != nil {
				t.Fatalf("%s: %v", test.name, err)
			}
			if len(got) != len(test.want) {
				t.Errorf("%s: got %v, want %v", test.name, got, test.want)
			}
			for name, args := range test.want {
				if !got.Has(name) || !slices.Equal(got.Args(name), args) {
					t.Errorf("%s: got %v, want %v", test.name, got, test.want)
				}
			}
			if err := c.Noop(); err != nil {
				t.Error(err)
			}
		})
	}
	if none := pop3.Capabilities(nil); none.Has("UIDL") || none.Args("SASL") != nil {
		t.Error("the nil set is not empty")
	}
}

func TestGreetings(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ sent, want string }{
		{"* OK IMAP4rev1 ready\r\n", "read greeting: not a POP3 server: an IMAP server answered: POP3S is port 995, POP3 with STLS port 110"},
		{"220 mx ESMTP\r\n", "read greeting: not a POP3 server: an SMTP or FTP server answered: POP3S is port 995, POP3 with STLS port 110"},
		{"SSH-2.0-OpenSSH_9.6\r\n", "read greeting: not a POP3 server: an SSH server answered: POP3S is port 995, POP3 with STLS port 110"},
		{"HTTP/1.1 400 Bad Request\r\n\r\n", "read greeting: not a POP3 server: an HTTP server answered: POP3S is port 995, POP3 with STLS port 110"},
		{"<!DOCTYPE html>", "read greeting: not a POP3 server: an HTTP server answered: POP3S is port 995, POP3 with STLS port 110"},
		{"\x15\x03\x01\x00\x02\x02\x46", "read greeting: not a POP3 server: a TLS server answered: use implicit TLS on this port"},
		{"\x00\x01garbage\r\n", `read greeting: not a POP3 server: it greets with "\x00\x01garbage"`},
		{"\r\n", `read greeting: not a POP3 server: it greets with ""`},
		{"+OKAY\r\n", `read greeting: not a POP3 server: it greets with "+OKAY"`},
		{"-ERR [SYS/TEMP] too many connections\r\n", "read greeting: server said: -ERR [SYS/TEMP] too many connections"},
		{"", "read greeting: server closed the connection instead of greeting: unexpected EOF"},
		{"+O", "read greeting: server closed the connection instead of greeting: unexpected EOF"},
		{"+OK without end", "read greeting: server closed the connection instead of greeting: unexpected EOF"},
		{"+ok\r\n", ""},
		{"+OK\r\n", ""},
		{"+OK\n", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, err := serve(t, func(conn net.Conn) error {
				io.WriteString(conn, test.sent)
				return nil
			})
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("%q: error %q, want %q", test.sent, got, test.want)
			}
			_, refused := errors.AsType[*pop3.Error](err)
			if want := strings.HasPrefix(test.sent, "-ERR"); refused != want {
				t.Errorf("%q: is a refusal: %t, want %t", test.sent, refused, want)
			}
		})
	}
}

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
	lines, answered := make(chan string, 1000), make(chan int, 1000)
	go func() {
		for line := range lines {
			answered <- len(line) // before the client can know
			if _, err := io.WriteString(conn, s.reply(line)); err != nil {
				return
			}
		}
	}()
	defer close(lines)
	b := make([]byte, 4096)
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
					if limit := min(max(window, 1), pop3.MaxWindow); server.mostLines > limit || window > 2 && server.mostLines < min(limit, 4096/len("RETR 2000000000.."))/2 {
						t.Errorf("up to %d commands in flight, want %d at most", server.mostLines, limit)
					}
					if server.mostOctets >= 4096 {
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
