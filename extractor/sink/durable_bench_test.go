//go:build unix

package sink

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// BenchmarkDurable makes 2,048 files of 8 KB durable under their final names, and says what a file
// takes of time and of the processor. Beside it are two floors that do nothing else:
//
//   - one file after the other;
//   - as many at a time as a Directory fsyncs.
//
// They take turns by groups of 256, as disks are faster at one time than at another. TMPDIR says on
// which file system.
func BenchmarkDurable(b *testing.B) {
	const groups, size = 8, 256
	body := bytes.Repeat([]byte("attachd "), 1<<10)
	var ours, each, batch effort
	for b.Loop() {
		dir, bare := b.TempDir(), b.TempDir()
		d, err := Open(dir, Options{})
		check(b, err)
		top, err := os.Open(bare)
		check(b, err)
		for g := range groups {
			ours.measure(func() {
				var staged []*Staged
				for n := range size {
					s, err := d.StageRaw(b.Context(), bytes.NewReader(body), "", fmt.Sprintf("%d-%d", g, n))
					check(b, err)
					staged = append(staged, s)
				}
				deliver(b, d, staged)
			})
			each.measure(func() {
				for n := range size {
					bareDelivery(b, bare, fmt.Sprintf("each-%d-%d", g, n), body)
				}
				check(b, top.Sync())
			})
			batch.measure(func() { bareBatch(b, bare, fmt.Sprintf("batch-%d-", g), body, size) })
		}
		check(b, top.Close())
		check(b, d.Close())
	}
	files := b.N * groups * size
	ours.report(b, files, "file")
	each.report(b, files, "bare-file")
	batch.report(b, files, "batched-file")
	b.ReportMetric(float64(ours.wall)/float64(batch.wall), "of-batched")
}

// bareBatch writes files, fsyncs them all at a time, and renames them.
func bareBatch(b *testing.B, dir, name string, body []byte, files int) {
	var group sync.WaitGroup
	slots := make(chan struct{}, defaultSyncWorkers)
	for n := range files {
		f, err := os.Create(filepath.Join(dir, fmt.Sprint(".", n)))
		check(b, err)
		_, err = f.Write(body)
		check(b, err)
		slots <- struct{}{}
		group.Go(func() {
			check(b, f.Sync())
			check(b, f.Close())
			<-slots
		})
	}
	group.Wait()
	for n := range files {
		check(b, os.Rename(filepath.Join(dir, fmt.Sprint(".", n)), filepath.Join(dir, fmt.Sprint(name, n))))
	}
	top, err := os.Open(dir)
	check(b, err)
	check(b, top.Sync())
	check(b, top.Close())
}

// effort is what something took.
type effort struct{ wall, processor time.Duration }

func (e *effort) measure(fn func()) {
	start, used := time.Now(), processorTime()
	fn()
	e.wall += time.Since(start)
	e.processor += processorTime() - used
}

func (e *effort) report(b *testing.B, n int, of string) {
	b.ReportMetric(float64(e.wall.Nanoseconds())/1e3/float64(n), "µs/"+of)
	b.ReportMetric(float64(e.processor.Nanoseconds())/1e3/float64(n), "cpu-µs/"+of)
}

// processorTime is what the process has taken of it so far.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
