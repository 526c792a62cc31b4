package history

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// childEnv names the folder of the state and the history that the test binary writes to when it
// runs as the child of TestKill.
const childEnv = "ATTACHD_HISTORY_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		fmt.Fprintln(os.Stderr, deliverUntilKilled(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// deliverUntilKilled delivers message after message, and prints what the state knows.
func deliverUntilKilled(dir string) error {
	ctx := context.Background()
	led, err := sqlite.Open(ctx, filepath.Join(dir, "state"))
	if err != nil {
		return err
	}
	h, err := Open(ctx, Options{Path: filepath.Join(dir, "state.history"), Ledger: led, Search: true})
	if err != nil {
		return err
	}
	known, err := led.DeliveredCount(ctx, "a")
	if err != nil {
		return err
	}
	for n := known; ; n++ {
		e := delivered("a", n)
		e.Attachment.StagingID = fmt.Sprint("s", n)
		group := []*ledger.Message{{Key: ledger.Key{UIDL: e.UIDL, Size: e.Octets}, Envelope: e.Envelope, Attachments: []ledger.Attachment{e.Attachment}}}
		if records, err := led.Lookup(ctx, "a", []string{e.UIDL}); err != nil || len(records) == 0 {
			if err := led.Stage(ctx, "a", group); err != nil {
				return err
			}
		}
		if err := led.Delivered(ctx, "a", group, time.Now()); err != nil {
			return err
		}
		fmt.Println(n)
		h.Observe(event.Started{Account: "a"})
		h.Observe(e)
		h.Observe(event.Done{Account: "a"})
	}
}

// TestKill kills a process that delivers, at any time and over and over. The next one, and whoever
// opens the history in the end, finds it whole. It has each file once.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 4 {
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), childEnv+"="+dir)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		must(t, err)
		must(t, child.Start())
		lines := bufio.NewScanner(out)
		for range 300 + rand.IntN(1500) { // some of it is more than a batch
			if !lines.Scan() {
				t.Fatal("the child ended by itself")
			}
		}
		must(t, child.Process.Kill())
		_ = child.Wait()
	}
	led := openLedger(t, filepath.Join(dir, "state"))
	staged, err := led.Unfinished(t.Context(), "a")
	must(t, err)
	must(t, led.Delivered(t.Context(), "a", staged, time.Now()))
	want, err := led.DeliveredCount(t.Context(), "a")
	must(t, err)
	h := openStill(t, Options{Path: filepath.Join(dir, "state.history"), Ledger: led, Search: true})
	if note := h.Note(); note != "" {
		t.Error(note)
	}
	upkeep(t, h)
	paths := make(map[string]int)
	for _, i := range all(t, h) {
		paths[i.Path]++
	}
	for path, n := range paths {
		if n != 1 {
			t.Errorf("%s: %d times", path, n)
		}
	}
	if len(paths) != want {
		t.Errorf("%d files of %d", len(paths), want)
	}
	sound(t, h)
}
