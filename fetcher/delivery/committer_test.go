package delivery

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/ledger"
)

// steadySink is a sink in which every call of the five steps succeeds at once.
type steadySink struct {
	Sink
	most int // files in the largest group
}

func (s *steadySink) Sync(_ context.Context, files []ledger.Attachment) error {
	s.most = max(s.most, len(files))
	return nil
}
func (*steadySink) Publish(context.Context, []*ledger.Attachment) error { return nil }
func (*steadySink) SetMark(context.Context, int64) error                { return nil }

// steadyLedger is a ledger in which every call of the five steps succeeds at once.
type steadyLedger struct{ Ledger }

func (steadyLedger) Stage(context.Context, string, []*ledger.Message) error { return nil }
func (steadyLedger) Generation(context.Context, string) (int64, error)      { return 1, nil }
func (steadyLedger) Delivered(context.Context, string, []*ledger.Message, time.Time) error {
	return nil
}

// TestManyAttachmentsAreCommitted: the number of files that wait for the disk is bounded, and not
// only the number of messages.
func TestManyAttachmentsAreCommitted(t *testing.T) {
	t.Parallel()
	s := &steadySink{}
	d := &Delivery{Account: "lab", Sink: s, Ledger: steadyLedger{}, Now: time.Now}
	d.Start(t.Context())
	for i := range 100 {
		m := &ledger.Message{Key: ledger.Key{UIDL: fmt.Sprint(i), Size: 1}, State: ledger.Delivered}
		for n := range 100 {
			m.Attachments = append(m.Attachments, ledger.Attachment{Path: fmt.Sprintf("%d-%d", i, n), StagingID: "x"})
		}
		if err := d.Add(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		d.committer.mu.Lock()
		if d.committer.pending > maxPending+100 {
			t.Errorf("%d files wait", d.committer.pending)
		}
		d.committer.mu.Unlock()
	}
	if err := d.Finish(); err != nil {
		t.Fatal(err)
	}
	if s.most > groupFiles+100 || d.committer.pending != 0 {
		t.Errorf("a group of %d files, %d wait still", s.most, d.committer.pending)
	}
	if d.Tally.Delivered != 100*100 {
		t.Errorf("%d files delivered", d.Tally.Delivered)
	}
}

// TestSidecarIsNoAttachment: a sidecar is published, but neither logged nor counted nor reported as
// an attachment, also where the attachment behind it is left out.
func TestSidecarIsNoAttachment(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var reported []string
	d := &Delivery{
		Account: "lab", Sink: &steadySink{}, Ledger: steadyLedger{}, Now: time.Now, Log: zerolog.New(&log),
		File: func(_ *ledger.Message, a ledger.Attachment) { reported = append(reported, a.Path) },
	}
	m := &ledger.Message{Key: ledger.Key{UIDL: "1", Size: 1}, State: ledger.Delivered, Attachments: []ledger.Attachment{
		{Path: "a.pdf.json", StagingID: "x", Sidecar: true},
		{Path: "a.pdf", StagingID: "y"},
		{Path: "b.pdf.json", LeftOut: true, Sidecar: true},
		{Path: "b.pdf", LeftOut: true},
	}}
	if err := d.Commit(t.Context(), []*ledger.Message{m}); err != nil {
		t.Fatal(err)
	}
	if d.Tally.Delivered != 1 || d.Tally.ReceivedBefore != 1 || !slices.Equal(reported, []string{"a.pdf"}) || strings.Contains(log.String(), ".json") {
		t.Errorf("%d delivered, %d received before, %q reported\n%s", d.Tally.Delivered, d.Tally.ReceivedBefore, reported, log.String())
	}
}
