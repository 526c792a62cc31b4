package poll

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/attachd/attachd/fetcher/identity"
)

// TestOutgrown checks that a message far beyond its listed size is given up.
func TestOutgrown(t *testing.T) {
	t.Parallel()
	const most = defaultMaxMessage
	for _, test := range []struct{ listed, want int64 }{
		{-1, most}, {0, most}, {1, 64 << 20}, {16 << 20, 64 << 20}, {32 << 20, 128 << 20}, {2 << 30, most}, {most, most}, {1 << 40, most}, {math.MaxInt64, most},
	} {
		if got := outgrown(test.listed, most); got != test.want {
			t.Errorf("listed as %d: %d, want %d", test.listed, got, test.want)
		}
	}
	p := &poll{visit: &visit{Visit: &Visit{Account: new(Account)}}}
	n, err := io.Copy(io.Discard, p.bounded(identity.Entry{Size: 100}, endlessReader{}))
	if err == nil || !strings.Contains(err.Error(), "LIST says 100") || n > 65<<20 {
		t.Errorf("%d octets were read, error %v", n, err)
	}
	if errors.Is(err, io.EOF) {
		t.Error("it passes for whole")
	}
}

// endlessReader is a message without end.
type endlessReader struct{}

func (endlessReader) Read(p []byte) (int, error) { return len(p), nil }

// TestTail checks that the end of a message is known, and dots and lines are counted, in
// whatever pieces it comes.
func TestTail(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		raw   string
		whole bool
		slack int64
	}{
		{multipart(1, ".a\r\n..b"), true, 11},
		{multipart(1, "a") + " \r\n\r\n", true, 10},
		{"Content-Type: multipart/mixed; boundary=b; x=y\n\n--b\n\na\n--b--", true, 5},
		{"Content-Type: multipart/mixed; boundary=b\n\n--b\n\na\n--b\n", false, 6},
		{"Content-Type: multipart/mixed; boundary=b\n\n--b\n\na\n--xb--\n", false, 6},
		{"Content-Type: multipart/mixed; boundary=b\n\na\n--b--\nfooter\n", false, 5},
		{"Subject: boundary=b\n\na\n--b--\n", false, 4},
		{"Content-Type: text/plain\n\n; boundary=b\n--b--\n", false, 4},
		{"", false, 0},
	} {
		for step := 1; step <= len(tt.raw)+1; step++ {
			var r tailReader
			for rest := []byte(tt.raw); len(rest) > 0; rest = rest[min(step, len(rest)):] {
				r.write(rest[:min(step, len(rest))])
			}
			if whole := r.whole([]byte(tt.raw)); whole != tt.whole || r.slack != tt.slack {
				t.Errorf("%q in steps of %d: whole %t, slack %d; want %t, %d", tt.raw, step, whole, r.slack, tt.whole, tt.slack)
			}
		}
	}
}

func multipart(n int, text string) string {
	return fmt.Sprintf("Message-ID: <%d@example.org>\r\nContent-Type: multipart/mixed;\r\n boundary=\"=_b%[1]d\"\r\n\r\n--=_b%[1]d\r\n\r\n%s\r\n--=_b%[1]d--\r\n", n, text)
}
