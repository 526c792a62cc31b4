package sink

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// callsEnv names the folder that the test binary delivers small files to as the child of
// TestCallsOfSmallFile, and how many.
const callsEnv = "ATTACHD_SINK_CALLS"

// runtimeCalls are those that the Go runtime makes when it pleases.
var runtimeCalls = regexp.MustCompile(`^(futex|nanosleep|clock_.*|epoll_p?wait2?|sched_.*|tgkill|getpid|gettid|rt_sig.*|sigaltstack|madvise|mmap|munmap|mprotect|prctl|clone3?|exit|restart_syscall|rseq|set_robust_list|getrusage)$`)

// TestCallsOfSmallFile counts the system calls of a small file from its first byte to its final
// name. A call more for each file shows in the time of a mailbox of small messages.
func TestCallsOfSmallFile(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not installed; on Debian and Ubuntu: apt-get install strace (make test does it)")
	}
	const files = 256
	base, calls := countCalls(t, 1), countCalls(t, 1+files)
	want := map[string]int{"openat": 1, "write": 1, "sync_file_range": 1, "fsync": 1, "close": 1, "renameat2": 1, "newfstatat": 1}
	const slack = files / 16 // for what the whole group takes
	for name, n := range calls {
		n -= base[name]
		if least := want[name] * files; n < least || n > least+slack {
			t.Errorf("%d files take %d calls of %s more than one does, want %d for each", 1+files, n, name, want[name])
		}
	}
	for name := range want {
		if calls[name] == 0 {
			t.Errorf("no call of %s was counted", name)
		}
	}
}

// countCalls delivers files in a child process and counts its system calls.
func countCalls(t *testing.T, files int) map[string]int {
	t.Helper()
	list := filepath.Join(t.TempDir(), "calls")
	child := exec.Command("strace", "-f", "-qq", "-c", "-U", "calls,name", "-o", list, os.Args[0])
	child.Env = append(os.Environ(), callsEnv+"="+strconv.Itoa(files)+" "+t.TempDir())
	if out, err := child.CombinedOutput(); err != nil {
		if strings.Contains(string(out), "PTRACE") || strings.Contains(string(out), "ptrace") {
			t.Skipf("tracing is refused here: %s", out)
		}
		t.Fatalf("%v: %s", err, out)
	}
	f, err := os.Open(list)
	check(t, err)
	defer f.Close()
	calls := make(map[string]int)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) != 2 || fields[1] == "total" || runtimeCalls.MatchString(fields[1]) {
			continue
		}
		if n, err := strconv.Atoi(fields[0]); err == nil {
			calls[fields[1]] = n
		}
	}
	return calls
}

// deliverSmall delivers small files in one group.
func deliverSmall(arguments string) error {
	count, dir, _ := strings.Cut(arguments, " ")
	files, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	d, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	defer d.Close()
	ctx := context.Background()
	var group []*Staged
	for n := range files {
		s, err := d.StageRaw(ctx, strings.NewReader("small"), "", fmt.Sprint(n))
		if err != nil {
			return err
		}
		group = append(group, s)
	}
	if err := d.Sync(ctx, group); err != nil {
		return err
	}
	return d.Publish(ctx, group)
}
