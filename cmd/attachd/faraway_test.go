package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// oneWay is how long a byte is on its way from or to a server that is far away.
const oneWay = 20 * time.Millisecond

// BenchmarkFarAway fetches, extracts and deletes 300 messages of 3 KB from a server at 40
// ms round trip. The limit is a drain with the same questions, each asked as soon as what
// it depends on is known: the capabilities, the login, what is there, all messages at once,
// all deletions and QUIT at once; it keeps nothing.
func BenchmarkFarAway(b *testing.B) {
	box := newMailboxes(b, 1, 300, 3_000)
	far := newRelay(b, box.server.Addr(), oneWay, nil)
	attachd, mpop := newAttachdAt(b, box, far.addr()), newMpopAt(b, box, far.addr())
	ideal := &runner{
		name: "ideal drain", prepare: box.fill,
		run:   func(string) error { return box.drainFar(far.addr()) },
		check: func(string) error { return box.isLeft("u0") },
	}
	for b.Loop() {
		times := measure(b, attachd, ideal, mpop)
		report(b, times, "of-ideal", attachd, ideal)
		report(b, times, "x-mpop", attachd, mpop)
	}
}

// BenchmarkFiftyAccounts empties 50 mailboxes of 60 messages of 3 KB on a server at 40 ms round
// trip, as many at once as attachd takes from one host unless told otherwise. fetchmail empties one
// mailbox, because it goes through mailboxes one by one. The time per message is compared.
func BenchmarkFiftyAccounts(b *testing.B) {
	box := newMailboxes(b, 50, 60, 3_000)
	far := newRelay(b, box.server.Addr(), oneWay, nil)
	attachd, fetchmail := newAttachdAt(b, box, far.addr()), newFetchmailAt(b, box, far.addr())
	for b.Loop() {
		times := measure(b, attachd, fetchmail)
		ours := median(times[attachd]) / time.Duration(len(box.users)*len(box.sizes))
		theirs := median(times[fetchmail]) / time.Duration(len(box.sizes))
		b.Logf("attachd handles %.0f messages a second, fetchmail %.1f", 1/ours.Seconds(), 1/theirs.Seconds())
		b.ReportMetric(float64(ours)/float64(theirs), "x-fetchmail")
	}
}

// newFetchmailAt is Debian's fetchmail, for the first mailbox. It writes the messages into one
// file, which costs it less than handing each to a program.
func newFetchmailAt(b *testing.B, box *mailbox, addr string) *runner {
	b.Helper()
	path, err := exec.LookPath("fetchmail")
	if err != nil {
		b.Skip("fetchmail is not installed; on Debian and Ubuntu: apt-get install fetchmail (make bench does it)")
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		b.Fatal(err)
	}
	return &runner{
		name:    "fetchmail",
		prepare: box.fill,
		run: func(dir string) error {
			config := fmt.Sprintf("set idfile \"%[1]s/ids\"\nset no bouncemail\npoll 127.0.0.1 service %[2]s protocol POP3 auth password uidl\n"+
				"user \"u0\" password \"pw0\" bsmtp \"%[1]s/messages\" ssl sslcertfile \"%[3]s\" sslcommonname \"localhost\" nokeep\n", dir, port, box.server.CertFile())
			file := filepath.Join(dir, "fetchmailrc")
			if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
				return err
			}
			cmd := exec.Command(path, "-f", file, "--nosyslog", "--silent")
			cmd.Env = append(os.Environ(), "FETCHMAILHOME="+dir, "HOME="+dir)
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("%w\n%s", err, out)
			}
			return nil
		},
		check: func(dir string) error {
			stored, err := os.ReadFile(filepath.Join(dir, "messages"))
			if n := bytes.Count(stored, []byte("\nFrom: Bench")); err != nil || n != len(box.sizes) {
				return fmt.Errorf("%d messages are stored, want %d: %w", n, len(box.sizes), err)
			}
			return box.isLeft("u0")
		},
	}
}

// drainFar is the limit of BenchmarkFarAway.
func (m *mailbox) drainFar(addr string) error {
	conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: m.server.CertPool()})
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 64<<10)
	var retrieve, remove strings.Builder
	for n := range m.sizes {
		fmt.Fprintf(&retrieve, "RETR %d\r\n", n+1)
		fmt.Fprintf(&remove, "DELE %d\r\n", n+1)
	}
	for _, step := range []struct {
		commands string
		replies  int
		lists    bool // each ends with a dot
	}{
		{"", 1, false},
		{"CAPA\r\n", 1, true},
		{"USER u0\r\nPASS pw0\r\n", 2, false},
		{"CAPA\r\nSTAT\r\n", 1, true},
		{"UIDL\r\nLIST\r\n", 2, true},
		{retrieve.String(), len(m.sizes), true},
		{remove.String() + "QUIT\r\n", len(m.sizes) + 1, false},
	} {
		if _, err := io.WriteString(conn, step.commands); err != nil {
			return err
		}
		for range step.replies {
			for {
				line, err := in.ReadSlice('\n')
				if err != nil {
					return fmt.Errorf("%.20q: %w", step.commands, err)
				}
				if !step.lists || string(line) == ".\r\n" {
					break
				}
			}
		}
	}
	return nil
}

// relay is a line of a certain length, and of no other limit.
type relay struct {
	listener net.Listener
	to       string
	oneWay   time.Duration
	change   func(net.Conn) net.Conn // of what goes to the client; nil: nothing
}

func newRelay(t testing.TB, to string, oneWay time.Duration, change func(net.Conn) net.Conn) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l, to: to, oneWay: oneWay, change: change}
	go r.accept()
	t.Cleanup(func() { l.Close() })
	return r
}

func (r *relay) addr() string { return r.listener.Addr().String() }

func (r *relay) accept() {
	for {
		near, err := r.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer near.Close()
			time.Sleep(r.oneWay) // the client's first packet, which is answered below
			far, err := net.Dial("tcp", r.to)
			if err != nil {
				return
			}
			defer far.Close()
			client := near
			if r.change != nil {
				client = r.change(near)
			}
			go r.carry(far, client)
			r.carry(near, far)
		}()
	}
}

// carry takes what comes from one end to the other, each piece when its time has come.
func (r *relay) carry(from, to net.Conn) {
	type piece struct {
		bytes []byte
		due   time.Time
	}
	pieces := make(chan piece, 4096)
	go func() {
		defer close(pieces)
		for {
			b := make([]byte, 64<<10)
			n, err := from.Read(b)
			if n > 0 {
				pieces <- piece{b[:n], time.Now().Add(r.oneWay)}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range pieces {
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.bytes); err != nil {
			from.Close()
			break
		}
	}
	to.Close()
	for range pieces { // lets the reader end
	}
}
