package tnef

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/attachd/attachd/config/testsize"
)

// repeated gives a decoder head, then body n times, without ever holding them all.
type repeated struct {
	head, body []byte
	n          int
}

// write returns the largest live heap that was seen on the way, as well.
func (r repeated) write(w io.Writer) (most uint64, err error) {
	if _, err = w.Write(r.head); err != nil {
		return 0, err
	}
	many := bytes.Repeat(r.body, max(1, min(r.n, (64<<10)/len(r.body))))
	for left, i := r.n*len(r.body), 0; left > 0; i++ {
		n := min(left, len(many))
		left -= n
		if _, err = w.Write(many[:n]); err != nil {
			return most, err
		}
		if i%100 == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
	}
	return most, nil
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Close() error                { return nil }

// nestedMessages is a stream of attached messages within each other.
func nestedMessages(n int) []byte {
	stream := build(file("a", "innermost"))
	for range n {
		stream = build(rendering(), described(object(interfaceMessage, stream)))
	}
	return stream
}

// TestHostile decodes streams that were made to exhaust a decoder: each must end,
// be within the limits or refused by them, and leave the heap as it was.
func TestHostile(t *testing.T) {
	const much = 20 << 20
	many := testsize.Of(250_000, 1_000_000)
	huge := le32(0xffffffff)
	begun := func(level, tag int) []byte { // an attribute of 4 GiB
		b := attribute(level, tag, nil)
		return join(b[:5], huge)
	}
	inAttachment := func(pieces ...[]byte) []byte {
		return join(build(rendering()), begun(2, attAttachment), join(pieces...))
	}
	inMessage := func(pieces ...[]byte) []byte {
		return join(build(), begun(1, attMsgProps), join(pieces...))
	}
	rtf := join(le32(1), property(typeBinary, propRTFCompressed), le32(1), huge, huge, huge, le32(rtfCompressed), huge)
	tests := []struct {
		name  string
		in    repeated
		limit string
	}{
		{"a name of 4 GiB", repeated{join(build(rendering()), begun(2, attAttachTitle)), []byte("x"), much}, ""},
		{"a content of 4 GiB", repeated{join(build(rendering()), begun(2, attAttachData)), []byte("x"), much}, ""},
		{"a code page of 4 GiB", repeated{join(build(), begun(1, attOemCodepage)), []byte("x"), much}, ""},
		{"many attributes", repeated{build(), attribute(1, 0x8004, []byte("x")), many}, ""},
		{"many wrong checksums", repeated{build(), attribute(1, 0x8004, nil)[:9:9], many}, ""},
		{"many attachments without a content", repeated{build(), join(rendering(), title("x")), many}, ""},
		{"1,001 attachments", repeated{build(), file("x", "y"), 1001}, "files"},
		{"1,001 contents of one attachment", repeated{build(rendering()), content("x"), 1001}, "files"},
		{"many properties", repeated{inAttachment(le32(many)), number(1, 1), many}, ""},
		{"many names", repeated{inAttachment(le32(many)), string8(propAttachLongFilename, ""), many}, ""},
		{"many long names", repeated{inAttachment(le32(20_000)), string8(propAttachLongFilename, strings.Repeat("x", 1000)), 20_000}, ""},
		{"4 G properties without a value", repeated{inAttachment(huge), property(1, 1), many}, ""},
		{"4 G values without a byte", repeated{inAttachment(huge), property(0x1001, 1, huge...), many}, ""},
		{"4 G empty values", repeated{inAttachment(le32(1), property(0x101e, propAttachLongFilename, huge...)), le32(0), many}, ""},
		{"4 G GUIDs", repeated{inAttachment(le32(1), property(0x1048, 1, huge...)), []byte("x"), much}, ""},
		{"a property's name of 4 GiB", repeated{inAttachment(le32(1), property(3, 0x8000, make([]byte, 16)...), le32(1), huge), []byte("x"), much}, ""},
		{"a value of 4 GiB", repeated{inAttachment(le32(1), property(typeUnicode, propAttachLongFilename), le32(1), huge), []byte("x"), much}, ""},
		{"an OLE object of 4 GiB", repeated{inAttachment(le32(1), property(typeObject, propAttachData), le32(1), huge, interfaceStorage), []byte("x"), much}, ""},
		{"RTF that expands", repeated{inMessage(rtf), []byte("\xff\x00\x0e\x01\x0e\x02\x0e\x03\x0e\x04\x0e\x05\x0e\x06\x0e\x07\x0e"), 200_000}, "bytes"},
		{"4 G RTF bodies", repeated{inMessage(le32(1), property(typeBinary, propRTFCompressed, huge...)), sized(make([]byte, 16)), many}, ""},
		{"RTF of 4 GiB that has ended", repeated{inMessage(rtf), []byte("\x01\x0c\xf0"), many}, ""},
		{"attached messages within each other", repeated{nestedMessages(1000), []byte{0}, 0}, "depth"},
		{"20 MB behind the end", repeated{build(title("x")), []byte("\r\n"), much / 2}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			var files []*File // which a caller keeps until the stream is done
			reports := 0
			d := NewDecoder(Options{RTF: true, MaxBytes: much + 1<<20, Report: func(string, string) { reports++ }}, func(f *File) (io.WriteCloser, error) {
				files = append(files, f)
				return discard{}, nil
			})
			most, err := test.in.write(d)
			if closed := d.Close(); err == nil {
				err = closed
			}
			runtime.ReadMemStats(&after)
			runtime.KeepAlive(files)
			if limit, ok := errors.AsType[*LimitError](err); ok != (test.limit != "") || !ok && err != nil || ok && limit.Limit != test.limit {
				t.Errorf("error %v, want limit %q", err, test.limit)
			}
			if grown := int64(max(most, after.HeapAlloc)) - int64(before.HeapAlloc); grown > 16<<20 {
				t.Errorf("the heap grew by %d MiB", grown>>20)
			}
			if reports > maxReports {
				t.Errorf("%d reports", reports)
			}
		})
	}
}

