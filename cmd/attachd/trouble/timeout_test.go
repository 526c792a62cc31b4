package trouble_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"
	"testing/synctest"

	"github.com/attachd/attachd/cmd/attachd/trouble"
	"github.com/attachd/attachd/fetcher/pop3"
)

// TestTimeouts: each wait of a session that ends has a class of its own.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		mode  pop3.Mode
		serve func(net.Conn) // nil: no connection comes about
		class trouble.Class
		step  string
	}{
		{"dial", pop3.Plaintext, nil, trouble.ConnectTimeout, "connect"},
		{"TLS", pop3.Implicit, swallow, trouble.TLSTimeout, "tls"},
		{"greeting", pop3.Plaintext, swallow, trouble.GreetingTimeout, "connect"},
		{"reply", pop3.Plaintext, say("+OK hello\r\n"), trouble.ReplyTimeout, "list"},
		{"list", pop3.Plaintext, say("+OK hello\r\n", "+OK list follows\r\n1 a\r\n"), trouble.TransferTimeout, "list"},
		{"end", pop3.Plaintext, func(c net.Conn) { say("+OK hello\r\n")(c); c.Close() }, trouble.ConnectionLost, "list"},
		{"another protocol", pop3.Plaintext, say("* OK IMAP4rev1\r\n"), trouble.NotPOP3, "connect"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				err := uidl(t.Context(), test.mode, test.serve)
				if got := trouble.Of("a:995", err); got.Class != test.class || got.Step != test.step {
					t.Errorf("%v: %s at %s, want %s at %s", err, got.Class, got.Step, test.class, test.step)
				}
			})
		})
	}
}

func swallow(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// say says each text, and reads a line behind each.
func say(texts ...string) func(net.Conn) {
	return func(c net.Conn) {
		lines := bufio.NewReader(c)
		for _, text := range texts {
			_, _ = io.WriteString(c, text)
			_, _ = lines.ReadString('\n')
		}
	}
}

// uidl asks a server for its list, as polls do.
func uidl(ctx context.Context, mode pop3.Mode, serve func(net.Conn)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d := pop3.Dialer{Addr: "a:995", Mode: mode, TLSConfig: &tls.Config{}, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		if serve == nil {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		ours, theirs := net.Pipe()
		go serve(theirs)
		return ours, nil
	}}
	c, err := d.Dial(ctx)
	if err != nil {
		return fmt.Errorf("connect to a:995: %w", err)
	}
	defer c.Close()
	if err := c.Uidl(func(int, string) error { return nil }); err != nil {
		return fmt.Errorf("list the messages of a:995: %w", err)
	}
	return nil
}
