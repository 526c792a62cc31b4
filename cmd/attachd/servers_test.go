package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"text/tabwriter"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// serversEnv has TestServers run the other agents, too, and print the table: make servers.
const serversEnv = "ATTACHD_SERVERS"

// oddity is what is odd about a server.
type oddity struct {
	name   string
	bodies []string                                                     // of the messages; nil is three ordinary ones
	header func(n int) string                                           // theirs; nil is header
	server func(s *pop3test.Server)                                     // before it starts
	hook   func(session int, c *pop3test.Conn, cmd, args string) bool   // session counts from 1
	line   func(near net.Conn) net.Conn                                 // what the client's bytes go through
	runs   int                                                          // of the agent, 2 unless set
	sasl   bool                                                         // log in with AUTH PLAIN
	before func(t *testing.T, run int, dir, stored string)              // each run
	judge  func(log []string, first, output string, cell string) string // the cell, when it is not about messages alone
	want   string                                                       // attachd's cell, "ok" unless set
}

// answersTo scripts single commands, by verb or with their argument, in every session.
func answersTo(pairs ...string) func(int, *pop3test.Conn, string, string) bool {
	return func(_ int, c *pop3test.Conn, cmd, args string) bool {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == cmd || pairs[i] == cmd+" "+args {
				c.Send([]byte(pairs[i+1]))
				return true
			}
		}
		return false
	}
}

// inFirst is a fault of the first session that meets it alone.
func inFirst(do func(c *pop3test.Conn, cmd, args string) bool) func(int, *pop3test.Conn, string, string) bool {
	return func(session int, c *pop3test.Conn, cmd, args string) bool {
		return session == 1 && do(c, cmd, args)
	}
}

// retrieves2 reports whether a command is for the second message. fetchmail uses TOP in the
// place of RETR.
func retrieves2(c *pop3test.Conn, cmd, args string) bool {
	number, _, _ := strings.Cut(args, " ")
	return (cmd == "RETR" || cmd == "TOP") && c.UIDL(number) == "uid-2"
}

// raw2 sends these very bytes for the second message, which are not what they should be.
func raw2(body, wire string) oddity {
	return oddity{bodies: []string{"one\r\n", body, "three\r\n"}, hook: func(_ int, c *pop3test.Conn, cmd, args string) bool {
		if !retrieves2(c, cmd, args) {
			return false
		}
		c.Send([]byte("+OK\r\n" + header(2) + wire))
		return true
	}}
}

// uidls answers UIDL with these, one for each message that is still there.
func uidls(format string, of func(n int) string) func(int, *pop3test.Conn, string, string) bool {
	return func(_ int, c *pop3test.Conn, cmd, args string) bool {
		if cmd != "UIDL" || args != "" {
			return false
		}
		c.Reply("+OK")
		for n := 1; c.UIDL(fmt.Sprint(n)) != ""; n++ {
			original := 0
			fmt.Sscanf(c.UIDL(fmt.Sprint(n)), "uid-%d", &original)
			c.Reply(fmt.Sprintf(format, n, of(original)))
		}
		c.Reply(".")
		return true
	}
}

func plainUID(n int) string { return fmt.Sprintf("uid-%d", n) }

// listed answers a command by what the mailbox holds in this session.
func listed(command string, answer func(n int) string) func(int, *pop3test.Conn, string, string) bool {
	return func(_ int, c *pop3test.Conn, cmd, args string) bool {
		n := 0
		for c.UIDL(fmt.Sprint(n+1)) != "" {
			n++
		}
		if cmd != command || args != "" {
			return false
		}
		c.Send([]byte(answer(n)))
		return true
	}
}

// lines makes a list of n lines.
func lines(n int, line func(i int) string) string {
	text := "+OK\r\n"
	for i := range n {
		text += line(i+1) + "\r\n"
	}
	return text + ".\r\n"
}

func named(name string, o oddity) oddity {
	o.name = name
	return o
}

