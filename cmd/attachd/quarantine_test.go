package main

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestKillRetry kills `quarantine retry --all` at random moments, and now and then the poll that
// completes what it left, until nothing is in quarantine any more: every attachment must stand once.
func TestKillRetry(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("random seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	messages, want := killMailbox(random)
	messages = messages[:120]
	maps.DeleteFunc(want, func(_ [32]byte, name string) bool {
		message, _, _ := strings.Cut(name, "/")
		n, err := strconv.Atoi(message)
		return err != nil || n >= len(messages)
	})
	killed := 0
	for round := 0; killed < kills && round < 10; round++ {
		killed += killRetryRound(t, random, messages, want)
	}
	if killed < kills {
		t.Errorf("only %d kills met a retry: the test saw too little", killed)
	}
}

func killRetryRound(t *testing.T, random *rand.Rand, messages []pop3test.Message, want map[[32]byte]string) (killed int) {
	server := startPop3test(t, messages)
	dir := t.TempDir()
	config := server.config(t, dir, "after: delete")
	const narrow = "state: state.db\nlimits: {header_fields: 1}\n"
	rewrite(t, config, "state: state.db\n", narrow)
	if code, log := once(t, config); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, log)
	}
	rewrite(t, config, narrow, "state: state.db\n")
	output := filepath.Join(dir, "out", "lab")
	if found := notesIn(t, output); len(found) != 0 || server.left() != len(messages) {
		t.Fatalf("%d files were delivered and %d messages left, want all in quarantine", len(found), server.left())
	}

	got := newCollector(t, output, filepath.Join(dir, "taken"))
	stop := got.consume()
	full := 300 * time.Millisecond
	for {
		args := []string{"quarantine", "retry", "--all", "--config", config}
		if killed%4 == 3 {
			args = []string{"run", "--once", "--config", config}
		}
		cmd := program(t, args...)
		var out bytes.Buffer
		cmd.Stderr = &out
		started := time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(random.Int64N(int64(full))), func() { cmd.Process.Kill() })
		err := cmd.Wait()
		timer.Stop()
		if err == nil && args[0] == "quarantine" {
			break
		}
		if err != nil && cmd.ProcessState.ExitCode() >= 0 && !strings.Contains(out.String(), "IN-USE") {
			t.Fatalf("attachd ended by itself: %v\n%s", err, &out)
		}
		full = max(full, time.Since(started)) + full/4
		killed++
	}
	// What the last kill left staged is delivered, and the server loses its copies.
	if code, log := once(t, config); code != exitOK {
		t.Errorf("exit code %d\n%s", code, log)
	}
	if left := server.left(); left != 0 {
		t.Errorf("%d messages are left on the server", left)
	}
	stop()
	got.finish()
	for sum, name := range want {
		if n := got.count[sum]; n != 1 {
			t.Errorf("attachment %s stands %d times, want once (after %d kills)", name, n, killed)
		}
		delete(got.count, sum)
	}
	for sum, n := range got.count {
		t.Errorf("%d files nobody sent, digest %x", n, sum)
	}
	var listed bytes.Buffer
	if code := run([]string{"quarantine", "list", "--config", config}, strings.NewReader(""), &listed, &listed); code != exitOK || listed.String() != "nothing is in quarantine\n" {
		t.Errorf("exit code %d\n%s", code, &listed)
	}
	return killed
}
