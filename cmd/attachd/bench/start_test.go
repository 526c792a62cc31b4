package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const (
	startRuns = 5                     // of each contender in a round
	startGoal = 40 * time.Millisecond // to the first byte
)

// A starter is what a start is measured of.
type starter struct {
	contender
	name string
	// state is the folder with the state of an earlier run; "" has each run make one.
	state string
	// mute says that no server hears of it, so that all of its run is measured.
	mute bool
}

// compareStarts measures how long programs take from exec to the first byte that the server
// receives: attachd with the state of an earlier run and without any, beside a limit that shakes
// hands and ends, and beside what attachd takes to say its version.
func compareStarts(tb testing.TB, r row, all []contender) reportRow {
	tb.Helper()
	t := task{r, newSource(tb, r)}
	starters := []starter{{contender: newLimit("hello", false), name: "TLS client"}}
	for _, c := range all {
		if c.program == "" {
			continue
		}
		version := c
		version.command = func(task, string) ([]string, error) { return []string{c.program, "version"}, nil }
		dir, err := folderFor(r)
		if err != nil {
			tb.Fatal(err)
		}
		starters = append(starters, starter{version, c.name + " version", "", true},
			starter{c, c.name + ", state of before", dir, false}, starter{c, c.name + ", new state", "", false})
	}
	times := make([][]time.Duration, len(starters))
	for round := range 1 + startRuns*rounds() {
		for i, s := range starters {
			took, err := s.run(t)
			if err != nil {
				tb.Fatalf("%s: %v", s.name, err)
			}
			if round > 0 { // the first one warms up, and leaves a state
				times[i] = append(times[i], took)
			}
		}
	}
	return startRow(r, starters, times)
}

func startRow(r row, starters []starter, times [][]time.Duration) reportRow {
	out := reportRow{name: r.name, title: r.title, cpuPer: "start"}
	floors := ""
	for i, s := range starters {
		line := reportLine{
			name: s.name, limit: s.limit || s.mute, ours: s.program != "" && !s.mute, wall: median(times[i]), cpu: "–", calls: -1, fsyncs: -1,
		}
		line.times = ratio(line.wall, median(times[0]))
		out.lines = append(out.lines, line)
		if line.ours {
			out.goals = append(out.goals, fmt.Sprintf("%s: %s, goal %s: %s%s",
				s.name, seconds(line.wall), seconds(startGoal), reached(line.wall <= startGoal), floors))
		} else {
			floors += fmt.Sprintf("; %s %s", s.name, seconds(line.wall))
		}
	}
	return out
}

// run returns how long it took until the server heard the program.
func (s starter) run(t task) (time.Duration, error) {
	dir := s.state
	if dir == "" {
		var err error
		if dir, err = folderFor(t.row); err != nil {
			return 0, err
		}
		defer func() { _ = empty(dir) }() // as after all runs
	}
	args, err := s.command(t, dir)
	if err != nil {
		return 0, err
	}
	m := t.server.(*memoryServer).memory
	m.mu.Lock()
	m.heard = time.Time{}
	m.mu.Unlock()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), s.env...)
	took, err := timed(cmd, filepath.Join(dir, "output"))
	begun := time.Now().Add(-took)
	if err != nil || s.mute {
		return took, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.heard.Sub(begun), nil
}
