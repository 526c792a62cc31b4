package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// oneWay is how long a byte is on its way from or to a server that is far away.
const oneWay = 20 * time.Millisecond

// BenchmarkFarAway fetches, extracts and deletes 300 messages of 3 KB from a server at 40
// ms round trip. The limit is a drain with the same questions, each asked as soon as what
// it depends on is known: the capabilities, the login, what is there, all messages at once,
// all deletions at once, QUIT; it keeps nothing.
func BenchmarkFarAway(b *testing.B) {
	box := newMailbox(b, 300, 3_000)
	far := newRelay(b, box.server.Addr(), oneWay, nil)
	attachd := newAttachdAt(b, box, far.addr())
	ideal := &runner{name: "ideal drain", run: func(string) error { return box.drainFar(far.addr()) }}
	mpop := newMpopAt(b, box, far.addr())
	for b.Loop() {
		times := measure(b, attachd, ideal, mpop)
		report(b, times, "of-ideal", attachd, ideal)
		report(b, times, "x-mpop", attachd, mpop)
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
	var all strings.Builder
	for n := range m.sizes {
		fmt.Fprintf(&all, "RETR %d\r\n", n+1)
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
		{all.String(), len(m.sizes), true},
		{"QUIT\r\n", 1, false},
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
