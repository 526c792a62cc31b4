package identity

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/attachd/attachd/config/testsize"
	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/session"
)

// TestMillionMessages checks that the UIDLs of a long list are held in one buffer.
func TestMillionMessages(t *testing.T) {
	t.Parallel()
	messages := testsize.Of(50_000, 1_000_000)
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		io.WriteString(server, "+OK\r\n")
		io.ReadFull(server, make([]byte, len("UIDL\r\n")))
		io.WriteString(server, "+OK\r\n")
		var out bytes.Buffer
		for n := 1; n <= messages; n++ {
			fmt.Fprintf(&out, "%d 0000%08d5f3759df\r\n", n, n)
			if out.Len() > 32<<10 || n == messages {
				server.Write(out.Bytes())
				out.Reset()
			}
		}
		io.WriteString(server, ".\r\n")
	}()
	c, err := (&pop3.Dialer{
		Mode:        pop3.Plaintext,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return client, nil },
	}).Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	l, err := readUIDLs(session.Maildrop(c, nil, true), nil)
	if last := fmt.Sprintf("0000%08d5f3759df", messages); err != nil || len(l.Nameless) != 0 || len(l.Entries) != messages || l.UIDL(l.Entries[messages-1]) != last {
		t.Fatalf("%d entries, %d without a UIDL, error %v", len(l.Entries), len(l.Nameless), err)
	}
	// Left are the entries, of 24 bytes, and the UIDLs, with the slack of growing slices.
	if held := cap(l.Entries)*24 + cap(l.uidls); held > 80*messages {
		t.Errorf("the listing of %d messages holds %d KiB", messages, held>>10)
	}
}
