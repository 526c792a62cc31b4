package extractor

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

// TestLimits: a message beyond a limit is an error, at the limit it is none, and
// every writer is closed either way.
func TestLimits(t *testing.T) {
	t.Parallel()
	nested := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
		}
		return b.String() + "Content-Type: a/b; name=t\n\nx"
	}
	tests := []struct {
		limit  string
		limits Limits
		at     string // message at the limit
		beyond string
	}{
		{"header bytes", Limits{HeaderBytes: 100}, "Subject: " + strings.Repeat("x", 89) + "\n\nbody", "Subject: " + strings.Repeat("x", 120) + "\n\nbody"},
		{"header fields", Limits{HeaderFields: 3}, strings.Repeat("A: b\n", 3) + "\nbody", strings.Repeat("A: b\n", 5) + "\nbody"},
		{"depth", Limits{Depth: 5}, nested(5), nested(6)},
		{"parts", Limits{Parts: 3}, "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nx\n", 3), "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\nContent-Type: a/b; name=t\n\nx\n", 4)},
	}
	for _, test := range tests {
		t.Run(test.limit, func(t *testing.T) {
			t.Parallel()
			if _, _, err := capture(strings.NewReader(test.at), test.limits, false); err != nil {
				t.Errorf("at the limit: %v", err)
			}
			all, _, err := capture(strings.NewReader(test.beyond), test.limits, false)
			if limit, ok := errors.AsType[*LimitError](err); !ok || limit.Limit != test.limit {
				t.Errorf("beyond the limit: %v", err)
			}
			for _, c := range all {
				if c.closed != 1 {
					t.Errorf("part %s was closed %d times", c.Part, c.closed)
				}
			}
		})
	}
}

// TestManyAttachments: more attachments than any person sends are refused, unless somebody
// asks for them.
func TestManyAttachments(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		n, limit int
		refused  bool
	}{{1000, 0, false}, {1001, 0, true}, {1001, 1001, false}} {
		message := "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\nContent-Type: a/b; name=x\n\nx\n", test.n)
		_, err := Extract(strings.NewReader(message), Options{Limits: Limits{Attachments: test.limit}}, func(*Attachment) (io.WriteCloser, error) { return discard{}, nil })
		if limit, ok := errors.AsType[*LimitError](err); ok != test.refused || ok && limit.Limit != "attachments" || err != nil && !ok {
			t.Errorf("%d attachments under a limit of %d: error %v", test.n, test.limit, err)
		}
	}
}

// TestLongNames: the names of a thousand attachments are kept up to a bound, and a problem
// says which were cut.
func TestLongNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", 900)
	part := "--b\nContent-ID: <" + long + ">\nContent-Type: a/b; name=" + long + "\n\nx\n"
	message := "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat(part, 1000)
	all, _, err := captureWith(strings.NewReader(message), Options{}, false)
	if err != nil {
		t.Fatal(err)
	}
	kept, clipped := 0, 0
	for _, c := range all {
		kept += len(c.OriginalName) + len(c.ContentID)
		for _, p := range c.Problems {
			if p.Kind == ProblemClipped {
				clipped++
				break
			}
		}
	}
	if first := all[0]; first.OriginalName != long || first.ContentID != long {
		t.Error("the first name is cut")
	}
	if kept > maxTexts+1000*2*shortText+2*maxText || clipped == 0 {
		t.Errorf("%d bytes are kept, %d names are said to be cut", kept, clipped)
	}
}

// TestNestedHeaders: of messages within each other with long headers, none is held once it is read.
func TestNestedHeaders(t *testing.T) {
	long := ""
	for _, field := range []string{"From", "Subject", "Content-Id", "Content-Location", "Content-Description", "Content-Disposition"} {
		long += field + ": " + strings.Repeat("x", 60_000) + "\n"
	}
	r := &repeated{body: long + "Content-Type: message/rfc822\n\n", n: 95, tail: "Content-Type: a/b; name=x\n\n" + strings.Repeat("x", 1_000_000)}
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	most := uint64(0)
	_, err := Extract(&live{Reader: r, most: &most}, Options{}, func(*Attachment) (io.WriteCloser, error) { return discard{}, nil })
	if err != nil {
		t.Fatal(err)
	}
	if grown := int64(most) - int64(before.HeapAlloc); grown > 6<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}

// live notes the largest heap, without what is garbage, at some of the reads.
type live struct {
	io.Reader
	most  *uint64
	reads int
}

func (l *live) Read(p []byte) (int, error) {
	if l.reads++; l.reads%20 == 0 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		*l.most = max(*l.most, m.HeapAlloc)
	}
	return l.Reader.Read(p)
}
