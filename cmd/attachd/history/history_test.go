package history

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/ledger"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// openTest opens a history that is closed with the test.
func openTest(t testing.TB, o Options) *History {
	t.Helper()
	if o.Path == "" {
		o.Path = filepath.Join(t.TempDir(), "state.db.history")
	}
	o.patience = cmp.Or(o.patience, time.Minute)
	h, err := Open(context.Background(), o)
	must(t, err)
	t.Cleanup(func() { must(t, h.Close()) })
	return h
}

// openStill opens a history without its writing goroutine. The test makes its steps.
func openStill(t testing.TB, o Options) *History {
	t.Helper()
	if o.Path == "" {
		o.Path = filepath.Join(t.TempDir(), "state.db.history")
	}
	o.patience = cmp.Or(o.patience, time.Minute)
	h := newHistory(withDefaults(o))
	must(t, h.writer.open(t.Context()))
	t.Cleanup(func() { closeStill(t, h) })
	return h
}

func closeStill(t testing.TB, h *History) {
	t.Helper()
	must(t, h.Reader.Close())
	must(t, h.writer.close())
}

// write writes records at once.
func write(t testing.TB, h *History, records ...any) {
	t.Helper()
	must(t, h.writer.write(context.Background(), records))
}

// upkeep makes all steps that are made beside the writing.
func upkeep(t testing.TB, h *History) {
	t.Helper()
	h.writer.refill.due, h.writer.prune.due = true, true
	for n := 0; h.writer.refill.due || h.writer.prune.due; n++ {
		if n > 100_000 {
			t.Fatal("the upkeep has no end")
		}
		must(t, h.writer.work(context.Background(), nil))
	}
}

// sound fails if the file or its text index is not whole.
func sound(t testing.TB, h *History) {
	t.Helper()
	var fault string
	must(t, h.writer.db.conn.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&fault))
	if fault != "ok" {
		t.Fatal(fault)
	}
	if h.options.Search {
		_, err := h.writer.db.conn.ExecContext(t.Context(), "INSERT INTO item_text (item_text) VALUES ('integrity-check')")
		must(t, err)
	}
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited two minutes for: %s", what)
		}
	}
}

// all returns all items, the newest first.
func all(t testing.TB, h *History) (items []Item) {
	t.Helper()
	s := Search{Limit: maxPage}
	for {
		f, err := h.Search(context.Background(), s)
		must(t, err)
		items = append(items, f.Items...)
		if !f.Older {
			return items
		}
		s.Before = f.Items[len(f.Items)-1].ID
	}
}

// delivered is an event with a file of its own.
func delivered(account string, n int) event.Delivered {
	return event.Delivered{
		Account: account, UIDL: fmt.Sprint("uidl-", n), Octets: int64(n + 100), Envelope: ledger.Envelope{From: "Anna <anna@example.org>", Subject: fmt.Sprint("Rechnung ", n)},
		Attachment: ledger.Attachment{Path: fmt.Sprintf("2026/11/file-%d.pdf", n), OriginalName: fmt.Sprintf("file-%d.pdf", n), MediaType: "application/pdf", Size: int64(n), Digests: digest.Digest{Kind: digest.Own, Sum: [32]byte{byte(n)}}.Set()},
	}
}

func fileOf(e event.Delivered, at time.Time) file {
	return file{at: at, account: e.Account, uidl: e.UIDL, octets: e.Octets, envelope: e.Envelope, attachment: e.Attachment, repairs: e.Repairs}
}
