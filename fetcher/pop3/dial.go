package pop3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

// Mode says when TLS begins.
type Mode int

// The modes.
const (
	// Implicit is TLS from the first byte, usually on port 995 (RFC 8314 section 3.2).
	Implicit Mode = iota
	// StartTLS is STLS, usually on port 110 (RFC 2595 section 4), or no session.
	StartTLS
	// Plaintext is no TLS at all.
	Plaintext
)

// Dialer says how to reach a server.
type Dialer struct {
	// Addr is "host:port".
	Addr string
	Mode Mode
	// TLSConfig is cloned. ServerName defaults to the host of Addr, and
	// MinVersion is TLS 1.2 at least.
	TLSConfig *tls.Config
	// DialContext connects; nil is a net.Dialer's.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	Timeouts    Timeouts
	// Trace, if set, is given every line of the dialogue, secrets masked.
	Trace func(TraceLine)
}

// Errors of STLS.
var (
	// ErrNoSTLS says that the server does not offer TLS; nothing was sent in the clear.
	ErrNoSTLS = errors.New("server does not offer STLS")
	// ErrInjected says that bytes came between STLS and the handshake. They would
	// be taken for the server's, although anybody may have sent them.
	ErrInjected = errors.New("plaintext stands behind the reply to STLS")
)

// Dial connects, starts TLS and reads the greeting. ctx governs the session's
// whole life.
func (d *Dialer) Dial(ctx context.Context) (*Client, error) {
	t := d.Timeouts.withDefaults()
	dial := d.DialContext
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	dialCtx, cancel := context.WithTimeout(ctx, t.Dial)
	defer cancel()
	conn, err := dial(dialCtx, "tcp", d.Addr)
	if err != nil {
		return nil, err
	}
	c := newClient(ctx, conn, t, d.Trace)
	if err := d.start(c); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (d *Dialer) start(c *Client) error {
	if d.Mode == Implicit {
		if err := d.handshake(c); err != nil {
			return err
		}
	}
	if err := c.readGreeting(); err != nil {
		return err
	}
	if d.Mode == StartTLS {
		if _, err := c.cmd("STLS", "", ""); err != nil {
			if reply := (*Error)(nil); errors.As(err, &reply) {
				return fmt.Errorf("%w: %w", ErrNoSTLS, err)
			}
			return err
		}
		if c.r.Buffered() > 0 {
			return c.fail(ErrInjected)
		}
		return d.handshake(c)
	}
	return nil
}

func (d *Dialer) handshake(c *Client) error {
	config := &tls.Config{}
	if d.TLSConfig != nil {
		config = d.TLSConfig.Clone()
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(d.Addr)
		if err != nil {
			return c.fail(fmt.Errorf("start TLS: %w", err))
		}
		config.ServerName = host
	}
	conn := tls.Client(c.raw, config)
	c.raw.SetDeadline(time.Now().Add(c.timeouts.TLS))
	if err := conn.HandshakeContext(c.ctx); err != nil {
		if record, ok := errors.AsType[tls.RecordHeaderError](err); ok {
			err = &ProtocolError{Step: "start TLS", Line: printable(string(record.RecordHeader[:])), Hint: "the server does not speak TLS here: use port 995, or STLS on port 110"}
		} else {
			err = fmt.Errorf("start TLS: %w", err)
		}
		return c.fail(err)
	}
	c.raw.SetDeadline(time.Time{})
	c.conn = conn
	return nil
}
