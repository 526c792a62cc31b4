package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// TestLongNames: a thousand attachments with long names, in a mail of a megabyte, take no more than a small part of that.
func TestLongNames(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	l, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	m := &ledger.Message{Key: ledger.Key{UIDL: "1", Size: 1 << 20}}
	for i := range 1000 {
		long := fmt.Sprint(i, strings.Repeat("ü", 500))
		m.Attachments = append(m.Attachments, ledger.Attachment{StagingID: "x", Path: fmt.Sprint(i), OriginalName: long, MediaType: "application/" + long})
	}
	if err := l.Stage(t.Context(), "lab", []*ledger.Message{m}); err != nil {
		t.Fatal(err)
	}
	kept, err := l.Unfinished(t.Context(), "lab")
	if err != nil || len(kept) != 1 || len(kept[0].Attachments) != 1000 {
		t.Fatalf("%d messages, error %v", len(kept), err)
	}
	for _, a := range kept[0].Attachments[990:] {
		if n := len(a.OriginalName); n < ledger.MaxName-1 || n > ledger.MaxName || !strings.HasPrefix(a.OriginalName, a.Path+"üüü") || strings.Contains(a.OriginalName, "\ufffd") {
			t.Errorf("%d bytes are kept of a name: %.20q", n, a.OriginalName)
		}
	}
	if err := l.Delivered(t.Context(), "lab", []*ledger.Message{m}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 1<<20 {
		t.Errorf("the file has %d bytes, error %v", info.Size(), err)
	}
}
