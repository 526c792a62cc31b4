package dovecottest

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const message = "Subject: hello\r\n\r\nA line.\r\n.A dot.\r\n"

// line is a POP3 connection by hand. Its methods fail the test by themselves.
type line struct {
	t    *testing.T
	conn net.Conn
	text *textproto.Reader
}

func dial(t *testing.T, s *Server) (*line, string) {
	t.Helper()
	conn, err := tls.Dial("tcp", s.Addr(), &tls.Config{RootCAs: s.CertPool()})
	if err != nil {
		t.Fatal(err)
	}
	l := &line{t: t}
	l.use(conn)
	return l, l.read()
}

func (l *line) use(conn net.Conn) {
	l.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	l.conn, l.text = conn, textproto.NewReader(bufio.NewReader(conn))
}

func (l *line) read() string {
	l.t.Helper()
	got, err := l.text.ReadLine()
	if err != nil {
		l.t.Fatal(err)
	}
	return got
}

func (l *line) say(format string, args ...any) string {
	l.t.Helper()
	if _, err := fmt.Fprintf(l.conn, format+"\r\n", args...); err != nil {
		l.t.Fatal(err)
	}
	return l.read()
}

func (l *line) want(want, format string, args ...any) {
	l.t.Helper()
	if got := l.say(format, args...); !strings.HasPrefix(got, want) {
		l.t.Fatalf("%s: got %q, want %q", fmt.Sprintf(format, args...), got, want)
	}
}

func (l *line) logIn(user, password string) {
	l.t.Helper()
	l.want("+OK", "USER %s", user)
	l.want("+OK", "PASS %s", password)
}

func TestMailbox(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{Users: map[string]string{"u0": "pw0", "other": "x"}})
	if err := s.Append("u0", []byte(message), []byte("Subject: two\n\nbare\n")); err != nil {
		t.Fatal(err)
	}
	l, _ := dial(t, s)
	l.logIn("u0", "pw0")
	// The second message grows by its three bare line ends.
	l.want(fmt.Sprintf("+OK 2 %d", len(message)+19+3), "STAT")
	l.want("+OK", "RETR 1")
	body, err := l.text.ReadDotBytes()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(body), strings.ReplaceAll(message, "\r\n", "\n"); got != want {
		t.Errorf("message came as %q, want %q", got, want)
	}
	l.want("+OK", "DELE 1")
	if n, err := s.Count("u0"); n != 2 || err != nil {
		t.Errorf("before QUIT: %d messages, %v", n, err)
	}
	l.want("+OK", "QUIT")
	left, err := s.Mailbox("u0")
	if err != nil || len(left) != 1 || !bytes.HasPrefix(left[0], []byte("Subject: two\n")) {
		t.Errorf("left after deleting the first of two: %q, %v", left, err)
	}

	if err := s.Clear("u0"); err != nil {
		t.Fatal(err)
	}
	l, _ = dial(t, s)
	l.logIn("u0", "pw0")
	l.want("+OK 0 0", "STAT")
}

func TestAPOP(t *testing.T) {
	t.Parallel()
	password := "s:e{c}r\u00e9t #1"
	s := Start(t, Options{Users: map[string]string{"hans@example.org": password}})
	l, greeting := dial(t, s)
	from, to := strings.Index(greeting, "<"), strings.Index(greeting, ">")
	if from < 0 || to < from || !strings.Contains(greeting[from:to], "@") {
		t.Fatalf("greeting %q has no timestamp", greeting)
	}
	l.want("+OK", "APOP hans@example.org %x", md5.Sum([]byte(greeting[from:to+1]+password)))
}

func TestNoPenalty(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{Users: map[string]string{"u0": "pw0"}})
	// Dovecot's penalty would double with each try, to 29 seconds in all.
	deadline := time.Now().Add(20 * time.Second)
	for range 5 {
		l, _ := dial(t, s)
		l.conn.SetDeadline(deadline)
		l.want("+OK", "USER u0")
		l.want("-ERR [AUTH]", "PASS pw1")
	}
	l, _ := dial(t, s)
	l.logIn("u0", "pw0")
}

func TestSTLS(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{Users: map[string]string{"u0": "pw0"}})
	conn, err := net.Dial("tcp", s.StartTLSAddr())
	if err != nil {
		t.Fatal(err)
	}
	l := &line{t: t}
	l.use(conn)
	l.read()
	if runtime.GOOS == "linux" {
		l.want("-ERR [AUTH]", "USER u0")
	}
	l.want("+OK", "STLS")
	l.use(tls.Client(conn, &tls.Config{RootCAs: s.CertPool(), ServerName: "localhost"}))
	l.logIn("u0", "pw0")
}

func TestPlaintext(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{Users: map[string]string{"u0": "pw0"}, Plaintext: true})
	conn, err := net.Dial("tcp", s.StartTLSAddr())
	if err != nil {
		t.Fatal(err)
	}
	l := &line{t: t}
	l.use(conn)
	l.read()
	l.logIn("u0", "pw0")
}

