package pop3

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/attachd/attachd/config/testsize"
)

// readerConn is a connection that r feeds and that swallows what is sent.
type readerConn struct {
	net.Conn
	r io.Reader
}

func (c readerConn) Read(b []byte) (int, error)       { return c.r.Read(b) }
func (c readerConn) Write(b []byte) (int, error)      { return len(b), nil }
func (c readerConn) Close() error                     { return nil }
func (c readerConn) SetReadDeadline(time.Time) error  { return nil }
func (c readerConn) SetWriteDeadline(time.Time) error { return nil }

// segments yields what it holds in reads of lengths that follow a pattern.
type segments struct {
	data    []byte
	pattern []byte
	next    int
}

func (s *segments) Read(b []byte) (int, error) {
	if len(s.data) == 0 {
		return 0, io.EOF
	}
	n := len(s.data)
	if len(s.pattern) > 0 {
		n = int(s.pattern[s.next%len(s.pattern)])%64 + 1
		s.next++
	}
	n = copy(b[:min(n, len(b))], s.data)
	s.data = s.data[n:]
	return n, nil
}

// unstuff reads a message as the client does, with a buffer of size bytes; rest
// is what follows its final dot.
func unstuff(r io.Reader, size int, read func(r io.Reader) ([]byte, error)) (message, rest []byte, err error) {
	c := newClient(context.Background(), readerConn{r: r}, Timeouts{}, nil)
	c.wire.recycle()
	c.wire.r = bufio.NewReaderSize(c.wire.conn, size)
	message, err = read(c.newBody(1))
	if err == nil {
		rest, _ = io.ReadAll(c.wire.r)
	}
	return message, rest, err
}

func viaWriteTo(r io.Reader) ([]byte, error) {
	var b bytes.Buffer
	_, err := r.(io.WriterTo).WriteTo(&b)
	return b.Bytes(), err
}

func viaSmallReads(r io.Reader) ([]byte, error) { return io.ReadAll(iotest.OneByteReader(r)) }

// reference is the same, line by line and as simple as can be.
func reference(data []byte) (message, rest []byte, err error) {
	for {
		end := bytes.IndexByte(data, '\n') + 1
		if end == 0 {
			return nil, nil, io.ErrUnexpectedEOF
		}
		line := data[:end]
		data = data[end:]
		switch {
		case string(line) == ".\r\n", string(line) == ".\n":
			return message, data, nil
		case bytes.HasPrefix(line, []byte("..")):
			line = line[1:]
		}
		message = append(message, line...)
	}
}

func TestDotReader(t *testing.T) {
	t.Parallel()
	edge := func(n int) string { return strings.Repeat("x", n) }
	long := testsize.Of(4*bufferSize, 1<<20)
	for _, test := range []struct{ name, sent, want string }{
		{"empty message", ".\r\n", ""},
		{"bare LF", "a\nb\n.\n", "a\nb\n"},
		{"CRLF with a bare LF behind the dot", "a\r\n.\n", "a\r\n"},
		{"stuffed", "..a\r\n...\r\n....b\r\nc..\r\n.\r\n", ".a\r\n..\r\n...b\r\nc..\r\n"},
		{"a stuffed lone dot", "a\r\n..\r\nb\r\n.\r\n", "a\r\n.\r\nb\r\n"},
		{"stuffed behind a bare LF", "a\n..b\n.\n", "a\n.b\n"},
		{"not stuffed", ".a\r\n.b\r\n.\r\n", ".a\r\n.b\r\n"}, // Mailpit and others
		{"dot and bare CR", ".\rx\r\n.\r\n", ".\rx\r\n"},
		{"dot and two CR", ".\r\r\n.\r\n", ".\r\r\n"},
		{"dot behind a bare CR", "a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n"},
		{"dot behind a bare CR, stuffed elsewhere", "a\r..\r\n.\r\n", "a\r..\r\n"},
		{"NUL and 8-bit", "\x00\xff\x80\r\n.\r\n", "\x00\xff\x80\r\n"},
		{"header only", "a: b\r\n\r\n.\r\n", "a: b\r\n\r\n"},
		{"body only", "\r\nx\r\n.\r\n", "\r\nx\r\n"},
		{"only line ends", "\r\n\n\r\n.\r\n", "\r\n\n\r\n"},
		{"long line", edge(long) + "\r\n.\r\n", edge(long) + "\r\n"},
		{"4095", edge(4093) + "\r\n..\r\n.\r\n", edge(4093) + "\r\n.\r\n"},
		{"4096", edge(4094) + "\r\n..\r\n.\r\n", edge(4094) + "\r\n.\r\n"},
		{"4097", edge(4095) + "\r\n..\r\n.\r\n", edge(4095) + "\r\n.\r\n"},
		{"LF ends the buffer", edge(bufferSize-1) + "\n..\n.\n", edge(bufferSize-1) + "\n.\n"},
		{"dot ends the buffer", edge(bufferSize-2) + "\n.\r\n", edge(bufferSize-2) + "\n"},
		{"stuffed dot ends the buffer", edge(bufferSize-2) + "\n..\r\n.\r\n", edge(bufferSize-2) + "\n.\r\n"},
		{"CR ends the buffer", edge(bufferSize-3) + "\n.\r\n", edge(bufferSize-3) + "\n"},
		{"second buffer begins with a dot", edge(bufferSize-1) + "..\r\n.\r\n", edge(bufferSize-1) + "..\r\n"},
	} {
		for how, read := range map[string]func(io.Reader) ([]byte, error){"Read": io.ReadAll, "small Reads": viaSmallReads, "WriteTo": viaWriteTo} {
			for pattern, size := range map[string]int{"": bufferSize, "\x00": bufferSize, "\x01\x02": 16, "\x3f": 16} {
				t.Run(fmt.Sprintf("%s/%s/%q", test.name, how, pattern), func(t *testing.T) {
					t.Parallel()
					const next = "+OK next\r\n"
					got, rest, err := unstuff(&segments{data: []byte(test.sent + next), pattern: []byte(pattern)}, size, read)
					if err != nil {
						t.Fatal(err)
					}
					if string(got) != test.want {
						t.Errorf("got %.80q (%d bytes), want %.80q (%d bytes)", got, len(got), test.want, len(test.want))
					}
					if string(rest) != next {
						t.Errorf("%.80q is left, want %q", rest, next)
					}
				})
			}
		}
	}
}

