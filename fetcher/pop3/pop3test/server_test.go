package pop3test_test

import (
	"bufio"
	"crypto/md5"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// plain starts a server without TLS, for conversations by hand.
func plain(t *testing.T, configure func(s *pop3test.Server)) *pop3test.Server {
	t.Helper()
	s := pop3test.NewServer()
	s.Plaintext = true
	s.Users = map[string]string{"u": "p"}
	s.Mailboxes = map[string][]pop3test.Message{"u": {
		{UIDL: "a", Raw: []byte("A: b\r\n\r\n.1\r\n2\r\n")},
		{UIDL: "b", Raw: []byte("x")},
	}}
	if configure != nil {
		configure(s)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// talk sends everything at once and returns all that the server says until it
// closes, by line.
func talk(t *testing.T, s *pop3test.Server, commands ...string) []string {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, command := range commands {
		if _, err := io.WriteString(conn, command+"\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	said, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(said), "\r\n"), "\r\n")
}

func check(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("server said (-want +got):\n%s", diff)
	}
}

func TestCommands(t *testing.T) {
	t.Parallel()
	s := plain(t, func(s *pop3test.Server) {
		s.Pipelining, s.Capabilities, s.Greeting = true, []string{"EXPIRE 0"}, "+OK hello"
	})
	check(t, talk(t, s, "capa", "STAT", "PASS p", "USER u", "PASS q", "AUTH X", "USER u", "PASS p",
		"STAT", "LIST", "LIST 2", "LIST 3", "UIDL", "UIDL 1", "TOP 1 0", "TOP 1 1", "TOP 1 9", "TOP 1 x", "RETR 1", "RETR 2",
		"DELE 1", "DELE 1", "STAT", "LIST", "RSET", "STAT", "NOOP", "XYZZY", "DELE 2", "QUIT"),
		"+OK hello",
		"+OK", "TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "USER", "SASL PLAIN LOGIN", "PIPELINING", "EXPIRE 0", ".",
		"-ERR unknown command", "-ERR USER first", "+OK user ok", "-ERR permission denied", "-ERR unknown mechanism", "+OK user ok", "+OK 2 messages (18 octets).",
		"+OK 2 18", "+OK", "1 15", "2 3", ".", "+OK 2 3", "-ERR no such message", "+OK", "1 a", "2 b", ".", "+OK 1 a",
		"+OK", "A: b", "", ".", "+OK", "A: b", "", "..1", ".", "+OK", "A: b", "", "..1", "2", ".", "-ERR how many lines?",
		"+OK 15 octets", "A: b", "", "..1", "2", ".", "+OK 3 octets", "x", ".",
		"+OK", "-ERR no such message", "+OK 1 3", "+OK", "2 3", ".", "+OK", "+OK 2 18", "+OK", "-ERR unknown command", "+OK", "+OK bye",
	)
	left := s.Mailbox("u")
	if len(left) != 1 || left[0].UIDL != "a" {
		t.Errorf("%v left, want a", left)
	}
	if log := s.Log(); log[2] != "PASS ***" || log[0] != "CAPA" || len(log) != 30 {
		t.Errorf("log is %q", log)
	}
	if s.Sessions() != 1 {
		t.Errorf("%d sessions, want 1", s.Sessions())
	}
}

// TestWithoutQUIT: a line that breaks deletes nothing.
func TestWithoutQUIT(t *testing.T) {
	t.Parallel()
	s := plain(t, func(s *pop3test.Server) {
		s.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
			if cmd == "NOOP" {
				c.Cut()
			}
			return cmd == "NOOP"
		}
	})
	check(t, talk(t, s, "USER u", "PASS p", "DELE 1", "NOOP"), "+OK ready", "+OK user ok", "+OK 2 messages (18 octets).", "+OK")
	if left := len(s.Mailbox("u")); left != 2 {
		t.Errorf("%d messages left, want 2", left)
	}
}

// TestCommit: a QUIT that deletes and is not answered.
func TestCommit(t *testing.T) {
	t.Parallel()
	s := plain(t, func(s *pop3test.Server) {
		s.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
			if cmd == "QUIT" {
				c.Commit()
				c.Cut()
			}
			return cmd == "QUIT"
		}
	})
	check(t, talk(t, s, "USER u", "PASS p", "DELE 1", "QUIT"), "+OK ready", "+OK user ok", "+OK 2 messages (18 octets).", "+OK")
	if left := s.Mailbox("u"); len(left) != 1 || left[0].UIDL != "b" {
		t.Errorf("%v left, want b", left)
	}
	s.Append("u", pop3test.Message{UIDL: "c"})
	if left := s.Mailbox("u"); len(left) != 2 || left[1].UIDL != "c" {
		t.Errorf("%v left, want b and c", left)
	}
}

func TestAPOP(t *testing.T) {
	t.Parallel()
	s := plain(t, func(s *pop3test.Server) { s.APOP, s.NoUserPass = true, true })
	seen := make(map[string]bool)
	for _, password := range []string{"p", "q"} {
		conn, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		r := bufio.NewReader(conn)
		greeting, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		stamp := strings.TrimSpace(strings.TrimPrefix(greeting, "+OK "))
		if seen[stamp] {
			t.Errorf("timestamp %s came twice", stamp)
		}
		seen[stamp] = true
		fmt.Fprintf(conn, "USER u\r\nAUTH PLAIN\r\nAPOP u %x\r\nQUIT\r\n", md5.Sum([]byte(stamp+password)))
		rest, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if denied := strings.Contains(string(rest), "-ERR permission denied\r\n"); denied != (password == "q") {
			t.Errorf("password %s: %q", password, rest)
		}
		if refused := strings.Count(string(rest), "plain logins are off"); refused != 2 {
			t.Errorf("%d plain logins refused, want 2: %q", refused, rest)
		}
	}
}

// TestLock: a maildrop has room for one session.
func TestLock(t *testing.T) {
	t.Parallel()
	s := plain(t, func(s *pop3test.Server) { s.LockWait = time.Millisecond })
	holder, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	io.WriteString(holder, "USER u\r\nPASS p\r\n")
	r := bufio.NewReader(holder)
	for range 3 {
		if _, err := r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	check(t, talk(t, s, "USER u", "PASS p", "QUIT"), "+OK ready", "+OK user ok", "-ERR [IN-USE] maildrop is locked by another session", "+OK bye")
	io.WriteString(holder, "QUIT\r\n")
	if _, err := io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	check(t, talk(t, s, "USER u", "PASS p", "QUIT"), "+OK ready", "+OK user ok", "+OK 2 messages (18 octets).", "+OK bye")
}

// TestLockWait: who comes back at once finds the maildrop free.
func TestLockWait(t *testing.T) {
	t.Parallel()
	s := plain(t, func(s *pop3test.Server) { s.LockWait = time.Minute })
	for range 50 {
		conn, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, "USER u\r\nPASS p\r\n")
		r := bufio.NewReader(conn)
		for range 3 {
			line, err := r.ReadString('\n')
			if err != nil || line[0] != '+' {
				t.Fatalf("got %q, error %v", line, err)
			}
		}
		conn.Close()
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	s := plain(t, func(s *pop3test.Server) {
		s.Auth.Refusal = "-ERR [SYS/TEMP] later"
		s.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
			if cmd == "NOOP" {
				c.Hang()
			}
			return cmd == "NOOP"
		}
	})
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "USER u\r\nPASS p\r\nNOOP\r\nQUIT\r\n")
	r := bufio.NewReader(conn)
	for _, want := range []string{"+OK ready\r\n", "+OK user ok\r\n", "-ERR [SYS/TEMP] later\r\n"} {
		if line, err := r.ReadString('\n'); err != nil || line != want {
			t.Fatalf("got %q, error %v, want %q", line, err, want)
		}
	}
	s.Close() // must not wait for the session that hangs
	if line, err := r.ReadString('\n'); err == nil {
		t.Errorf("got %q from a closed server", line)
	}
}

func TestPlay(t *testing.T) {
	t.Parallel()
	const transcript = "a comment\nS: +OK hello\nC: USER u\nS: +OK\nS| \"raw\\x00\"\nC: QUIT\nS: +OK"
	for client, want := range map[string]string{
		"USER u\r\nQUIT\r\n":         "<nil>",
		"USER v\r\n":                 `line 3: got "USER v\r\n", want "USER u"`,
		"USER u\n":                   `line 3: got "USER u\n", want "USER u"`,
		"USER u\r\n":                 `line 6: got "" and EOF, want "QUIT"`,
		"USER u\r\nQUIT\r\nNOOP\r\n": `got "NOOP\r\n" behind the end`,
	} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			said := make(chan string)
			go func() {
				b, _ := io.ReadAll(ours)
				said <- string(b)
			}()
			go func() {
				io.WriteString(ours, client)
				synctest.Wait()
				ours.Close()
			}()
			err := pop3test.Play(theirs, transcript)
			theirs.Close()
			if got := fmt.Sprint(err); got != want {
				t.Errorf("client says %q: error %q, want %q", client, got, want)
			}
			if got := <-said; err == nil && got != "+OK hello\r\n+OK\r\nraw\x00+OK\r\n" {
				t.Errorf("server said %q", got)
			}
		})
	}
}
