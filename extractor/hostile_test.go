package extractor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/attachd/attachd/config/testsize"
)

// repeated gives out head, then body n times, then tail, without holding them.
type repeated struct {
	head, body, tail string
	n                int
	rest             string
}

func (r *repeated) Read(p []byte) (int, error) {
	total := 0
	for total < len(p) {
		if r.rest == "" {
			switch {
			case r.head != "":
				r.rest, r.head = r.head, ""
			case r.n > 0:
				r.rest = r.body
				r.n--
			case r.tail != "":
				r.rest, r.tail = r.tail, ""
			default:
				if total == 0 {
					return 0, io.EOF
				}
				return total, nil
			}
		}
		n := copy(p[total:], r.rest)
		r.rest = r.rest[n:]
		total += n
	}
	return total, nil
}

// TestHostile reads mail that was made to exhaust a reader: it must end, be
// within its limits or refused by them, and leave the heap as it was.
func TestHostile(t *testing.T) {
	nested := func(n int) io.Reader {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
		}
		return strings.NewReader(b.String())
	}
	// For cases that cost time rather than memory, a part tells as much.
	some := func(n int) int { return testsize.Of(n/5, n) }
	tests := []struct {
		name  string
		r     io.Reader
		limit string // the limit that refuses it, "" for none
	}{
		{"8 M fields in a part", &repeated{head: "Content-Type: multipart/mixed; boundary=b\n\n--b\n", body: "A: b\n", n: 8_000_000}, "header fields"},
		{"a header line of 200 MB", &repeated{head: "Subject: ", body: strings.Repeat("x", 1000), n: 200_000}, "header bytes"},
		{"5,000 nested multiparts", nested(5000), "depth"},
		{"10,000 parts", &repeated{head: "Content-Type: multipart/mixed; boundary=b\n\n", body: "--b\nContent-Type: a/b; name=x\n\nx\n", n: 10_000}, ""},
		{"10,001 parts", &repeated{head: "Content-Type: multipart/mixed; boundary=b\n\n", body: "--b\n\nx\n", n: 10_001}, "parts"},
		{"50,000 parameters", &repeated{head: "Content-Type: a/b; name=x", body: "; a=b", n: 50_000, tail: "\n\nx"}, ""},
		{"50,000 segments of a name", &repeated{head: "Content-Disposition: attachment", body: "; filename*0*=x", n: 10_000, tail: "\n\nx"}, ""},
		{"50,000 encoded words", &repeated{head: "Subject: ", body: "=?utf-8?q?x?= ", n: 10_000, tail: "\n\nx"}, ""},
		{"lines that begin like boundaries", &repeated{head: "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: a/b; name=x\n\n", body: "--\n-- \n --\n", n: some(2_000_000)}, ""},
		{"one line of 100 MB", &repeated{head: "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: a/b; name=x\n\n", body: strings.Repeat("-", 1000), n: 100_000}, ""},
		{"100 MB of base64 on one line", &repeated{head: "Content-Type: a/b; name=x\nContent-Transfer-Encoding: base64\n\n", body: strings.Repeat("QUJD", 250), n: 100_000}, ""},
		{"60 MB and more of quoted-printable blanks", &repeated{head: "Content-Type: a/b; name=x\nContent-Transfer-Encoding: quoted-printable\n\n", body: strings.Repeat(" ", 1000), n: testsize.Of(60_000, 100_000)}, ""},
		{"dashes within messages within each other", &repeated{head: strings.Repeat("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n", 49), body: "--c\n -\n", n: some(200_000)}, ""},
		{"names of semicolons", &repeated{head: "Content-Type: multipart/mixed; boundary=b\n\n", body: "--b\nContent-Type: a/b; name=x" + strings.Repeat(";a.b", 15_000) + "\n\n", n: some(300)}, ""},
		{"names of quotes", &repeated{head: "Content-Type: multipart/mixed; boundary=b\n\n", body: "--b\nContent-Type: a/b; name=\"" + strings.Repeat(`"a`, 30_000) + "\n\n", n: some(300)}, ""},
		{"fields of lines like boundaries", &repeated{head: "Content-Type: multipart/mixed; boundary=b\n\n", body: "--b\nContent-Type: a/b; name=\"" + strings.Repeat("\n --", 15_000) + "\n\n", n: some(300)}, ""},
		{"words that do not end", &repeated{head: "Content-Type: multipart/mixed; boundary=b\n\n", body: "--b\nContent-Type: a/b; name=" + strings.Repeat("=?a?q?", 10_000) + "\n\n", n: some(300)}, ""},
		{"long names", &repeated{head: "Content-Type: multipart/mixed; boundary=b\n\n", body: "--b\nContent-ID: <" + strings.Repeat("x", 60_000) + ">\nContent-Type: a/b; name=" + strings.Repeat("x", 60_000) + "\n\n", n: some(5000)}, ""},
		{"short names in long fields", &repeated{head: "Content-Type: multipart/mixed; boundary=b\n\n", body: "--b\nContent-Type: a/b; name=x; y=" + strings.Repeat("x", 60_000) + "\n\n", n: some(5000)}, ""},
		{"problems", &repeated{head: "Content-Type: multipart/mixed; boundary=b\n\n", body: "--b\n" + strings.Repeat("junk\nContent-Type: a/b; name*3=\xff\n", 20) + "\n", n: some(10_000)}, ""},
		{"files that begin and do not", &repeated{head: "Subject: x\n\n", body: "begin 644 x\n", n: some(2_000_000)}, ""},
		{"blanks before an S/MIME message", &repeated{head: "Content-Type: application/pkcs7-mime; name=smime.p7m\n\n", body: " \t\r\n", n: 20_000_000}, ""},
		{"lines that end with CR", &repeated{head: "Content-Type: text/plain\n\n", body: "\r", n: some(20_000_000)}, ""},
		{"10,001 uuencoded files", &repeated{head: "Subject: x\n\n", body: "begin 644 x\n`\nend\n", n: 10_001}, "attachments"},
		{"uuencoded lines of one character", &repeated{head: "Subject: x\n\nbegin 644 x\n", body: "M\n", n: some(3_000_000)}, ""},
		{"a uuencoded body without a file", &repeated{head: "Content-Type: a/b; name=x\nContent-Transfer-Encoding: x-uuencode\n\n", body: "text\n", n: some(5_000_000)}, ""},
		{"a million senders", &repeated{head: "From: ", body: "a@b, ", n: 1_000_000, tail: "\n\nx"}, ""},
		{"a million broken senders", &repeated{head: "From: <", body: "<a@b, ", n: 1_000_000, tail: "\n\nx"}, ""},
		{"attached messages within each other", &repeated{body: "Content-Type: message/rfc822\n\n", n: 5000}, "depth"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			most := uint64(0)
			var all []*Attachment // which a caller keeps until the message is done
			x := &run{limits: Limits{Attachments: 10_000}.withDefaults(), message: &Message{}, open: func(a *Attachment) (io.WriteCloser, error) {
				all = append(all, a)
				return discard{}, nil
			}}
			_, err := extract(&watched{Reader: test.r, most: &most}, x)
			runtime.ReadMemStats(&after)
			if limit, ok := errors.AsType[*LimitError](err); ok != (test.limit != "") || ok && limit.Limit != test.limit {
				t.Errorf("error %v, want limit %q", err, test.limit)
			}
			most = max(most, after.HeapAlloc)
			runtime.KeepAlive(all)
			if grown := int64(most) - int64(before.HeapAlloc); grown > 48<<20 {
				t.Errorf("the heap grew by %d MiB", grown>>20)
			}
		})
	}
}

// watched notes the largest live heap at some of the reads.
type watched struct {
	io.Reader
	most  *uint64
	reads int
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if w.reads++; w.reads%50 == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		*w.most = max(*w.most, m.HeapAlloc)
	}
	return n, err
}

// TestAllocationsPerMessage: what a usual mail takes is the sum of small things, each easily
// doubled.
func TestAllocationsPerMessage(t *testing.T) {
	mail := bytes.NewReader(usualMail())
	got := testing.AllocsPerRun(200, func() {
		mail.Seek(0, io.SeekStart)
		if _, err := Extract(mail, Options{}, func(*Attachment) (io.WriteCloser, error) { return discard{}, nil }); err != nil {
			t.Error(err)
		}
	})
	if got > 28 { // 20 or 21; the pools may be emptied at any time
		t.Errorf("%v allocations", got)
	}
}

// TestNoAllocationPerLine: ten times the lines must not take more memory blocks.
func TestNoAllocationPerLine(t *testing.T) {
	allocations := func(lines int) float64 {
		message := []byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: a/b; name=x\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
			strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", lines) + "--b--\r\n")
		return testing.AllocsPerRun(5, func() {
			if _, err := Extract(bytes.NewReader(message), Options{}, func(*Attachment) (io.WriteCloser, error) { return discard{}, nil }); err != nil {
				t.Error(err)
			}
		})
	}
	few, many := allocations(1000), allocations(10_000)
	if many > few+20 {
		t.Errorf("%v allocations for 1,000 lines, %v for 10,000", few, many)
	}
}

// TestPanic: a fault of the extractor, or of what it writes to, is an error of the message. What it
// has open is closed once, and the next message finds nothing of it.
func TestPanic(t *testing.T) {
	t.Parallel()
	const mail = "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: a/b; name=x\n\none\ntwo\n--b--\n"
	for range 3 {
		closed := 0
		m, err := Extract(strings.NewReader(mail), Options{}, func(*Attachment) (io.WriteCloser, error) {
			return &faulty{&closed}, nil
		})
		fault, ok := errors.AsType[*PanicError](err)
		if !ok || m != nil || !strings.Contains(err.Error(), "faulty") || fault.Value != "a fault" || closed != 1 {
			t.Errorf("message %v, error %v, closed %d times", m, err, closed)
		}
		if _, ok := errors.AsType[MessageError](err); !ok {
			t.Error("the message is not the reason")
		}
		if m, err := Extract(strings.NewReader(mail), Options{}, func(*Attachment) (io.WriteCloser, error) { return nil, nil }); err != nil || m.Size != int64(len(mail)) {
			t.Errorf("the next message: %v, %v", m, err)
		}
	}
}

type faulty struct{ closed *int }

func (f *faulty) Write([]byte) (int, error) { panic("a fault") }
func (f *faulty) Close() error              { *f.closed++; return nil }