// TestBlocks: short lines with dots before them are handed over together. A block for each costs
// whoever takes the message apart many times what its bytes do.
func TestBlocks(t *testing.T) {
	t.Parallel()
	const lines = 10_000
	for name, test := range map[string]struct {
		line, want string
		octets     int64 // if positive, the server stuffs no dots
	}{
		"stuffed":                   {"..\r\n", ".\r\n", 0},
		"stuffed, with a bare LF":   {"..\n", ".\n", 0},
		"not stuffed":               {".a\r\n", ".a\r\n", 0},
		"dot and bare CR":           {".\ra\n", ".\ra\n", 0},
		"two dots that are content": {"..\r\n", "..\r\n", lines * 4},
		"a dot that is content":     {".\r\n", ".\r\n", lines * 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent := strings.Repeat(test.line, lines) + ".\r\n"
			c := newClient(context.Background(), readerConn{r: strings.NewReader(sent)}, Timeouts{}, nil)
			c.Unstuffed(func(int) int64 { return test.octets })
			var got countedWrites
			if _, err := c.newBody(1).WriteTo(&got); err != nil {
				t.Fatal(err)
			}
			if want := strings.Repeat(test.want, lines); got.String() != want {
				t.Errorf("got %.40q (%d bytes), want %.40q (%d bytes)", got.String(), got.Len(), want, len(want))
			}
			if most := 2 * (len(sent)/bufferSize + 1); got.writes > most {
				t.Errorf("%d blocks, want at most %d", got.writes, most)
			}
		})
	}
}

// countedWrites counts the blocks that it takes.
type countedWrites struct {
	bytes.Buffer
	writes int
}

func (w *countedWrites) Write(p []byte) (int, error) {
	w.writes++
	return w.Buffer.Write(p)
}

func FuzzDotReader(f *testing.F) {
	f.Add([]byte("a\r\n..b\r\n.\r\n+OK\r\n"), []byte{0, 1, 2})
	f.Add([]byte("\n.\n.\r.\r\n"), []byte{1})
	f.Add([]byte(".\r"), []byte(nil))
	f.Add([]byte("...\n..\r\n.x"), []byte{5})
	// Property: whatever the segments and the edges of a tiny buffer, and however it
	// is read, the message is the reference's, and not a byte more is taken off the line.
	f.Fuzz(func(t *testing.T, data, pattern []byte) {
		want, wantRest, wantErr := reference(data)
		for how, read := range map[string]func(io.Reader) ([]byte, error){"Read": io.ReadAll, "small Reads": viaSmallReads, "WriteTo": viaWriteTo} {
			got, rest, err := unstuff(&segments{data: data, pattern: pattern}, 16, read)
			if !errors.Is(err, wantErr) {
				t.Fatalf("%s: error %v, want %v", how, err, wantErr)
			}
			if err == nil && (!bytes.Equal(got, want) || !bytes.Equal(rest, wantRest)) {
				t.Fatalf("%s: got %q and rest %q, want %q and %q", how, got, rest, want, wantRest)
			}
		}
	})
}
