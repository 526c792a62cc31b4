package bench

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// A report is what the table, the picture and README show.
type report struct {
	date, machine string
	rows          []reportRow
}

// A reportRow is a piece of work. Its first line is the drain's. The others are compared with it.
type reportRow struct {
	name, title string
	cpuPer      string // what each line's CPU time is for
	lines       []reportLine
	goals       []string
}

// A reportLine is what a contender did. What is 0 is unknown.
type reportLine struct {
	name          string
	limit, ours   bool
	wall          time.Duration // median
	times         float64       // of the drain's
	cpu           string        // per GB of mail, or per poll
	peak          int64         // bytes
	calls, fsyncs int           // -1: not counted
	note          string
	cpuTime       time.Duration // median, of a whole run
}

// newReportRow sums up the results of a row.
func newReportRow(t task, results []*result) reportRow {
	row := reportRow{name: t.row.name, title: t.title, cpuPer: "GB"}
	first := median(results[0].wall)
	for _, r := range results {
		line := reportLine{
			name: r.name, limit: r.limit, ours: r.program != "", wall: median(r.wall), cpuTime: median(r.cpu),
			peak: r.peak, calls: r.calls, fsyncs: r.fsyncs, note: r.wrong,
		}
		line.times = ratio(line.wall, first)
		line.cpu = fmt.Sprintf("%.2f s", line.cpuTime.Seconds()/(float64(t.octets())/1e9))
		var notes []string
		if line.note != "" {
			notes = append(notes, line.note)
		}
		if r.cpu == nil {
			line.cpu = "–"
		}
		if r.once {
			notes = append(notes, "one run")
		}
		switch {
		case errors.Is(r.failed, errTooSlow):
			notes = append(notes, errTooSlow.Error())
		case r.failed != nil:
			notes = append(notes, "failed")
		}
		line.note = strings.Join(notes, ", ")
		row.lines = append(row.lines, line)
	}
	for _, line := range row.lines {
		for _, g := range t.goals {
			if line.ours && line.wall > 0 {
				row.goals = append(row.goals, g.judge(line, row.lines)...)
			}
		}
	}
	return row
}

// ratio returns 0 where there is nothing to compare with.
func ratio(a, b time.Duration) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// text is the report for a terminal.
func (r report) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s\n", r.date, r.machine)
	for _, row := range r.rows {
		b.WriteString("\n" + row.text())
	}
	return b.String()
}

func (r reportRow) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", r.title)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, strings.Join(r.columns(), "\t"), "\t\n")
	for _, line := range r.lines {
		cells, note := line.cells(), line.note
		if note != "" {
			note = "  " + note
		}
		fmt.Fprint(w, strings.Join(cells, "\t"), "\t", note, "\n")
	}
	w.Flush()
	for _, goal := range r.goals {
		fmt.Fprintf(&b, "  %s\n", goal)
	}
	return b.String()
}

// columns are the heads of cells. A row without lines, which failed, has none but the first.
func (r reportRow) columns() []string {
	if len(r.lines) == 0 {
		return []string{""}
	}
	times := "×"
	if r.lines[0].times > 0 {
		times += " " + r.lines[0].name
	}
	return []string{"", "wall", times, "CPU per " + r.cpuPer, "peak", "calls", "fsyncs"}
}

func (l reportLine) cells() []string {
	wall, times, peak := "–", "–", "–"
	if l.wall > 0 {
		wall = seconds(l.wall)
	}
	if l.times > 0 {
		times = fmt.Sprintf("%.2f", l.times)
	}
	if l.peak > 0 {
		peak = fmt.Sprintf("%.0f MiB", float64(l.peak)/(1<<20))
	}
	return []string{l.name, wall, times, l.cpu, peak, count(l.calls), count(l.fsyncs)}
}

func count(n int) string {
	if n < 0 {
		return "–"
	}
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func seconds(d time.Duration) string {
	if d < 100*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

// thisMachine names the processor, how many of it there are, and the system.
func thisMachine() string {
	name := runtime.GOARCH
	if f, err := os.Open("/proc/cpuinfo"); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if key, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(key) == "model name" {
				name = strings.Join(strings.Fields(value), " ")
				break
			}
		}
	}
	return fmt.Sprintf("%d × %s, %s, %s", runtime.NumCPU(), name, runtime.GOOS, runtime.Version())
}
