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
