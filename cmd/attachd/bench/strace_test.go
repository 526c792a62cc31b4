package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// syncCalls are the system calls that make something durable.
var syncCalls = map[string]bool{"fsync": true, "fdatasync": true, "sync": true, "syncfs": true, "msync": true}

// countCalls lets a contender run once more, which is not timed, under strace.
func (r *result) countCalls(tb testing.TB, t task) error {
	tb.Helper()
	r.calls, r.fsyncs = -1, -1
	strace, err := exec.LookPath("strace")
	if err != nil {
		tb.Logf("no system calls are counted: %v (make bench installs it on Debian and Ubuntu)", err)
		return nil
	}
	if r.once || r.failed != nil {
		return nil // it would take minutes
	}
	m, err := r.run(t, strace)
	if err == nil {
		r.calls, r.fsyncs = m.calls, m.fsyncs
	}
	return err
}

// readSummary reads what `strace -c` writes: below a line of dashes, one line for each call, with
// its number in the fourth column and its name in the last, and a total.
func readSummary(file string) (calls, fsyncs int, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, err
	}
	in, dashes := bufio.NewScanner(bytes.NewReader(text)), 0
	for in.Scan() {
		words := strings.Fields(in.Text())
		switch {
		case strings.HasPrefix(in.Text(), "------"):
			dashes++
		case dashes == 1 && len(words) >= 5:
			n, err := strconv.Atoi(words[3])
			if err != nil {
				return 0, 0, fmt.Errorf("read %q of strace: %w", in.Text(), err)
			}
			calls += n
			if syncCalls[words[len(words)-1]] {
				fsyncs += n
			}
		}
	}
	if dashes == 0 {
		return 0, 0, fmt.Errorf("read summary of strace: nothing is there")
	}
	return calls, fsyncs, in.Err()
}
