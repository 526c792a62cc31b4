package daemon_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/daemon"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// benchMessages is how many messages a mailbox of the benchmark has.
const benchMessages = 1500

// BenchmarkReaders fetches a mailbox alone, and beside people who look on. x-alone is the time
// beside them over the time alone: with one who reloads the page as fast as it comes, and with 50
// whose pages are kept current.
func BenchmarkReaders(b *testing.B) {
	for _, by := range []struct {
		name string
		look func(ctx context.Context, page string)
	}{
		{"Reloading", reload},
		{"FiftyLive", func(ctx context.Context, page string) {
			var all sync.WaitGroup
			for range 50 {
				all.Go(func() { follow(ctx, page) })
			}
			all.Wait()
		}},
	} {
		b.Run(by.name, func(b *testing.B) {
			var alone, beside time.Duration
			for b.Loop() {
				alone += fetchAll(b, nil)
				beside += fetchAll(b, by.look)
			}
			b.ReportMetric(float64(beside)/float64(alone), "x-alone")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// reload asks for the overview again and again.
func reload(ctx context.Context, page string) {
	for ctx.Err() == nil {
		get(ctx, page, func(body io.Reader) { _, _ = io.Copy(io.Discard, body) })
	}
}

// follow reads the page's news.
func follow(ctx context.Context, page string) {
	get(ctx, page+"events", func(body io.Reader) {
		for lines := bufio.NewScanner(body); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "event:") {
				get(ctx, page, func(body io.Reader) { _, _ = io.Copy(io.Discard, body) })
			}
		}
	})
}

func get(ctx context.Context, url string, read func(io.Reader)) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return // it is not open yet, or not any more
	}
	defer response.Body.Close()
	read(response.Body)
}

// fetchAll runs a daemon until it has fetched and deleted all of a mailbox, and returns how long
// that took. look, unless nil, looks on from before the first message until the last.
func fetchAll(b *testing.B, look func(ctx context.Context, page string)) time.Duration {
	s := pop3test.NewServer()
	s.Pipelining = true
	s.Users = map[string]string{"u": "p"}
	body := strings.Repeat("0123456789abcdef", 512)
	var messages []pop3test.Message
	for i := range benchMessages {
		messages = append(messages, pop3test.Message{UIDL: fmt.Sprint(i), Raw: fmt.Appendf(nil,
			"From: a@example.org\r\nSubject: %d\r\nContent-Type: text/plain; name=n.txt\r\nContent-Disposition: attachment\r\n\r\n%d %s\r\n", i, i, body)})
	}
	s.Mailboxes = map[string][]pop3test.Message{"u": messages}
	begin := make(chan struct{})
	s.Hook = func(_ *pop3test.Conn, cmd, _ string) bool {
		if cmd == "STAT" {
			<-begin
		}
		return false
	}
	if err := s.Start(); err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	page := freeAddress(b)
	c, path := configure(b, s, page)
	ctx, stop := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := daemon.Run(ctx, daemon.Options{Config: c, Path: path}); err != nil {
			b.Error(err)
		}
	})
	defer running.Wait()
	defer stop()
	url := "http://" + page + "/"
	for open := false; !open && b.Context().Err() == nil; {
		get(ctx, url, func(io.Reader) { open = true })
	}
	if look != nil {
		running.Go(func() { look(ctx, url) })
	}
	start := time.Now()
	close(begin)
	for left := benchMessages; left > 0; {
		time.Sleep(5 * time.Millisecond)
		left = len(s.Mailbox("u"))
	}
	return time.Since(start)
}

func configure(b *testing.B, s *pop3test.Server, page string) (*config.Config, string) {
	dir := b.TempDir()
	host, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(dir, "attachd.yaml")
	text := fmt.Sprintf("output: out\nstate: state.db\nhttp: {listen: %q}\naccounts:\n  - {name: a, host: %s, port: %s, username: u, password: p, after: delete, tls: {ca_file: ca.pem}}\n", page, host, port)
	for name, content := range map[string]string{"attachd.yaml": text, "ca.pem": string(s.CertPEM())} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	c, _, err := config.Load(path)
	if err != nil {
		b.Fatal(err)
	}
	return c, path
}

func freeAddress(b testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
