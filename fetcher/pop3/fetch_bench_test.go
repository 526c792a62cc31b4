package pop3_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// BenchmarkFetch retrieves a mailbox over TLS and compares it with draining as
// many bytes from a TLS connection that sends nothing else.
func BenchmarkFetch(b *testing.B) {
	for _, size := range []int{3 << 10, 1400 << 10} {
		count := max(1, (16<<20)/size)
		raw := bytes.Repeat([]byte(strings.Repeat("QUJD", 19)+"\r\n"), size/78+1)
		octets := int64(count * len(raw))
		configure := func(s *pop3test.Server) {
			s.Mailboxes["u"] = make([]pop3test.Message, count)
			for i := range s.Mailboxes["u"] {
				s.Mailboxes["u"][i] = pop3test.Message{UIDL: fmt.Sprint(i), Raw: raw}
			}
		}
		for _, window := range []int{1, 64} {
			b.Run(fmt.Sprintf("%dKiB/window=%d", size>>10, window), func(b *testing.B) {
				c := dial(b, start(b, configure), pop3.Implicit)
				if err := c.UserPass("u", "secret"); err != nil {
					b.Fatal(err)
				}
				b.SetBytes(octets)
				b.ReportAllocs()
				for b.Loop() {
					err := c.RetrEach(upTo(count), window, func(_ int, body io.Reader, err error) error {
						if err != nil {
							return err
						}
						_, err = io.Copy(io.Discard, body)
						return err
					})
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		b.Run(fmt.Sprintf("%dKiB/drain", size>>10), func(b *testing.B) {
			s := start(b, func(s *pop3test.Server) {
				s.Serve = func(conn net.Conn) {
					block := bytes.Repeat(raw, (64<<10)/len(raw)+1)
					for {
						if _, err := conn.Write(block); err != nil {
							return
						}
					}
				}
			})
			conn, err := tls.Dial("tcp", s.Addr(), &tls.Config{RootCAs: s.CertPool()})
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			b.SetBytes(octets)
			for b.Loop() {
				if _, err := io.CopyN(io.Discard, conn, octets); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
