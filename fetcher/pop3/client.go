package pop3

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"
)

// Client is one session with a server; [Dialer.Dial] makes it. It is not for use
// by several goroutines at once; to end it from elsewhere, end its context.
type Client struct {
	timeouts Timeouts
	wire     wire
	commands commands
	message  messages
	server   server
	log      dialogue
	err      error // the first fault, which every later call returns
}

// server is what the server said of itself and of the maildrop, for later calls.
type server struct {
	greeting string
	caps     Capabilities // of the last CAPA that counts
	stat     string       // the reply to the last STAT
	odd      []string     // see BadLines
}

func newClient(ctx context.Context, conn net.Conn, t Timeouts, trace func(TraceLine)) *Client {
	t = t.withDefaults()
	return &Client{timeouts: t, wire: newWire(ctx, conn, t), log: dialogue{trace: trace}}
}

// Greeting returns the server's first line as sent, without its line end.
func (c *Client) Greeting() string { return c.server.greeting }

// Ends returns when the time is over that Timeouts.Session allows.
func (c *Client) Ends() time.Time { return c.wire.conn.over }

// Until has every wait for the server end at t, as if the session's time were over then. The zero
// time, or one behind [Client.Ends], is when it really is.
func (c *Client) Until(t time.Time) { c.wire.conn.until(t) }

// TLSState describes the TLS connection; ok is false when there is none.
func (c *Client) TLSState() (state tls.ConnectionState, ok bool) {
	if c.wire.tls == nil {
		return state, false
	}
	return c.wire.tls.ConnectionState(), true
}

// Quit sends QUIT and closes the connection (RFC 1939 section 6). Only if it returns nil has
// the server confirmed QUIT.
func (c *Client) Quit() error {
	_, err := c.cmd("QUIT")
	c.Close() // whose error would say nothing about the deletions
	return err
}

// Close closes the connection without QUIT, so that the server deletes nothing (RFC 1939 section
// 6). A client that is closed or broken already is left as it is.
func (c *Client) Close() (err error) {
	if c.err == nil {
		c.err = fmt.Errorf("client is closed: %w", net.ErrClosed)
		err = c.wire.close()
	}
	if c.message.body != nil {
		c.message.body.plain = 0 // what is in the buffer will be another client's
	}
	c.wire.recycle()
	return err
}

// fail closes the connection. It makes err the error of this and of every later
// call, or the reason for which the context ended, if it did.
func (c *Client) fail(err error) error {
	if c.err != nil {
		return c.err
	}
	if cause := c.wire.cause(); cause != nil {
		err = cause
	}
	c.err = err
	c.wire.close()
	return err
}
