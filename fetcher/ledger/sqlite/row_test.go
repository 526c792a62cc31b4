package sqlite

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/ledger"
)

// TestFiled: whoever copies what was delivered gets each file once, with its message's envelope,
// and nothing that is no file of the sender's. A message that may come to more files says so.
func TestFiled(t *testing.T) {
	t.Parallel()
	l, ctx := open(t), t.Context()
	file := func(path string) ledger.Attachment {
		return ledger.Attachment{StagingID: "id-" + path, Path: path, OriginalName: "=" + path, MediaType: "application/pdf", Size: 5, Digests: digest.Digest{Kind: digest.Own, Sum: [32]byte{1}}.Set()}
	}
	kept := func(path string) ledger.Attachment {
		a := file(path)
		a.Quarantine = true
		return a
	}
	duplicate := file("duplicate.pdf")
	duplicate.StagingID, duplicate.LeftOut = "", true
	sidecar := file("a.pdf.json")
	sidecar.Sidecar = true
	date := time.Date(2026, 11, 28, 9, 0, 0, 0, time.FixedZone("", 3600))
	whole := &ledger.Message{
		Key: ledger.Key{UIDL: "whole", Size: 10}, Envelope: ledger.Envelope{From: "Anna <a@example.org>", To: "b@example.org", Subject: "Rechnung", Date: date},
		Attachments: []ledger.Attachment{sidecar, file("a.pdf"), duplicate, file("b.pdf"), {Path: ".partial/x/"}},
	}
	copied := &ledger.Message{Key: ledger.Key{UIDL: "copied", Size: 11}, Attachments: []ledger.Attachment{file("c.pdf"), kept(".quarantine/c.eml"), duplicate}}
	raw := &ledger.Message{Key: ledger.Key{UIDL: "raw", Size: 12}, State: ledger.Quarantined, Attachments: []ledger.Attachment{file(".quarantine/d.eml")}}
	staged := &ledger.Message{Key: ledger.Key{UIDL: "staged", Size: 13}, Attachments: []ledger.Attachment{file("e.pdf")}}
	at := time.UnixMilli(1_764_250_000_000)
	group := []*ledger.Message{whole, copied, raw}
	check(t, l.Stage(ctx, "hans", group))
	check(t, l.Delivered(ctx, "hans", group, at))
	check(t, l.Stage(ctx, "hans", []*ledger.Message{staged}))
	check(t, l.Failed(ctx, "hans", ledger.Key{UIDL: "failed", Size: 14}, "no", at))

	type row struct {
		id              int64
		open, delivered bool
	}
	rows := func(all []ledger.Row, err error) (of []row) {
		t.Helper()
		check(t, err)
		for _, r := range all {
			of = append(of, row{r.ID, r.Open, r.Delivered.Equal(at)})
		}
		return of
	}
	expect := func(got, want any) {
		t.Helper()
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(row{})); diff != "" {
			t.Error(diff)
		}
	}
	want := []row{{1, false, true}, {2, true, true}, {3, true, true}, {4, true, false}, {5, true, false}}
	expect(rows(l.Rows(ctx, 0, 10)), want)
	expect(rows(l.Rows(ctx, 1, 2)), want[1:3])
	expect(rows(l.RowsOf(ctx, []int64{9, 4, 2})), []row{want[1], want[3]})
	expect(rows(l.RowsOf(ctx, nil)), []row(nil))

	paths := func(ids ...int64) map[string][]string {
		t.Helper()
		all, err := l.Filed(ctx, ids)
		check(t, err)
		of := make(map[string][]string)
		for _, m := range all {
			for _, a := range m.Attachments {
				of[m.UIDL] = append(of[m.UIDL], a.Path)
			}
		}
		return of
	}
	expect(paths(1, 2, 3, 4, 5, 6), map[string][]string{"whole": {"a.pdf", "b.pdf"}, "copied": {"c.pdf"}})
	all, err := l.Filed(ctx, []int64{1})
	check(t, err)
	expect(all[0].Envelope, whole.Envelope)
	expect(all[0].Attachments[0], ledger.Attachment{Path: "a.pdf", OriginalName: "=a.pdf", MediaType: "application/pdf", Size: 5, Digests: digest.Digest{Kind: digest.Own, Sum: [32]byte{1}}.Set()})
	if m := all[0]; m.Account != "hans" || m.Size != 10 || !m.Row.Delivered.Equal(at) {
		t.Errorf("%+v", m)
	}

	// A retry keeps what was delivered before, and what was left out.
	again := &ledger.Message{Key: copied.Key, Retried: true, Attachments: []ledger.Attachment{
		{Path: "c.pdf", Size: 5}, {Path: "duplicate.pdf", Size: 5}, file("f.pdf"),
	}}
	check(t, l.Stage(ctx, "hans", []*ledger.Message{again}))
	check(t, l.Delivered(ctx, "hans", []*ledger.Message{again}, at.Add(time.Hour)))
	expect(paths(2), map[string][]string{"copied": {"c.pdf", "f.pdf"}})
	expect(rows(l.RowsOf(ctx, []int64{2})), []row{{2, false, true}})
}