// TestNesting decodes up to a thousand messages within each other where that is allowed.
func TestNesting(t *testing.T) {
	n := testsize.Of(300, 1000)
	r := decode(nestedMessages(n), Options{MaxDepth: n, MaxFiles: n + 1}, 1<<20)
	if r.err != nil || r.damaged || len(r.files) != n+1 || r.files[n].Buffer.String() != "innermost" {
		t.Errorf("%d files, damaged %v, error %v", len(r.files), r.damaged, r.err)
	}
}

// TestLimits stays within each limit and goes one beyond it.
func TestLimits(t *testing.T) {
	stream := everything()
	whole := decode(stream, Options{RTF: true}, 100)
	size := 0
	for _, f := range whole.files {
		size += f.Len()
	}
	for _, test := range []struct {
		within, beyond Options
		limit          string
	}{
		{Options{MaxFiles: 7}, Options{MaxFiles: 6}, "files"},
		{Options{MaxBytes: int64(size)}, Options{MaxBytes: int64(size) - 1}, "bytes"},
		{Options{MaxDepth: 1}, Options{}, ""},
	} {
		test.within.RTF, test.beyond.RTF = true, true
		if r := decode(stream, test.within, 100); r.String() != whole.String() {
			t.Errorf("within %+v: %s", test.within, r)
		}
		r := decode(stream, test.beyond, 100)
		if limit, ok := errors.AsType[*LimitError](r.err); ok != (test.limit != "") || ok && limit.Limit != test.limit {
			t.Errorf("beyond %+v: %v", test.beyond, r.err)
		}
		for _, f := range r.files {
			if f.closed != 1 {
				t.Errorf("beyond %+v: a file was closed %d times", test.beyond, f.closed)
			}
		}
	}
	if r := decode(nestedMessages(2), Options{MaxDepth: 1}, 100); r.err == nil || len(r.files) != 1 {
		t.Errorf("two messages within each other where one is allowed: %s", r)
	}
}

// failing fails to take or to close.
type failing struct{ onWrite, onClose error }

func (f failing) Write(p []byte) (int, error) { return len(p), f.onWrite }
func (f failing) Close() error                { return f.onClose }

// TestErrors: those of open and of the writers are passed on, by Write or Close.
func TestErrors(t *testing.T) {
	full := errors.New("disk full")
	for name, open := range map[string]func(*File) (io.WriteCloser, error){
		"open":  func(*File) (io.WriteCloser, error) { return nil, full },
		"write": func(*File) (io.WriteCloser, error) { return failing{onWrite: full}, nil },
		"close": func(*File) (io.WriteCloser, error) { return failing{onClose: full}, nil },
	} {
		d := NewDecoder(Options{RTF: true}, open)
		n, err := d.Write(everything())
		if err != full || n != 0 {
			t.Errorf("%s: Write returned %d and %v", name, n, err)
		}
		if err := d.Close(); err != full {
			t.Errorf("%s: Close returned %v", name, err)
		}
		if err := d.Close(); err != full {
			t.Errorf("%s: the second Close returned %v", name, err)
		}
	}
	// The last file is closed by Close only.
	d := NewDecoder(Options{}, func(*File) (io.WriteCloser, error) { return failing{onClose: full}, nil })
	if _, err := d.Write(build(file("a", "b"))); err != nil {
		t.Error(err)
	}
	if err := d.Close(); err != full {
		t.Errorf("Close returned %v", err)
	}
}

// TestLeftOut: a nil writer leaves out a file and not what is in it.
func TestLeftOut(t *testing.T) {
	var names []*File
	d := NewDecoder(Options{RTF: true}, func(f *File) (io.WriteCloser, error) {
		names = append(names, f)
		return nil, nil
	})
	if _, err := d.Write(everything()); err != nil {
		t.Error(err)
	}
	if err := d.Close(); err != nil || d.Damaged() || len(names) != 7 || names[4].Name != "b.txt" {
		t.Errorf("%d files, damaged %v, error %v", len(names), d.Damaged(), err)
	}
	if _, err := d.Write([]byte{1}); err == nil {
		t.Error("Write after Close gives no error")
	}
}

// TestChecksum compares with a plain sum.
func TestChecksum(t *testing.T) {
	p := make([]byte, 5000)
	for i := range p {
		p[i] = byte(i * i >> 3)
	}
	for i := range 64 {
		p[i] = 0xff
	}
	for _, b := range [][]byte{nil, p[:1], p[:7], p[:8], p[3:1030], p, bytes.Repeat([]byte{0xff}, 4097)} {
		var want uint16
		for _, c := range b {
			want += uint16(c)
		}
		if got := checksum(b); got != want {
			t.Errorf("%d bytes: %#x, want %#x", len(b), got, want)
		}
	}
}

// TestAllocations: contents and properties to pass over cost no memory.
func TestAllocations(t *testing.T) {
	allocations := func(n int) float64 {
		stream := build(rendering(), attribute(2, attAttachment, join(le32(n), bytes.Repeat(number(1, 1), n))), content(strings.Repeat("x", 1000*n)))
		return testing.AllocsPerRun(5, func() {
			d := NewDecoder(Options{}, func(*File) (io.WriteCloser, error) { return discard{}, nil })
			_, _ = d.Write(stream)
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	if few, many := allocations(10), allocations(1000); many > few+5 {
		t.Errorf("%v allocations for ten, %v for a thousand", few, many)
	}
}
