package bench

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// roughTable shows the results of one row. Ratios are of medians, over the first contender's.
func roughTable(t task, results []*result) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	first := results[0]
	fmt.Fprintf(w, "\twall\t× %s\tCPU\t× %s\tCPU/GB\tpeak\t\n", first.name, first.name)
	for _, r := range results {
		wall, cpu := median(r.wall), median(r.cpu)
		fmt.Fprintf(w, "%s\t%v\t%.2f\t%v\t%.2f\t%.2f s\t%.1f MiB\t%s\n", r.name, wall.Round(time.Millisecond),
			ratio(wall, median(first.wall)), cpu.Round(time.Millisecond), ratio(cpu, median(first.cpu)),
			cpu.Seconds()/(float64(t.octets())/1e9), float64(r.peak)/(1<<20), r.wrong)
	}
	w.Flush()
	return b.String()
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }
