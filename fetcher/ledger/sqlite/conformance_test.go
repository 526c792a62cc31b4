package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/ledgertest"
)

// owing makes a Ledger what ledgertest wants.
type owing struct{ *Ledger }

func (o owing) Fenced(leases ...*ledger.Lease) ledgertest.Ledger {
	return owing{o.Ledger.Fenced(leases...)}
}

// Close checks the file first.
func (o owing) Close() error { return errors.Join(o.Check(context.Background()), o.Ledger.Close()) }

func TestConformance(t *testing.T) {
	t.Parallel()
	ledgertest.Test(t, func(t *testing.T, dir string) ledgertest.Ledger {
		l, err := Open(t.Context(), filepath.Join(dir, "state.db"))
		check(t, err)
		return owing{l}
	})
}

// TestViewOfFiles: the view for people has the files that were delivered, and those in quarantine.
func TestViewOfFiles(t *testing.T) {
	t.Parallel()
	l, ctx := open(t), t.Context()
	quarantined := message("b", 20, 1)
	quarantined.State = ledger.Quarantined
	group := []*ledger.Message{message("a", 10, 2), quarantined}
	check(t, l.Stage(ctx, "hans", group))
	group[0].Attachments[1].Path = "a-1-2.pdf"
	check(t, l.Delivered(ctx, "hans", group, time.Now()))
	var files []string
	rows, err := l.reader.QueryContext(ctx, "SELECT account || ' ' || path || ' ' || state || ' ' || coalesce(sha256, blake3) FROM files ORDER BY path")
	check(t, err)
	defer rows.Close()
	for rows.Next() {
		var s string
		check(t, rows.Scan(&s))
		files = append(files, s)
	}
	sum := func(s string) string { return digest.Of(digest.Own, []byte(s)).String() }
	if diff := cmp.Diff([]string{
		"hans a-0.pdf delivered " + sum("a-0.pdf"), "hans a-1-2.pdf delivered " + sum("a-1.pdf"), "hans b-0.pdf quarantined " + sum("b-0.pdf"),
	}, files); diff != "" {
		t.Errorf("the view of files differs (-want +got):\n%s", diff)
	}
}

// TestSizeOfLongNames: a thousand attachments with long names, in a mail of a megabyte, take no
// more than a small part of that.
func TestSizeOfLongNames(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	l, err := Open(t.Context(), path)
	check(t, err)
	m := &ledger.Message{Key: ledger.Key{UIDL: "1", Size: 1 << 20}}
	for i := range 1000 {
		long := fmt.Sprint(i, strings.Repeat("ü", 500))
		m.Attachments = append(m.Attachments, ledger.Attachment{StagingID: "x", Path: fmt.Sprint(i), OriginalName: long, MediaType: "application/" + long})
	}
	check(t, l.Stage(t.Context(), "lab", []*ledger.Message{m}))
	check(t, l.Delivered(t.Context(), "lab", []*ledger.Message{m}, time.Now()))
	check(t, l.Close())
	if info, err := os.Stat(path); err != nil || info.Size() > 1<<20 {
		t.Errorf("the file has %d bytes, error %v", info.Size(), err)
	}
}

// TestForgottenAttachments: the attachments of forgotten messages are gone, too.
func TestForgottenAttachments(t *testing.T) {
	t.Parallel()
	l, ctx := open(t), t.Context()
	check(t, l.Stage(ctx, "hans", []*ledger.Message{message("a", 10, 1), message("b", 10, 1)}))
	_, err := l.Forget(ctx, "hans", []ledger.Key{{UIDL: "a", Size: 10}})
	check(t, err)
	var left int
	check(t, l.reader.QueryRow("SELECT count(*) FROM attachment").Scan(&left))
	if left != 1 {
		t.Errorf("%d attachments are left, want 1", left)
	}
}
