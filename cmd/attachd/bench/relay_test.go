package bench

import (
	"net"
	"testing"
	"time"
)

// relay is a line of a certain length, and of no other limit.
type relay struct {
	listener net.Listener
	to       string
	oneWay   time.Duration
}

func newRelay(tb testing.TB, to string, oneWay time.Duration) *relay {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	r := &relay{listener: l, to: to, oneWay: oneWay}
	go r.accept()
	tb.Cleanup(func() { l.Close() })
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
			time.Sleep(2 * r.oneWay) // the round trip of the client's first packet
			far, err := net.Dial("tcp", r.to)
			if err != nil {
				return
			}
			defer far.Close()
			go r.carry(far, near)
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
