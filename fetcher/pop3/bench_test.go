package pop3

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/textproto"
	"strings"
	"testing"
)

// repeated yields the same message again and again, as fast as memory allows.
type repeated struct {
	message []byte
	rest    []byte
}

func (r *repeated) Read(b []byte) (int, error) {
	if len(r.rest) == 0 {
		r.rest = r.message
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func message(line string) []byte {
	return []byte("Subject: x\r\n\r\n" + strings.Repeat(line, (1<<20)/len(line)) + ".\r\n")
}

// BenchmarkDotReader compares reading a message with copying its bytes from the
// same buffer and with net/textproto's reader, which also drops its CRs.
func BenchmarkDotReader(b *testing.B) {
	for name, line := range map[string]string{
		"base64":       strings.Repeat("QUJD", 19) + "\r\n",
		"text":         "This is a sentence. And so is this one, which ends the line with a dot.\r\n",
		"dots":         "............................................................................\r\n",
		"stuffed":      "..\r\n",
		"stuffed LF":   "..\n",
		"not stuffed":  ".a\r\n",
		"dots at ends": "a.\r\n",
		"dotted text":  "..This is a sentence. And so is this one, which ends the line with a dot.\r\n",
	} {
		data := message(line)
		size := int64(len(data))
		b.Run(name+"/copy", func(b *testing.B) {
			b.SetBytes(size)
			r := bufio.NewReaderSize(&repeated{message: data}, bufferSize)
			for b.Loop() {
				for left := len(data); left > 0; {
					if r.Buffered() == 0 {
						r.Peek(1)
					}
					block, _ := r.Peek(min(left, r.Buffered()))
					io.Discard.Write(block)
					r.Discard(len(block))
					left -= len(block)
				}
			}
		})
		b.Run(name+"/attachd", func(b *testing.B) {
			b.SetBytes(size)
			c := newClient(context.Background(), readerConn{r: &repeated{message: data}}, Timeouts{}, nil)
			for b.Loop() {
				if _, err := c.newBody(1).WriteTo(io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/textproto", func(b *testing.B) {
			b.SetBytes(size)
			r := textproto.NewReader(bufio.NewReaderSize(&repeated{message: data}, bufferSize))
			buf := make([]byte, 32<<10)
			for b.Loop() {
				d := r.DotReader()
				for {
					if _, err := d.Read(buf); err == io.EOF {
						break
					}
				}
			}
		})
	}
}

// BenchmarkList reads a UIDL list of 10,000 entries.
func BenchmarkList(b *testing.B) {
	var list bytes.Buffer
	list.WriteString("+OK\r\n")
	for range 10_000 {
		list.WriteString("12345 0000123456789abcdef\r\n")
	}
	list.WriteString(".\r\n")
	b.SetBytes(int64(list.Len()))
	b.ReportAllocs()
	source := &repeated{message: list.Bytes()}
	for b.Loop() {
		source.rest = nil
		c := newClient(context.Background(), readerConn{r: source}, Timeouts{}, nil)
		if err := c.Uidl(func(int, string) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
