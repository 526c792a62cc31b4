package main

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/config/testsize"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestDamagedQuarantine: a message whose file in quarantine is not what was fetched is not
// delivered, and what helps is said.
func TestDamagedQuarantine(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(path string) error{
		"cut short": func(path string) error { return os.Truncate(path, 0) },
		"removed":   os.Remove,
		"a link": func(path string) error {
			return errors.Join(os.Remove(path), os.Symlink("/etc/hostname", path))
		},
		"overwritten": func(path string) error {
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			raw[len(raw)/2] ^= 1
			return os.WriteFile(path, raw, 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			messages, _ := killMailbox(rand.New(rand.NewPCG(1, 2)))
			server := apptest.StartPop3test(t, messages[:1])
			dir := t.TempDir()
			config := server.Config(t, dir, "after: delete")
			const narrow = "state: state.db\nlimits: {header_fields: 1}\n"
			apptest.Rewrite(t, config, "state: state.db\n", narrow)
			if code, log := once(t, config); code != exitTemporary || !wentWell(code, log) {
				t.Fatalf("exit code %d\n%s", code, log)
			}
			apptest.Rewrite(t, config, narrow, "state: state.db\n")
			kept, err := filepath.Glob(filepath.Join(dir, "out", "lab", ".quarantine", "*.eml"))
			if err != nil || len(kept) != 1 {
				t.Fatalf("in quarantine: %q, %v", kept, err)
			}
			if err := damage(kept[0]); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{{"quarantine", "retry", "--all"}, {"quarantine", "show", "lab", "kill-0"}, {"state", "check"}} {
				out, err := program(t, append(args, "--config", config)...).CombinedOutput()
				forget := strings.Contains(string(out), "attachd state forget --uidl 'kill-0' lab")
				if err == nil || !forget {
					t.Errorf("%q: %v\n%s", args, err, out)
				}
			}
			if out, err := program(t, "state", "forget", "--uidl", "kill-0", "lab", "--config", config).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			if code, log := once(t, config); code != exitOK || !strings.Contains(log, "attachment delivered") || server.Left() != 0 {
				t.Errorf("exit code %d, %d messages left\n%s", code, server.Left(), log)
			}
		})
	}
}

// TestKillRetry kills `quarantine retry --all` at random moments, and now and then the poll that
// completes what it left, until nothing is left to deliver: every attachment must stand once. This
// includes messages that were delivered in part and lie in quarantine because they can't be read
// right.
func TestKillRetry(t *testing.T) {
	t.Parallel()
	for name, copies := range map[string]bool{"beyond the limits": false, "delivered in part": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killRetry(t, copies)
		})
	}
}

