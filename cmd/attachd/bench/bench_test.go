package bench

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// done is what the benchmarks of this process have found.
var done report

// BenchmarkRow does the work of each row.
func BenchmarkRow(b *testing.B) {
	for _, r := range rows {
		b.Run(r.name, func(b *testing.B) { r.benchmark(b) })
	}
}

func (r row) benchmark(b *testing.B) {
	if isQuick() {
		r = r.quick()
	}
	if r.ramDisk {
		if _, err := os.Stat(ramDisk); err != nil {
			b.Skipf("no RAM disk: %v", err)
		}
	}
	if r.memoryLimit > 0 {
		group, err := newMemoryGroup(r.memoryLimit)
		if err != nil {
			b.Skip(err)
		}
		os.Remove(group)
	}
	// What ends the benchmark leaves a row without figures.
	ended := false
	defer func() {
		if !ended && !b.Skipped() {
			done.add(b, reportRow{name: r.name, title: r.title + ": failed"})
		}
	}()
	all := contenders(b, r)
	if r.measure != nil {
		for range b.N {
			done.add(b, r.measure(b, r, all))
		}
		ended = true
		return
	}
	t := task{r, newSource(b, r)}
	for range b.N {
		results := compare(b, t, all, rounds())
		for _, result := range results {
			if result.exactly && result.wrong != "" {
				b.Errorf("%s: %s", result.name, result.wrong)
			}
			if err := result.countCalls(b, t); err != nil {
				b.Errorf("count system calls of %s: %v", result.name, err)
			}
		}
		done.add(b, newReportRow(t, results))
	}
	ended = true
}

// add takes in a row that a benchmark has made, in place of its earlier one if there is one. Where
// asked to, it publishes the rows that there are: a run of half an hour that is ended early leaves
// what it has found.
func (r *report) add(b *testing.B, row reportRow) {
	b.Helper()
	r.rows = slices.DeleteFunc(r.rows, func(other reportRow) bool { return other.name == row.name })
	r.rows = append(r.rows, row)
	r.date, r.machine = time.Now().Format(time.DateOnly), thisMachine()
	b.Logf("\n%s", row.text())
	row.metrics(b)
	if !*readme {
		return
	}
	if err := r.publish(filepath.Join("..", "..", "..")); err != nil {
		b.Error(err)
	}
}

// metrics reports attachd's ratios as those of the benchmark.
func (r reportRow) metrics(b *testing.B) {
	for _, line := range r.lines {
		if line.ours {
			if line.wall > 0 && r.lines[0].name == "drain" {
				b.ReportMetric(line.times, "of-drain")
				b.ReportMetric(float64(line.peak)/(1<<20), "peak-MiB")
			}
			return
		}
	}
}

// median returns 0 of nothing.
func median(times []time.Duration) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}
