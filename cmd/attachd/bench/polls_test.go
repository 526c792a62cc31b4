package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// longRun is how many times as many polls a long run does.
const longRun = 8

// pollPatience is how long a daemon may take for its polls.
const pollPatience = 2 * time.Minute

// comparePolls measures the CPU time that a poll takes which finds nothing new: of daemons whose
// TLS sessions are resumed, of daemons that have to shake hands in full each time, and of a limit
// that does the same without anything else. It is the difference between a short and a long run.
func comparePolls(tb testing.TB, r row, all []contender) reportRow {
	tb.Helper()
	full := r
	full.fullHandshakes = true
	out := reportRow{name: r.name, title: r.title, cpuPer: "poll"}
	for _, server := range []struct {
		task
		words string
	}{{task{r, newSource(tb, r)}, "resumed"}, {task{full, newSource(tb, full)}, "full handshake"}} {
		out.lines = append(out.lines, newPollLine(tb, "bare poll, "+server.words, true, func(rounds int) (time.Duration, int, error) {
			polls := 100 * rounds
			cpu, err := server.barePolls(polls)
			return cpu, polls, err
		}))
		for _, c := range all {
			if c.exactly {
				out.lines = append(out.lines, newPollLine(tb, c.name+", "+server.words, false, func(rounds int) (time.Duration, int, error) {
					return server.pollFor(c, rounds)
				}))
			}
		}
	}
	for i, line := range out.lines {
		if name, resumed := strings.CutSuffix(line.name, ", resumed"); resumed && !line.limit {
			out.lines[i].ours = true
			g := goal{"CPU", []string{name + ", full handshake"}, 0.5}
			out.goals = append(out.goals, g.judge(line, out.lines)...)
		}
	}
	return out
}

// newPollLine takes the difference of runs of one round of polls and of several.
func newPollLine(tb testing.TB, name string, limit bool, run func(rounds int) (time.Duration, int, error)) reportLine {
	tb.Helper()
	var times []time.Duration
	for range rounds() {
		less, few, err := run(1)
		if err != nil {
			tb.Fatalf("%s: %v", name, err)
		}
		more, many, err := run(longRun)
		if err != nil {
			tb.Fatalf("%s: %v", name, err)
		}
		times = append(times, (more-less)/time.Duration(many-few))
	}
	each := median(times)
	return reportLine{
		name: name, limit: limit, cpuTime: each, calls: -1, fsyncs: -1,
		cpu: fmt.Sprintf("%.0f µs", float64(each)/float64(time.Microsecond)),
	}
}

func (t task) barePolls(polls int) (time.Duration, error) {
	work := limitWork{Addr: t.reach, CertFile: t.certFile(), Polls: polls, Resume: !t.fullHandshakes}
	text, err := json.Marshal(work)
	if err != nil {
		return 0, err
	}
	dir, err := folderFor(t.row)
	if err != nil {
		return 0, err
	}
	file := filepath.Join(dir, "work.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return 0, err
	}
	cmd := exec.Command(self(), file)
	cmd.Env = append(os.Environ(), asLimit+"=poll")
	if _, err := timed(cmd, filepath.Join(dir, "output")); err != nil {
		return 0, err
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// pollFor lets a daemon poll each account so often, and returns how many polls that were at last.
func (t task) pollFor(c contender, rounds int) (time.Duration, int, error) {
	dir, err := folderFor(t.row)
	if err != nil {
		return 0, 0, err
	}
	args, err := c.command(t, dir)
	if err != nil {
		return 0, 0, err
	}
	file := args[len(args)-1]
	config := attachdConfig(t) + "interval: 1s\nmax_concurrent: 16\nmax_per_host: 16\n"
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return 0, 0, err
	}
	output, err := os.Create(filepath.Join(dir, "output"))
	if err != nil {
		return 0, 0, err
	}
	defer output.Close()
	cmd := exec.Command(args[0], "run", "--log-level", "warn", "--config", file)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, output, output
	m := t.server.(*memoryServer).memory
	before := m.polled()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	late := m.waitFor(before + rounds*t.accounts)
	err = cmd.Process.Signal(syscall.SIGTERM)
	if waited := cmd.Wait(); err == nil {
		err = waited
	}
	if late != nil || err != nil {
		said, _ := os.ReadFile(output.Name())
		return 0, 0, fmt.Errorf("%w, %w\n%.4000s", late, err, said)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), m.polled() - before, nil
}

func (m *memory) polled() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.polls
}

// waitFor waits until there were that many polls.
func (m *memory) waitFor(polls int) error {
	late := time.NewTimer(pollPatience)
	defer late.Stop()
	for m.polled() < polls {
		select {
		case <-m.quit:
		case <-late.C:
			return fmt.Errorf("%d polls in %v, want %d", m.polled(), pollPatience, polls)
		}
	}
	return nil
}
