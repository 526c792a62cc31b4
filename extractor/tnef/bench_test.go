package tnef

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkBigAttachment decodes a file of 100 MB to disk, beside a plain copy of it.
func BenchmarkBigAttachment(b *testing.B) {
	const blocks, block = 800, 128 << 10
	data := make([]byte, block)
	sum := 0
	for i := range data {
		data[i] = byte(i * 37)
		sum += blocks * int(data[i])
	}
	head := attribute(2, attAttachData, nil)
	head = join(build(rendering()), head[:5], le32(blocks*block))
	tail := join(le16(sum), title("big.bin"))
	dir := b.TempDir()
	create := func(name string) *os.File {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			b.Fatal(err)
		}
		return f
	}
	write := func(w io.Writer, p []byte) {
		if _, err := w.Write(p); err != nil {
			b.Fatal(err)
		}
	}
	var ours, plain time.Duration
	b.SetBytes(blocks * block)
	for b.Loop() {
		start := time.Now()
		d := NewDecoder(Options{}, func(*File) (io.WriteCloser, error) { return create("ours"), nil })
		write(d, head)
		for range blocks {
			write(d, data)
		}
		write(d, tail)
		if err := d.Close(); err != nil || d.Damaged() {
			b.Fatal(err, d.Damaged())
		}
		ours += time.Since(start)

		start = time.Now()
		f := create("copy")
		for range blocks {
			write(f, data)
		}
		f.Close()
		plain += time.Since(start)
	}
	b.ReportMetric(float64(ours)/float64(plain), "x-copy")
}

// BenchmarkSmallStream decodes a winmail.dat with one of each from memory.
func BenchmarkSmallStream(b *testing.B) {
	stream := everything()
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		d := NewDecoder(Options{}, func(*File) (io.WriteCloser, error) { return discard{}, nil })
		if _, err := d.Write(stream); err != nil {
			b.Fatal(err)
		}
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
