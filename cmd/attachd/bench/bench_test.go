package bench

import (
	"os"
	"slices"
	"testing"
	"time"
)

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
	t := task{r, newSource(b, r)}
	all := contenders(b, r)
	for b.Loop() {
		results := compare(b, t, all, rounds())
		for _, result := range results {
			if c := result; c.wrong != "" && c.needs == nil {
				b.Errorf("%s: %s", c.name, c.wrong)
			}
		}
		b.Logf("%s\n%s", r.title, roughTable(t, results))
	}
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}
