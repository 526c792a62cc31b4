// Package relaytest puts a line of a certain length between a client and a server on loopback. Only
// tests import it.
package relaytest

import (
	"net"
	"testing"
	"time"
)

// Start starts a relay to an address, which ends with the test, and returns the address to reach it
// at. Each byte is on its way for oneWay, in each direction, and the line has no other limit: a
// connection's first bytes wait for a round trip more, as they do behind the handshake of TCP. If
// change is not nil, all that goes to the client passes through what it returns.
func Start(tb testing.TB, to string, oneWay time.Duration, change func(net.Conn) net.Conn) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	r := &relay{listener: l, to: to, oneWay: oneWay, change: change}
	go r.accept()
	tb.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// relay is a line of a certain length, and of no other limit.
type relay struct {
	listener net.Listener
	to       string
	oneWay   time.Duration
	change   func(net.Conn) net.Conn // of what goes to the client; nil: nothing
}

func (r *relay) accept() {
	for {
		near, err := r.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer near.Close()
			time.Sleep(2 * r.oneWay) // the round trip of the client's first packet
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