func oddities() []oddity {
	return []oddity{
		{name: "an ordinary server"},
		{name: "bare LF everywhere", line: withoutCR},
		named("no CRLF before the final dot", raw2("two\r\n", "two.\r\n")),
		{name: "lines with dots, stuffed", bodies: []string{"one\r\n", ".\r\n..\r\n.x\r\n...\r\n", "three\r\n"}},
		named("a line with a dot, not stuffed", raw2("a\r\n.x\r\n", "a\r\n.x\r\n.\r\n")),
		named("a lone dot, not stuffed", raw2("a\r\n.\r\nb\r\n", "a\r\n.\r\nb\r\n.\r\n")),
		{name: "a line of 1 MB", bodies: []string{"one\r\n", strings.Repeat("x", 1<<20) + "\r\n", "three\r\n"}},
		{name: "NUL bytes", bodies: []string{"one\r\n", "a\x00b\r\n", "three\r\n"}},
		{name: "bare CR", bodies: []string{"one\r\n", "a\rb\r\n", "three\r\n"}},
		{name: "a message of 0 bytes", bodies: []string{"one\r\n", "", "three\r\n"}, hook: func(_ int, c *pop3test.Conn, cmd, args string) bool {
			switch {
			case cmd == "LIST" && args == "":
				c.Send([]byte("+OK\r\n1 226\r\n2 0\r\n3 228\r\n.\r\n"))
			case cmd == "LIST" && args == "2":
				c.Send([]byte("+OK 2 0\r\n"))
			case retrieves2(c, cmd, args):
				c.Send([]byte("+OK 0 octets\r\n.\r\n"))
			default:
				return false
			}
			return true
		}},
		{name: "no CAPA", hook: answersTo("CAPA", "-ERR unknown\r\n")},
		{name: "closes on CAPA", hook: func(_ int, c *pop3test.Conn, cmd, _ string) bool {
			if cmd == "CAPA" {
				c.Cut()
			}
			return cmd == "CAPA"
		}},
		{name: "no UIDL", hook: answersTo("UIDL", "-ERR unknown\r\n")},
		{name: "UIDL with three spaces", hook: uidls("%d   %s", plainUID)},
		{name: "UIDL lines that begin with +OK", hook: uidls("+OK %d %s", plainUID)},
		{name: "UIDL with a space behind", hook: uidls("%d %s ", plainUID)},
		{name: "an empty UIDL on one line", hook: uidls("%d %s", func(n int) string {
			if n == 2 {
				return ""
			}
			return plainUID(n)
		})},
		{name: "two messages of one UIDL", hook: uidls("%d %s", func(n int) string { return plainUID(min(n, 2)) })},
		{name: "UIDL of 200 characters", hook: uidls("%d %s", func(n int) string { return strings.Repeat("u", 200) + fmt.Sprint(n) })},
		{name: "UIDL with a space within", hook: uidls("%d %s", func(n int) string { return fmt.Sprintf("u %d", n) })},
		{name: "UIDL of 8 bits", hook: uidls("%d %s", func(n int) string { return fmt.Sprintf("\xfc\xe4-%d", n) })},
		{name: "STAT without octets", hook: listed("STAT", func(n int) string { return fmt.Sprintf("+OK %d\r\n", n) })},
		{name: "STAT with negative octets", hook: listed("STAT", func(n int) string { return fmt.Sprintf("+OK %d -1\r\n", n) })},
		{name: "STAT with octets beyond 2^31", hook: listed("STAT", func(n int) string { return fmt.Sprintf("+OK %d 3000000000\r\n", n) })},
		{name: "STAT counts more than there are", hook: listed("STAT", func(n int) string { return fmt.Sprintf("+OK %d 100\r\n", n+2) })},
		{name: "STAT counts fewer than there are", hook: listed("STAT", func(n int) string { return fmt.Sprintf("+OK %d 100\r\n", max(n-1, 0)) })},
		{name: "LIST with sizes of 0", hook: listed("LIST", func(n int) string { return lines(n, func(i int) string { return fmt.Sprintf("%d 0", i) }) })},
		{name: "LIST with sizes of 10 times", hook: listed("LIST", func(n int) string { return lines(n, func(i int) string { return fmt.Sprintf("%d 2000", i) }) })},
		{name: "LIST with sizes of 2^40", hook: listed("LIST", func(n int) string { return lines(n, func(i int) string { return fmt.Sprintf("%d 1099511627776", i) }) })},
		{name: "LIST with sizes that are none", hook: listed("LIST", func(n int) string { return lines(n, func(i int) string { return fmt.Sprintf("%d %%!d(float64)", i) }) })},
		{name: "RETR 2 is refused, [SYS/TEMP]", hook: func(_ int, c *pop3test.Conn, cmd, args string) bool {
			if !retrieves2(c, cmd, args) {
				return false
			}
			c.Reply("-ERR [SYS/TEMP] not this one")
			return true
		}, want: "2/3, 1 left"},
		{name: "a greeting of 600 bytes", server: func(s *pop3test.Server) { s.Greeting = "+OK " + strings.Repeat("x", 596) }},
		{name: "+ERR to PASS", hook: answersTo("PASS", "+ERR no\r\n"), want: "refused", judge: func(log []string, _, _, cell string) string {
			for _, line := range log {
				if verb, _, _ := strings.Cut(line, " "); verb == "STAT" || verb == "LIST" || verb == "UIDL" || verb == "RETR" {
					return "TAKEN FOR A LOGIN"
				}
			}
			return "refused"
		}},
		{name: "AUTH continued by a bare +", sasl: true, server: func(s *pop3test.Server) { s.Auth.Continuation = "+" }},
		{name: "[IN-USE] at first", hook: inFirst(func(c *pop3test.Conn, cmd, _ string) bool {
			if cmd == "PASS" {
				c.Reply("-ERR [IN-USE] maildrop is locked")
			}
			return cmd == "PASS"
		}), judge: func(_ []string, first, output, cell string) string {
			if strings.Contains(strings.ToLower(output), "auth") && !strings.Contains(output, "IN-USE") {
				return cell + ", taken for a bad password"
			}
			return cell
		}},
		{name: "cut within a message", hook: inFirst(func(c *pop3test.Conn, cmd, args string) bool {
			if !retrieves2(c, cmd, args) {
				return false
			}
			c.Reply("+OK", strings.TrimSuffix(header(2), "\r\n"), "tw")
			c.Cut()
			return true
		})},
		{name: "cut at QUIT, which deletes nothing", hook: inFirst(func(c *pop3test.Conn, cmd, _ string) bool {
			if cmd == "QUIT" {
				c.Cut()
			}
			return cmd == "QUIT"
		})},
		{name: "QUIT deletes, and is not answered", hook: inFirst(func(c *pop3test.Conn, cmd, _ string) bool {
			if cmd == "QUIT" {
				c.Commit()
				c.Cut()
			}
			return cmd == "QUIT"
		})},
		{name: "nothing can be stored at first", before: func(t *testing.T, run int, dir, stored string) {
			// A file where a folder is needed keeps root out, too.
			path := filepath.Join(dir, stored)
			switch run {
			case 1:
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				write(t, path, "", 0o644)
			case 2:
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				if err := os.Mkdir(path, 0o755); err != nil {
					t.Fatal(err)
				}
				for _, sub := range []string{"cur", "tmp"} {
					_ = os.Mkdir(filepath.Join(filepath.Dir(path), sub), 0o755)
				}
			}
		}},
	}
}

// header is that of message n, with the empty line.
func header(n int) string {
	return fmt.Sprintf("From: a@example.org\r\nMessage-ID: <%d@example.org>\r\nSubject: %[1]d\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream; name=\"%[1]d.bin\"\r\nContent-Disposition: attachment; filename=\"%[1]d.bin\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n", n)
}

// TestServers empties mailboxes on odd servers. Whatever is odd, no message may be lost, stored twice or stored in part, and
// those that can be had are. With ATTACHD_SERVERS=table it lets other agents do
// the same, as far as they are installed, and prints what became of the messages.
func TestServers(t *testing.T) {
	t.Parallel()
	rows := append(oddities(), oddLists()...)
	all := agents()[:1]
	if os.Getenv(serversEnv) != "" {
		all = nil
		for _, a := range agents() {
			if _, err := exec.LookPath(a.program); a.program == "" || err == nil {
				all = append(all, a)
				continue
			}
			fmt.Printf("%s is not installed: apt-get install %s (make servers does it)\n", a.name, a.pkg)
		}
	}
	cells := make([][]string, len(rows))
	t.Run("on", func(t *testing.T) {
		for i, o := range rows {
			cells[i] = make([]string, len(all))
			for j, a := range all {
				t.Run(o.name+"/"+a.name, func(t *testing.T) {
					t.Parallel()
					cell, log := o.meet(t, a)
					cells[i][j] = cell
					want := o.want
					if want == "" {
						want = "ok"
					}
					if a.program == "" && cell != want {
						t.Errorf("%s, want %s\n%s", cell, want, log)
					} else if testing.Verbose() && cell != "ok" {
						t.Logf("%s\n%s", cell, log)
					}
				})
			}
		}
	})
	if len(all) == 1 {
		return
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "The server")
	for _, a := range all {
		fmt.Fprint(w, "\t"+a.name)
	}
	fmt.Fprintln(w)
	for i, o := range rows {
		fmt.Fprintln(w, o.name+"\t"+strings.Join(cells[i], "\t"))
	}
	w.Flush()
	fmt.Printf("\nMessages stored whole, of those on the server, after two runs that delete (ok: all, once, and none left)\n%s\n", &text)
}