func TestSettingsWin(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{Settings: []string{"login_greeting = Here I am."}})
	if _, greeting := dial(t, s); !strings.Contains(greeting, "Here I am.") {
		t.Errorf("greeting %q", greeting)
	}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{Users: map[string]string{"u0": "pw0"}})
	if err := s.Append("u0", []byte(message)); err != nil {
		t.Fatal(err)
	}
	l, _ := dial(t, s)
	l.logIn("u0", "pw0")
	addr := s.Addr()
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	if s.Addr() != addr {
		t.Errorf("address moved from %s to %s", addr, s.Addr())
	}
	if _, err := io.Copy(io.Discard, l.conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a session outlived the restart")
	}
	l, _ = dial(t, s)
	l.logIn("u0", "pw0")
	l.want("+OK 1 ", "STAT")
}

func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	var s *Server
	var group int
	t.Run("server", func(t *testing.T) {
		s = Start(t, Options{Users: map[string]string{"u0": "pw0"}})
		l, _ := dial(t, s)
		l.logIn("u0", "pw0") // a session that is never ended
		group = s.process.cmd.Process.Pid
	})
	if s == nil {
		t.Skip("no server was started")
	}
	waitFor(t, "the end of the process group", func() bool { return groupEnded(group) })
	if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("folder of the server: %v", err)
	}
}

// TestEndsWithTestProcess kills a test process that has a server running.
func TestEndsWithTestProcess(t *testing.T) {
	if dir := os.Getenv("DOVECOTTEST_CHILD"); dir != "" {
		s := Start(t, Options{})
		fmt.Printf("group %d %s\n", s.process.cmd.Process.Pid, s.dir)
		io.Copy(io.Discard, os.Stdin) // until killed
		return
	}
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends a process with its parent")
	}
	if err := Available(); err != nil && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestEndsWithTestProcess$")
	cmd.Env = append(os.Environ(), "DOVECOTTEST_CHILD=yes")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said, _ := bufio.NewReader(out).ReadString('\n')
	var group int
	var dir string
	if _, err := fmt.Sscanf(said, "group %d %s", &group, &dir); err != nil {
		t.Fatalf("child said %q", said)
	}
	defer os.RemoveAll(dir)
	cmd.Process.Kill()
	cmd.Wait()
	waitFor(t, "the end of the process group", func() bool { return groupEnded(group) })
}

// groupEnded looks for a live process of the group: what init has not reaped yet
// does not count.
func groupEnded(group int) bool {
	if err := syscall.Kill(-group, 0); errors.Is(err, syscall.ESRCH) {
		return true
	}
	stats, err := os.ReadDir("/proc")
	if err != nil {
		return false
	}
	for _, entry := range stats {
		if _, err := strconv.Atoi(entry.Name()); err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if err != nil {
			continue
		}
		// pid (name) state ppid pgrp ...
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) > 2 && fields[2] == strconv.Itoa(group) && fields[0] != "Z" {
			return false
		}
	}
	return true
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ; !done(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come", what)
		}
	}
}

func TestUserNames(t *testing.T) {
	t.Parallel()
	s := &Server{dir: t.TempDir()}
	for _, name := range []string{"", ".", "..", "a/b", "a:b", "a\nb", "%u", "ü"} {
		if err := s.makeMaildir(name); err == nil {
			t.Errorf("user %q was accepted", name)
		}
	}
}

func TestMeasurer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		writes []string
		bare   int64
	}{
		{nil, 0},
		{[]string{"a\r\nb\r\n"}, 0},
		{[]string{"a\nb\n"}, 2},
		{[]string{"\n\n"}, 2},
		{[]string{"a\r", "\nb"}, 0}, // a CRLF over two writes
		{[]string{"a\r", "", "\nb"}, 0},
		{[]string{"a", "\nb"}, 1},
		{[]string{"\r\r\n\n"}, 1},
	} {
		var out bytes.Buffer
		m := &measurer{w: bufio.NewWriter(&out)}
		for _, w := range test.writes {
			if n, err := io.WriteString(m, w); n != len(w) || err != nil {
				t.Fatal(n, err)
			}
		}
		m.w.Flush()
		if all := strings.Join(test.writes, ""); m.bare != test.bare || m.size != int64(len(all)) || out.String() != all {
			t.Errorf("%q: %d bytes and %d bare line ends, wrote %q; want %d bare", test.writes, m.size, m.bare, &out, test.bare)
		}
	}
}

func BenchmarkFill(b *testing.B) {
	s := Start(b, Options{Users: map[string]string{"u0": "pw0"}})
	raw := bytes.Repeat([]byte("0123456789abcde\r\n"), 8<<10/17)
	for b.Loop() {
		if err := s.Append("u0", raw); err != nil {
			b.Fatal(err)
		}
	}
}
