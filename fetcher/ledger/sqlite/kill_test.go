package sqlite

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

	"github.com/attachd/attachd/fetcher/ledger"
)

// childEnv names the ledger that the test binary writes to when it runs as the
// child of TestKill.
const childEnv = "ATTACHD_LEDGER_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(path))
		os.Exit(1)
	}
	if path := os.Getenv(leaseEnv); path != "" {
		fmt.Fprintln(os.Stderr, leaseUntilKilled(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// Each group of the child has its number in its UIDLs and groupSize messages of
// two attachments.
const groupSize = 40

func numberedGroup(g int) []*ledger.Message {
	var group []*ledger.Message
	for i := range groupSize {
		group = append(group, message(fmt.Sprintf("%d-%d", g, i), 10, 2))
	}
	return group
}

// writeUntilKilled stages and delivers group after group and prints what was
// acknowledged. It starts behind what is there already.
func writeUntilKilled(path string) error {
	ctx := context.Background()
	l, err := Open(ctx, path)
	if err != nil {
		return err
	}
	for g := 0; ; g++ {
		group := numberedGroup(g)
		records, err := l.Lookup(ctx, "hans", []string{group[0].UIDL})
		if err != nil {
			return err
		}
		if len(records) == 0 {
			if err := l.Stage(ctx, "hans", group); err != nil {
				return err
			}
		}
		fmt.Println("staged", g)
		if err := l.Delivered(ctx, "hans", group, time.Now()); err != nil {
			return err
		}
		fmt.Println("delivered", g)
	}
}

// TestKill kills a writing process at random moments: after each, every
// acknowledged group must be there whole, and none by half.
func TestKill(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts processes")
	}
	path := filepath.Join(t.TempDir(), "state.db")
	staged, delivered := -1, -1
	for range 20 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childEnv+"="+path)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		check(t, err)
		check(t, child.Start())
		// Somewhere within the next lines, or between them.
		lines := bufio.NewScanner(out)
		for range 2*max(staged, 0) + rand.IntN(8) {
			if !lines.Scan() {
				t.Fatal("the child ended by itself")
			}
			note(t, lines.Text(), &staged, &delivered)
		}
		kill := time.AfterFunc(time.Duration(rand.IntN(4000))*time.Microsecond, func() { child.Process.Kill() })
		for lines.Scan() {
			note(t, lines.Text(), &staged, &delivered)
		}
		child.Wait()
		kill.Stop()
		inspect(t, path, staged, delivered)
	}
	if delivered < 5 {
		t.Errorf("only %d groups were delivered: the test saw too little", delivered)
	}
}

func note(t *testing.T, line string, staged, delivered *int) {
	var what string
	var g int
	if _, err := fmt.Sscan(line, &what, &g); err != nil {
		t.Fatalf("line %q: %v", line, err)
	}
	if what == "staged" {
		*staged = max(*staged, g)
	} else {
		*delivered = max(*delivered, g)
	}
}

func inspect(t *testing.T, path string, staged, delivered int) {
	t.Helper()
	l, err := Open(t.Context(), path)
	check(t, err)
	defer l.Close()
	check(t, l.Check(t.Context()))
	unfinished, err := l.Unfinished(t.Context(), "hans")
	check(t, err)
	for _, m := range unfinished {
		if len(m.Attachments) != 2 {
			t.Errorf("message %s has %d attachments", m.UIDL, len(m.Attachments))
		}
	}
	for g := range staged + 3 {
		var uidls []string
		for _, m := range numberedGroup(g) {
			uidls = append(uidls, m.UIDL)
		}
		records, err := l.Lookup(t.Context(), "hans", uidls)
		check(t, err)
		if len(records) != 0 && len(records) != groupSize || len(records) == 0 && g <= staged {
			t.Errorf("group %d has %d messages of %d, acknowledged up to %d", g, len(records), groupSize, staged)
		}
		for _, r := range records {
			if r.State != records[0].State || g <= delivered && r.State != ledger.Delivered {
				t.Errorf("message %s of group %d is %s, the first one %s, delivered up to %d", r.UIDL, g, r.State, records[0].State, delivered)
			}
		}
	}
}
