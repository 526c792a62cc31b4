package pop3

import (
	"context"
	"io"
	"net"
	"testing"
	"time"
)

// fastConn always has as much as is asked for, up to left bytes: the numbers from 0 to 250, again
// and again.
type fastConn struct {
	net.Conn
	left, given, reads int
}

func (c *fastConn) Read(b []byte) (int, error) {
	if c.reads++; c.left == 0 {
		return 0, io.EOF
	}
	n := min(len(b), c.left)
	for i := range b[:n] {
		b[i] = byte((c.given + i) % 251)
	}
	c.given, c.left = c.given+n, c.left-n
	return n, nil
}

func (*fastConn) SetReadDeadline(time.Time) error { return nil }

// TestReadAhead reads in small pieces, as TLS does. A fast server is read in large ones, and
// nothing is lost between the two.
func TestReadAhead(t *testing.T) {
	t.Parallel()
	const total = 8 << 20
	for _, test := range []struct {
		small bool
		most  int
	}{{true, fastReads + total/readAhead + 2}, {false, total/1000 + 2}} {
		conn := &fastConn{left: total}
		timed := newTimedConn(conn, Timeouts{}.withDefaults())
		timed.small = test.small
		b := make([]byte, 1000)
		at := 0
		for {
			n, err := timed.Read(b)
			for i, c := range b[:n] {
				if c != byte((at+i)%251) {
					t.Fatalf("byte %d is %d", at+i, c)
				}
			}
			if at += n; err != nil {
				break
			}
		}
		if timed.recycle(); at != total || conn.reads > test.most {
			t.Errorf("small %t: %d bytes in %d reads, want %d in %d at most", test.small, at, conn.reads, total, test.most)
		}
	}
}

// TestBodyAllocations: the blocks of a body reach their reader without a copy and without an
// allocation.
func TestBodyAllocations(t *testing.T) {
	c := newClient(context.Background(), readerConn{r: endlessLines{}}, Timeouts{}, nil)
	defer c.Close()
	b := c.newBody(1)
	if got := testing.AllocsPerRun(100, func() {
		if err := b.advance(); err != nil {
			t.Fatal(err)
		}
		b.consume(b.plain)
	}); got > 0 {
		t.Errorf("%v allocations a block", got)
	}
}

type endlessLines struct{}

func (endlessLines) Read(b []byte) (int, error) {
	for i := range b {
		if b[i] = 'Q'; i%78 == 77 {
			b[i] = '\n'
		}
	}
	return len(b), nil
}
