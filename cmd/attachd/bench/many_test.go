package bench

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	manyAfter  = 40 * time.Second // the daemon's start
	manyWindow = 20 * time.Second // for its CPU time
	manyGoal   = 100 << 20        // bytes resident
)

// watchMany looks once at a daemon with many accounts: what is resident of it, and what part of a
// processor it takes.
func watchMany(tb testing.TB, r row, all []contender) reportRow {
	tb.Helper()
	t := task{r, newSource(tb, r)}
	out := reportRow{name: r.name, title: r.title, cpuPer: "second"}
	for _, c := range all {
		if c.program == "" {
			continue
		}
		line, polls, err := t.watch(c)
		if err != nil {
			tb.Fatalf("%s: %v", c.name, err)
		}
		line.note = fmt.Sprintf("%.0f polls a second, each the first of an account", polls)
		out.lines = append(out.lines, line)
		out.goals = append(out.goals, fmt.Sprintf("%s: %.1f MiB resident, goal %d: %s",
			c.name, float64(line.peak)/(1<<20), manyGoal>>20, reached(line.peak <= manyGoal)))
	}
	return out
}

// watch starts a daemon and ends it. It returns its polls a second, too.
func (t task) watch(c contender) (line reportLine, polls float64, err error) {
	dir, err := folderFor(t.row)
	if err != nil {
		return line, 0, err
	}
	file := filepath.Join(dir, "attachd.yaml")
	if err := os.WriteFile(file, []byte(attachdConfig(t)+"interval: 5m\n"), 0o600); err != nil {
		return line, 0, err
	}
	output, err := os.Create(filepath.Join(dir, "output"))
	if err != nil {
		return line, 0, err
	}
	defer output.Close()
	cmd := exec.Command(c.program, "run", "--log-level", "warn", "--config", file)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, output, output
	if err := cmd.Start(); err != nil {
		return line, 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	m := t.server.(*memoryServer).memory
	pid := cmd.Process.Pid
	if err := lives(ended, manyAfter, output.Name()); err != nil {
		return line, 0, err
	}
	resident, err := residentMemory(pid)
	if err != nil {
		return line, 0, err
	}
	first, before, err := m.polledIn(pid)
	if err != nil {
		return line, 0, err
	}
	if err := lives(ended, manyWindow, output.Name()); err != nil {
		return line, 0, err
	}
	last, now, err := m.polledIn(pid)
	if err != nil {
		return line, 0, err
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return line, 0, err
	}
	each := (now - before) / time.Duration(manyWindow/time.Second)
	line = reportLine{
		name: c.name, ours: true, cpuTime: each, cpu: fmt.Sprintf("%.3f s", each.Seconds()), peak: resident, calls: -1, fsyncs: -1,
	}
	return line, float64(last-first) / manyWindow.Seconds(), <-ended
}

// lives waits while a program runs, and fails if it ends.
func lives(ended <-chan error, long time.Duration, output string) error {
	select {
	case err := <-ended:
		said, _ := os.ReadFile(output)
		return fmt.Errorf("the daemon ended: %w\n%.4000s", err, said)
	case <-time.After(long):
		return nil
	}
}

// residentMemory returns what a process has in memory, in bytes.
func residentMemory(pid int) (int64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, found := strings.CutPrefix(lines.Text(), "VmRSS:"); found {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("find the resident memory of process %d", pid)
}