// meet lets an agent empty a mailbox on such a server and says what became of it.
func (o oddity) meet(t *testing.T, a agent) (cell, output string) {
	t.Helper()
	bodies := o.bodies
	if bodies == nil {
		bodies = []string{"one\r\n", "message two\r\n", "the third\r\n"}
	}
	s := pop3test.NewServer()
	s.Plaintext, s.Pipelining = true, true
	s.Users = map[string]string{"u0": "pw0"}
	head := header
	if o.header != nil {
		head = o.header
	}
	var messages []pop3test.Message
	for i, body := range bodies {
		messages = append(messages, pop3test.Message{UIDL: plainUID(i + 1), Raw: []byte(head(i+1) + body)})
	}
	s.Mailboxes = map[string][]pop3test.Message{"u0": messages}
	if o.server != nil {
		o.server(s)
	}
	var sessions atomic.Int64
	s.Hook = func(c *pop3test.Conn, cmd, args string) bool {
		if cmd == "PASS" || cmd == "AUTH" {
			sessions.Add(1)
		}
		return o.hook != nil && o.hook(int(sessions.Load()), c, cmd, args)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	addr := s.Addr()
	if o.line != nil {
		addr = through(t, addr, o.line)
	}
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} { // for those that do not run as root
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var ends []string
	runs := max(o.runs, 2)
	first := ""
	for run := 1; run <= runs; run++ {
		if o.before != nil {
			o.before(t, run, dir, a.stored)
		}
		ended, log := runAgent(t, a, dir, port(t, addr), o.sasl)
		output += log
		if run == 1 {
			first = ended
		}
		if ended != "" && !strings.HasPrefix(ended, "exit") {
			ends = append(ends, ended)
		}
	}
	cell = o.count(t, a, dir, bodies, len(s.Mailbox("u0")))
	if len(ends) > 0 {
		cell += ", " + ends[0]
	}
	if o.judge != nil {
		cell = o.judge(s.Log(), first, output, cell)
	}
	return cell, output + "\n" + strings.Join(s.Log(), "\n")
}

// count compares what is stored with what was sent, but for line ends and what is behind the last.
func (o oddity) count(t *testing.T, a agent, dir string, bodies []string, left int) string {
	t.Helper()
	normal := func(body []byte) string {
		return strings.TrimRight(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n")
	}
	stored := make(map[string]int)
	err := filepath.WalkDir(filepath.Join(dir, a.stored), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // nothing was stored
		}
		if e.IsDir() && strings.HasPrefix(e.Name(), ".") {
			return filepath.SkipDir
		}
		if e.Type().IsRegular() {
			file, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if len(bytes.TrimSpace(file)) > 0 {
				stored[normal(a.body(file))]++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	whole, doubled := 0, 0
	for _, body := range bodies {
		key := normal([]byte(body))
		if key == "" {
			whole++ // nothing to be stored; what an agent makes of it is its own
		} else if n := stored[key]; n > 0 {
			whole++
			doubled += n - 1
		}
		delete(stored, key)
	}
	damaged := 0
	for _, n := range stored {
		damaged += n
	}
	if whole == len(bodies) && doubled+damaged+left == 0 {
		return "ok"
	}
	cell := fmt.Sprintf("%d/%d", whole, len(bodies))
	if left > 0 {
		cell += fmt.Sprintf(", %d left", left)
	}
	if doubled > 0 {
		cell += fmt.Sprintf(", %d DOUBLED", doubled)
	}
	if damaged > 0 {
		cell += fmt.Sprintf(", %d damaged", damaged)
	}
	if lost := len(bodies) - whole - left; lost > 0 && o.want == "" {
		cell += fmt.Sprintf(", %d LOST", lost)
	}
	return cell
}

// through is a line to addr that changes what the server sends.
func through(t *testing.T, addr string, change func(net.Conn) net.Conn) string {
	t.Helper()
	return newRelay(t, addr, 0, change).addr()
}

// withoutCR drops every CR.
func withoutCR(c net.Conn) net.Conn { return &dropCR{c} }

type dropCR struct{ net.Conn }

func (d *dropCR) Write(b []byte) (int, error) {
	_, err := d.Conn.Write(bytes.ReplaceAll(b, []byte("\r"), nil))
	return len(b), err
}
