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

	"github.com/attachd/attachd/cmd/attachd/relaytest"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// serversEnv has TestServers run the other agents, too, and print the table: make servers.
const serversEnv = "ATTACHD_SERVERS"

// TestServers empties mailboxes on odd servers. Whatever is odd, no message may be lost, stored
// twice or stored in part, and those that can be had are. With ATTACHD_SERVERS=table it lets other
// agents do the same, as far as they are installed, and prints what became of the messages.
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

// count compares what is stored with what was sent, except for line ends and what is behind the
// last one.
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
	return relaytest.Start(t, addr, 0, change)
}

// withoutCR drops every CR.
func withoutCR(c net.Conn) net.Conn { return &dropCR{c} }

type dropCR struct{ net.Conn }

func (d *dropCR) Write(b []byte) (int, error) {
	_, err := d.Conn.Write(bytes.ReplaceAll(b, []byte("\r"), nil))
	return len(b), err
}
