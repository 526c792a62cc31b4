package sink

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/attachd/attachd/extractor/digest"
)

// BenchmarkDeliver takes 2,048 messages with a file of 6 KB each through Stage,
// Sync, Publish and SyncFolders in groups of 256, and reports the time as a ratio
// to a bare loop that creates, writes, fsyncs and renames as many files. The two
// take turns group by group, as disks are faster at one time than at another.
func BenchmarkDeliver(b *testing.B) {
	const groups, size = 8, 256
	body := bytes.Repeat([]byte("attachd "), 6<<10/8)
	raw := mail(attached{"invoice.pdf", body})
	var ours, bare time.Duration
	for b.Loop() {
		dir, bareDir := b.TempDir(), b.TempDir()
		d, err := Open(dir, Options{Digest: digest.Own})
		check(b, err)
		for g := range groups {
			start := time.Now()
			var staged []*Staged
			for range size {
				_, s, err := d.Stage(b.Context(), bytes.NewReader(raw), Plan{})
				check(b, err)
				staged = append(staged, s...)
			}
			deliver(b, d, staged)
			ours += time.Since(start)

			start = time.Now()
			for n := range size {
				bareDelivery(b, bareDir, fmt.Sprintf("invoice-%d.pdf", g*size+n), body)
			}
			bare += time.Since(start)
		}
		check(b, d.Close())
		if n := len(names(b, dir)); n != groups*size {
			b.Fatalf("%d files", n)
		}
	}
	b.ReportMetric(float64(ours)/float64(bare), "of-bare-loop")
	b.ReportMetric(float64(ours.Microseconds())/float64(b.N)/(groups*size), "µs/file")
}

func bareDelivery(b *testing.B, dir, name string, body []byte) {
	temporary := filepath.Join(dir, "temporary")
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	check(b, err)
	_, err = f.Write(body)
	check(b, err)
	check(b, f.Sync())
	check(b, f.Close())
	check(b, os.Rename(temporary, filepath.Join(dir, name)))
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
		check(b, d.Discard(b.Context(), []*Staged{s}))

		start = time.Now()
		path := filepath.Join(dir, "bare")
		f, err := os.Create(path)
		check(b, err)
		sum := digest.Own.New()
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