func killRetry(t *testing.T, copies bool) {
	seed := rand.Uint64()
	t.Logf("random seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	messages, want := killMailbox(random)
	messages = messages[:testsize.Of(60, 120)]
	maps.DeleteFunc(want, func(_ [32]byte, name string) bool {
		message, _, _ := strings.Cut(name, "/")
		n, err := strconv.Atoi(message)
		return err != nil || n >= len(messages)
	})
	if copies {
		for i := range messages {
			messages[i].Raw = bytes.TrimSuffix(messages[i].Raw, []byte("--b--\r\n"))
		}
	}
	killed := 0
	for round := 0; killed < kills/2 && round < 40; round++ {
		killed += killRetryRound(t, random, messages, want, copies)
	}
	if killed < kills/2 {
		t.Errorf("only %d kills met a retry: the test saw too little", killed)
	}
}

func killRetryRound(t *testing.T, random *rand.Rand, messages []pop3test.Message, want map[[32]byte]string, copies bool) (killed int) {
	server := apptest.StartPop3test(t, messages)
	dir := t.TempDir()
	config := server.Config(t, dir, "after: delete")
	wide, narrow := "state: state.db\n", "state: state.db\nlimits: {header_fields: 1}\n"
	if copies {
		narrow = "state: state.db\ndefaults: {exclude: [\"*.pdf\"]}\n"
	}
	apptest.Rewrite(t, config, wide, narrow)
	if code, log := once(t, config); code != exitTemporary || !wentWell(code, log) {
		t.Fatalf("exit code %d\n%s", code, log)
	}
	apptest.Rewrite(t, config, narrow, wide)
	output := filepath.Join(dir, "out", "lab")
	if found := apptest.NotesIn(t, output); !copies && (len(found) != 0 || server.Left() != len(messages)) {
		t.Fatalf("%d files were delivered and %d messages left, want all in quarantine", len(found), server.Left())
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
		complete := err == nil || copies && cmd.ProcessState.ExitCode() == exitFailure && onlyDoubtful(out.String())
		if complete && args[0] == "quarantine" {
			break
		}
		if code := cmd.ProcessState.ExitCode(); code > 0 && !wentWell(code, out.String()) && !strings.Contains(out.String(), "IN-USE") {
			t.Fatalf("attachd ended by itself: %v\n%s", err, &out)
		}
		full = max(full, time.Since(started)) + full/4
		killed++
	}
	// What the last kill left staged is delivered, and the server loses its copies.
	if code, log := once(t, config); code != exitOK && !(copies && wentWell(code, log)) {
		t.Errorf("exit code %d\n%s", code, log)
	}
	if left := server.Left(); left != 0 {
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
	if copies {
		if out, err := program(t, "quarantine", "drop", "--all", "--yes", "--config", config).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
	if listed, code := attachd(t, "quarantine", "list", "--config", config); code != exitOK || listed != "nothing is in quarantine\n" {
		t.Errorf("exit code %d\n%s", code, listed)
	}
	return killed
}

// onlyDoubtful reports whether a retry failed for nothing but that messages can't be read right.
func onlyDoubtful(said string) bool {
	for line := range strings.Lines(said) {
		if !strings.Contains(line, "still can't be read right") {
			return false
		}
	}
	return true
}

// TestStagedElsewhere: a delivery was interrupted, and its folder is gone. The account stops, and
// the messages concerned, and no others, are fetched again when that is asked for.
func TestStagedElsewhere(t *testing.T) {
	t.Parallel()
	server := apptest.StartPop3test(t, apptest.Notes(3))
	dir := t.TempDir()
	config, output := server.Config(t, dir), filepath.Join(dir, "out", "lab")
	led, err := sqlite.Open(t.Context(), filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	size := int64(len(apptest.Notes(1)[0].Raw))
	staged := &ledger.Message{Key: ledger.Key{UIDL: "note-0", Size: size}, Attachments: []ledger.Attachment{{StagingID: "ABCDEFGH-ABCDEFGHIJKLMNOPQRSTUVWXYZ", Path: "note.txt", Size: 1}}}
	if err := errors.Join(led.Stage(t.Context(), "lab", []*ledger.Message{staged}), led.Close()); err != nil {
		t.Fatal(err)
	}
	state := func(want int, args ...string) string {
		t.Helper()
		args = append([]string{"state"}, append(args, "--config", config)...)
		return says(t, want, args...)
	}
	if code, log := once(t, config); code != exitTemporary || !strings.Contains(log, output+" is gone, and files were delivered there before") {
		t.Errorf("exit code %d\n%s", code, log)
	}
	if said := state(exitOK, "accept", "lab"); !strings.Contains(said, "goes on with "+output) || !strings.Contains(said, "left files of 1 message") || !strings.Contains(said, "attachd state forget --staged lab") {
		t.Errorf("accept says:\n%s", said)
	}
	if code, log := once(t, config); code != exitTemporary || !strings.Contains(log, "staged in another folder") || !strings.Contains(log, "attachd state check says what to do") {
		t.Errorf("exit code %d\n%s", code, log)
	}
	if said := says(t, exitFailure, "status", "--config", config); !strings.Contains(said, "attachd state forget --staged lab") || strings.Contains(said, "state accept") {
		t.Errorf("status says:\n%s", said)
	}
	if said := state(exitFailure, "check"); !strings.Contains(said, "1 staged") || !strings.Contains(said, "FAULT: 1 file staged in another folder than "+output) || !strings.Contains(said, "attachd state forget --staged lab") {
		t.Errorf("check says:\n%s", said)
	}
	if said := state(exitOK, "forget", "--staged", "lab"); said != "account lab: 1 message forgotten\n" {
		t.Errorf("forget says:\n%s", said)
	}
	if said := state(exitOK, "forget", "--staged", "lab"); said != "account lab: 0 messages forgotten\n" {
		t.Errorf("forget says:\n%s", said)
	}
	if code, log := once(t, config); code != exitOK {
		t.Errorf("exit code %d\n%s", code, log)
	}
	apptest.CheckNotes(t, output, 3)
	state(exitOK, "check")
}

// wentWell reports whether no poll was broken off, although messages may be in quarantine or
// refused.
func wentWell(code int, log string) bool {
	return code == exitOK || code == exitTemporary && !brokenOff.MatchString(log)
}

var brokenOff = regexp.MustCompile(`"message":"(poll ended early|login failed)"`)
