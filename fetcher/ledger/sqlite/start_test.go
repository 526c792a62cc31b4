package sqlite

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// TestSkippedLasts: a file of an earlier version has no start, and can be looked into. What was
// skipped since is known after the file was damaged, too, and the view for people says what it is.
func TestSkippedLasts(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	oldLedger(t, path, skippedSince-1)
	ctx := t.Context()
	l, err := Inspect(ctx, path)
	check(t, err)
	if s, err := l.Start(ctx, "hans"); err != nil || s != (ledger.Start{First: true}) {
		t.Errorf("start %+v, %v", s, err)
	}
	for _, ask := range []func() error{
		func() error { _, err := l.Skipped(ctx, "hans"); return err },
		func() error { _, err := l.Summaries(ctx); return err },
		func() error { _, err := l.Lookup(ctx, "hans", []string{"a"}); return err },
		func() error { _, err := l.KnownUntil(ctx, "hans"); return err },
		func() error { _, err := l.TooLarge(ctx, "hans"); return err },
		func() error { _, err := l.DeliveredCount(ctx, "hans"); return err },
	} {
		check(t, ask())
	}
	check(t, l.Close())

	l, err = Open(ctx, path)
	check(t, err)
	k, at := ledger.Key{UIDL: "a", Size: 7}, time.UnixMilli(1_700_000_000_000)
	_, err = l.Skip(ctx, "hans", []ledger.Key{k}, at)
	check(t, err)
	check(t, l.Close())
	l, _, err = Replace(ctx, path, time.Now())
	check(t, err)
	defer l.Close()
	if s, err := l.Start(ctx, "hans"); err != nil || s != (ledger.Start{Set: true, Before: at, Skipped: 1}) {
		t.Errorf("start %+v, %v", s, err)
	}
	if r := records(t, l, "a")["a"]; !r.Skipped || r.Files != 0 || r.State != ledger.Delivered {
		t.Errorf("record %+v", r)
	}
	var state string
	check(t, l.reader.QueryRowContext(ctx, "SELECT state FROM messages WHERE uidl = CAST('a' AS BLOB) OR uidl = 'a'").Scan(&state))
	if state != "skipped" {
		t.Errorf("the view says %s", state)
	}
}
