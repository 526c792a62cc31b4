package pop3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

// Mode says how the connection is secured.
type Mode int

const (
	// Implicit is TLS from the first byte, port 995 (RFC 8314 section 3.2).
	Implicit Mode = iota
	// StartTLS is STLS after the greeting, port 110 (RFC 2595 section 4). A
	// server that does not offer it gets nothing further.
	StartTLS
	// Plaintext is no TLS at all.
	Plaintext
)

// Dialer says how to reach a server. Only Addr is needed.
type Dialer struct {
	// Addr is "host:port".
	Addr string
	// Mode is Implicit unless set.
	Mode Mode
	// TLSConfig is cloned. Its ServerName defaults to the host of Addr, and its
	// MinVersion is TLS 1.2 at least. Nil is the zero configuration.
	TLSConfig *tls.Config
	// DialContext makes the TCP connection; nil is that of a net.Dialer.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// Timeouts are for the connection and for the session that follows.
	Timeouts Timeouts
	// Since, unless zero, is when the time began that Timeouts.Session allows: the session
	// shares it with one before.
	Since time.Time
	// Trace is called for each line of the dialogue; nil traces nothing.
	Trace func(TraceLine)
	// Waiting is called with true before each wait for the server, the wait for the
	// connection included, and with false after it. Nil calls nothing.
	Waiting func(waits bool)
}

// Dial connects, secures the connection as Mode says and reads the greeting (RFC
// 1939 section 4). Its error names the step. ctx governs the connection for its
// whole life, not only until Dial returns.
func (d *Dialer) Dial(ctx context.Context) (*Client, error) {
	config, err := d.tlsConfig()
	if err != nil {
		return nil, err
	}
	waiting := d.Waiting
	if waiting == nil {
		waiting = func(bool) {}
	}
	waiting(true)
	conn, err := d.connect(ctx)
	waiting(false)
	if err != nil {
		return nil, err
	}
	c := newClient(ctx, conn, d.Timeouts, d.Trace)
	c.wire.conn.waiting = waiting
	if !d.Since.IsZero() {
		c.wire.conn.over = d.Since.Add(c.timeouts.Session)
		c.wire.conn.until(time.Time{})
	}
	if d.Mode == Implicit {
		if err := c.handshake(config); err != nil {
			return nil, err
		}
	}
	if err := c.readGreeting(); err != nil {
		return nil, err
	}
	if d.Mode == StartTLS {
		if err := c.stls(config); err != nil {
			c.Close()
			return nil, fmt.Errorf("STLS: %w", err)
		}
	}
	return c, nil
}

func (d *Dialer) connect(ctx context.Context) (net.Conn, error) {
	dial := d.DialContext
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	limit := d.Timeouts.withDefaults().Dial
	dialCtx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := dial(dialCtx, "tcp", d.Addr)
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case dialCtx.Err() != nil:
		text := fmt.Sprintf("dial %s: no connection within %v", d.Addr, limit)
		if d.DialContext != nil {
			text += ": " + err.Error() // which may name what else is on the way
		}
		return nil, &timeoutError{text, "dial", err}
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return nil, err // which says so itself
	}
	return nil, fmt.Errorf("dial: %w", err)
}

func (d *Dialer) tlsConfig() (*tls.Config, error) {
	if d.Mode == Plaintext {
		return nil, nil
	}
	config := d.TLSConfig.Clone()
	if config == nil {
		config = &tls.Config{}
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	// Otherwise a write of many commands would be cut into records, packets and system calls of
	// some 1,200 bytes, in the middle of commands.
	config.DynamicRecordSizingDisabled = true
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(d.Addr)
		if err != nil {
			return nil, fmt.Errorf("dial: %w", err)
		}
		config.ServerName = host
	}
	return config, nil
}

// handshake puts TLS on top of the connection. It closes the connection on error.
func (c *Client) handshake(config *tls.Config) error {
	secured := tls.Client(c.wire.conn, config)
	c.wire.conn.within(c.timeouts.TLS, "tls")
	if err := secured.Handshake(); err != nil {
		if header, ok := errors.AsType[tls.RecordHeaderError](err); ok {
			if other := clearText(header.RecordHeader[:]); other != "" {
				err = &ProtocolError{Detail: other, Err: ErrNotPOP3}
			}
		} else if timedOut(err) {
			err = c.wire.conn.overdue(fmt.Sprintf("no answer within %v: is it a TLS port, such as 995?", c.timeouts.TLS), err)
		}
		c.fail(err)
		return fmt.Errorf("TLS handshake: %w", c.err)
	}
	c.wire.secure(secured)
	return nil
}

// stls sends STLS and starts TLS (RFC 2595 section 4). Of what the server said
// before, only the greeting counts afterwards.
func (c *Client) stls(config *tls.Config) error {
	caps, err := c.Capa()
	if err != nil {
		return err
	}
	// A server without CAPA may know STLS all the same, and asking costs nothing.
	if len(caps) > 0 && !caps.Has("STLS") {
		return ErrNoSTLS
	}
	if _, err := c.cmd("STLS"); err != nil {
		if _, refused := errors.AsType[*Error](err); refused {
			return fmt.Errorf("%w: %w", ErrNoSTLS, err)
		}
		return err
	}
	c.server.caps = nil
	// Whatever follows the +OK in the clear was put there by somebody on the line,
	// to be taken for the server's word under TLS (CVE-2021-38371 and its kin).
	if input := c.wire.input(maxErrorText); len(input) > 0 {
		return c.fail(&ProtocolError{Detail: inQuotes(input, maxErrorText), Err: ErrInjected})
	}
	return c.handshake(config)
}
