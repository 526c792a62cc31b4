package sink

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/attachd/attachd/extractor"
)

// BenchmarkDeliver takes 2,000 messages with a file of 6 KB each through Stage,
// Sync, Publish and SyncFolders in groups of 256, and reports the time as a ratio
// to a bare loop that creates, writes, fsyncs and renames as many files.
func BenchmarkDeliver(b *testing.B) {
	const files, group = 2000, 256
	body := bytes.Repeat([]byte("attachd "), 6<<10/8)
	raw := mail(attached{"invoice.pdf", body})
	var ours, bare time.Duration
	for b.Loop() {
		dir := b.TempDir()
		start := time.Now()
		d, err := Open(dir, Options{})
		check(b, err)
		var staged []*Staged
		for n := range files {
			_, s, err := d.Stage(b.Context(), bytes.NewReader(raw), extractor.Options{})
			check(b, err)
			if staged = append(staged, s...); len(staged) == group || n == files-1 {
				deliver(b, d, staged)
				staged = staged[:0]
			}
		}
		check(b, d.Close())
		ours += time.Since(start)
		if n := len(names(b, dir)); n != files {
			b.Fatalf("%d files", n)
		}

		dir = b.TempDir()
		start = time.Now()
		for n := range files {
			temporary := filepath.Join(dir, "temporary")
			f, err := os.OpenFile(temporary, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
			check(b, err)
			_, err = f.Write(body)
			check(b, err)
			check(b, f.Sync())
			check(b, f.Close())
			check(b, os.Rename(temporary, filepath.Join(dir, fmt.Sprintf("invoice-%d.pdf", n))))
		}
		bare += time.Since(start)
	}
	b.ReportMetric(float64(ours)/float64(bare), "of-bare-loop")
	b.ReportMetric(float64(ours.Microseconds())/float64(b.N)/files, "µs/file")
}

// BenchmarkLarge stages one attachment of 64 MB and makes it durable, as a ratio
// to a bare loop that hashes, writes and fsyncs the same blocks.
func BenchmarkLarge(b *testing.B) {
	body := bytes.Repeat([]byte("attachd "), 8<<20)
	dir := b.TempDir()
	d := open1(b, dir, Options{})
	b.SetBytes(2 * int64(len(body)))
	var ours, bare time.Duration
	for b.Loop() {
		start := time.Now()
		s, err := d.StageRaw(b.Context(), bytes.NewReader(body), "", "large.bin")
		check(b, err)
		check(b, d.Sync(b.Context(), []*Staged{s}))
		ours += time.Since(start)
		check(b, d.Discard([]*Staged{s}))

		start = time.Now()
		path := filepath.Join(dir, "bare")
		f, err := os.Create(path)
		check(b, err)
		sum := sha256.New()
		for block := range slices.Chunk(body, blockSize) {
			sum.Write(block)
			_, err := f.Write(block)
			check(b, err)
		}
		check(b, f.Sync())
		check(b, f.Close())
		bare += time.Since(start)
		check(b, os.Remove(path))
	}
	b.ReportMetric(float64(ours)/float64(bare), "of-bare-loop")
}
