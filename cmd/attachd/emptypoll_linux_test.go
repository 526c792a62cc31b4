package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// durableCalls make something durable, whatever file they name.
const durableCalls = "fsync,fdatasync,sync,syncfs,sync_file_range,msync"

// changingCalls change a file or a folder.
const changingCalls = "write,pwrite64,writev,pwritev,pwritev2,sendfile,copy_file_range,fallocate,ftruncate,truncate," +
	"rename,renameat,renameat2,link,linkat,symlinkat,unlink,unlinkat,mkdir,mkdirat"

// tracedCall is a line of `strace -f -ttt`.
var tracedCall = regexp.MustCompile(`^\d+ +(\d+)\.(\d{6}) (\w+)\(`)

// TestEmptyPollWritesNothing: the daemon's polls that find nothing new write nothing below its
// folder, and have nothing made durable. The history alone writes that they were, some together.
func TestEmptyPollWritesNothing(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not installed; on Debian and Ubuntu: apt-get install strace (make test does it)")
	}
	t.Parallel()
	const last = 4 // sessions; the first one fetches
	var mu sync.Mutex
	var begun []time.Time // of each session
	ended := make(chan struct{})
	s := pop3test.NewServer()
	s.Users = map[string]string{"u0": "pw0"}
	s.Mailboxes = map[string][]pop3test.Message{"u0": apptest.Notes(1)}
	s.Hook = func(_ *pop3test.Conn, cmd, _ string) bool {
		mu.Lock()
		defer mu.Unlock()
		switch cmd {
		case "UIDL":
			begun = append(begun, time.Now())
		case "QUIT":
			if len(begun) == last {
				close(ended)
			}
		}
		return false
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	dir := t.TempDir()
	file := apptest.Server{Addr: s.Addr(), Certificate: s.CertPEM()}.Config(t, dir, "interval: 1s")
	trace := filepath.Join(t.TempDir(), "trace")
	shown := runTraced(t, ended, trace, durableCalls+","+changingCalls, "run", "--config", file)
	mu.Lock()
	defer mu.Unlock()
	if len(begun) < last {
		if strings.Contains(shown, "ptrace") || strings.Contains(shown, "PTRACE") {
			t.Skipf("tracing is refused here: %s", shown)
		}
		t.Fatalf("%d sessions\n%s", len(begun), shown)
	}
	before, within := 0, 0
	eachCall(t, trace, func(at time.Time, call, line string) {
		durable := slices.Contains(strings.Split(durableCalls, ","), call)
		if !durable && !strings.Contains(line, dir) {
			return
		}
		switch {
		case at.Before(begun[1]):
			before++
		case at.After(begun[last-1]):
		case durable || !strings.Contains(line, config.HistorySuffix):
			t.Errorf("a poll that finds nothing made the call\n%s", line)
		default:
			within++
		}
	})
	if before == 0 {
		t.Error("no call of the first poll is in the trace")
	}
	t.Logf("%d calls until the first poll has ended, %d for the history after it", before, within)
}

// runTraced runs the program under strace until the channel is closed, and returns what it printed.
// calls are written to the trace.
func runTraced(t *testing.T, until <-chan struct{}, trace, calls string, args ...string) string {
	t.Helper()
	traced := program(t, args...)
	cmd := exec.Command("strace", append([]string{
		"-f", "-ttt", "-y", "-s", "0", "-qq", "-e", "signal=none", "-e", "trace=" + calls, "-o", trace,
	}, traced.Args...)...)
	cmd.Env = traced.Env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var shown bytes.Buffer
	cmd.Stdout, cmd.Stderr = &shown, &shown
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // what is missing shows
	}()
	select {
	case <-until:
	case <-exited:
	case <-time.After(time.Minute):
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) // strace waits for the program
	select {
	case <-exited:
	case <-time.After(time.Minute):
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-exited
	}
	return shown.String()
}

// eachCall reads a trace.
func eachCall(t *testing.T, trace string, fn func(at time.Time, call, line string)) {
	t.Helper()
	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		found := tracedCall.FindStringSubmatch(lines.Text())
		if found == nil {
			continue // the end of a call that was interrupted
		}
		seconds, _ := strconv.ParseInt(found[1], 10, 64)
		micros, _ := strconv.ParseInt(found[2], 10, 64)
		fn(time.Unix(seconds, micros*1000), found[3], lines.Text())
	}
}
