package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	barePolls  = 200 // of a limit
	roundPolls = 3   // of each account of a daemon, while it is looked at
	warmPolls  = 2   // of each account before

	mostPollRounds = 3   // each takes half a minute
	halfOfAFull    = 0.5 // of the CPU of a poll with a full handshake: the goal
)

// pollPatience is how long a daemon may take for its polls.
const pollPatience = 2 * time.Minute

// A pollServer is one that polls are measured with.
type pollServer struct {
	task
	words  string
	states map[string]string // the folder of each contender
}

// comparePolls measures the CPU time that a poll takes which finds nothing new: of daemons whose
// TLS sessions are resumed, of daemons that have to shake hands in full each time, and of a limit
// that does the same without anything else. It takes servers with keys of ECDSA and of RSA, since
// a full handshake costs the client more with the former.
func comparePolls(tb testing.TB, r row, all []contender) reportRow {
	tb.Helper()
	var servers []pollServer
	for _, key := range []string{"ECDSA", "RSA"} {
		for _, full := range []bool{false, true} {
			each := r
			each.rsa, each.fullHandshakes = key == "RSA", full
			words := key + ", resumed"
			if full {
				words = key + ", full"
			}
			servers = append(servers, pollServer{task{each, newSource(tb, each)}, words, map[string]string{}})
		}
	}
	times := make(map[string][]time.Duration)
	note := func(name string, each time.Duration, err error) {
		if err != nil {
			tb.Fatalf("%s: %v", name, err)
		}
		times[name] = append(times[name], each)
	}
	for range min(rounds(), mostPollRounds) {
		for _, s := range servers {
			each, err := s.bare()
			note("bare poll, "+s.words, each, err)
			for _, c := range all {
				if c.program != "" {
					each, err := s.daemon(c)
					note(c.name+", "+s.words, each, err)
				}
			}
		}
	}
	return pollRow(r, servers, all, times)
}

// pollRow is the row of what polls took.
func pollRow(r row, servers []pollServer, all []contender, times map[string][]time.Duration) reportRow {
	out := reportRow{name: r.name, title: r.title, cpuPer: "poll"}
	line := func(name, words string, limit bool) {
		each := median(times[name+", "+words])
		out.lines = append(out.lines, reportLine{
			name: name + ", " + words, limit: limit, ours: !limit && words == servers[0].words, cpuTime: each, calls: -1, fsyncs: -1,
			cpu: fmt.Sprintf("%.0f µs", float64(each)/float64(time.Microsecond)),
		})
	}
	for _, s := range servers {
		line("bare poll", s.words, true)
	}
	for _, c := range all {
		if c.program == "" {
			continue
		}
		for i, s := range servers {
			line(c.name, s.words, false)
			if !s.fullHandshakes {
				continue
			}
			part := func(name string) float64 {
				return ratio(median(times[name+", "+servers[i-1].words]), median(times[name+", "+s.words]))
			}
			got := part(c.name)
			out.goals = append(out.goals, fmt.Sprintf("%s, %s: CPU %.2f of %s, goal %.3g: %s; a bare client's %.2f",
				c.name, servers[i-1].words, got, s.words, halfOfAFull, reached(got <= halfOfAFull), part("bare poll")))
		}
	}
	return out
}

// bare returns what a poll of the limit takes, as the difference of a long run and one of a single
// poll.
func (s pollServer) bare() (time.Duration, error) {
	one, err := s.barePolls(1)
	if err != nil {
		return 0, err
	}
	many, err := s.barePolls(1 + barePolls)
	return (many - one) / barePolls, err
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

// daemon returns what a poll of a daemon takes that has polled each account before.
func (s pollServer) daemon(c contender) (time.Duration, error) {
	dir, err := s.stateOf(c)
	if err != nil {
		return 0, err
	}
	output, err := os.Create(filepath.Join(dir, "output"))
	if err != nil {
		return 0, err
	}
	defer output.Close()
	cmd := exec.Command(c.program, "run", "--log-level", "warn", "--config", filepath.Join(dir, "attachd.yaml"))
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, output, output
	m := s.server.(*memoryServer).memory
	first := m.polled()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	each, late := m.cpuOfPoll(cmd.Process.Pid, first+warmPolls*s.accounts, roundPolls*s.accounts)
	err = cmd.Process.Signal(syscall.SIGTERM)
	if waited := cmd.Wait(); err == nil {
		err = waited
	}
	if late != nil || err != nil {
		said, _ := os.ReadFile(output.Name())
		return 0, fmt.Errorf("%v, %v\n%.4000s", late, err, said)
	}
	return each, nil
}

// stateOf returns the folder of a contender whose accounts have been polled.
func (s pollServer) stateOf(c contender) (string, error) {
	if dir, ok := s.states[c.name]; ok {
		return dir, nil
	}
	dir, err := folderFor(s.row)
	if err != nil {
		return "", err
	}
	args, err := c.command(s.task, dir)
	if err != nil {
		return "", err
	}
	config := attachdConfig(s.task) + "interval: 1s\nmax_concurrent: 16\nmax_per_host: 16\n"
	if err := os.WriteFile(args[len(args)-1], []byte(config), 0o600); err != nil {
		return "", err
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	s.states[c.name] = dir
	_, err = timed(cmd, filepath.Join(dir, "output"))
	return dir, err
}

// cpuOfPoll waits for a poll of some number, and returns what the next ones cost a process.
func (m *memory) cpuOfPoll(pid, after, polls int) (time.Duration, error) {
	if err := m.waitFor(after); err != nil {
		return 0, err
	}
	from, before, err := m.polledIn(pid)
	if err != nil {
		return 0, err
	}
	if err := m.waitFor(from + polls); err != nil {
		return 0, err
	}
	to, now, err := m.polledIn(pid)
	return (now - before) / time.Duration(max(1, to-from)), err
}

// polledIn returns how many polls there were, and what a process has used of its processors.
func (m *memory) polledIn(pid int) (polls int, cpu time.Duration, err error) {
	// clock_getcpuclockid(3) for a process that is not the caller.
	const scheduled = 2
	var at unix.Timespec
	err = unix.ClockGettime(int32(^pid<<3|scheduled), &at)
	return m.polled(), time.Duration(at.Nano()), err
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
