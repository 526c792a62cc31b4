package fetcher

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
)

// stuck is a sink that publishes the first file of a group and then waits for the end of its
// context, as a remote sink may.
type stuck struct{ *memory }

func (s stuck) Publish(ctx context.Context, files []*ledger.Attachment) error {
	if err := s.memory.Publish(ctx, files[:1]); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// TestStopInPublish: a sink that hangs delays a stop no longer than commitGrace. The next poll
// publishes the rest, each file once.
func TestStopInPublish(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, err := w.sink.StageRaw(t.Context(), strings.NewReader("one"), "", "one")
	if err != nil {
		t.Fatal(err)
	}
	two, err := w.sink.StageRaw(t.Context(), strings.NewReader("two"), "", "two")
	if err != nil {
		t.Fatal(err)
	}
	d := &delivery.Delivery{Account: "lab", Ledger: record{w.ledger}, Sink: stuck{w.sink}, Now: time.Now}
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		d.Start(ctx)
		m := &ledger.Message{Key: ledger.Key{UIDL: "uid-1", Size: 3}, State: ledger.Delivered, Attachments: []ledger.Attachment{one, two}}
		if err := d.Add(ctx, m); err != nil {
			t.Fatal(err)
		}
		stop()
		stopped := time.Now()
		if err := d.Finish(); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(stopped); took != 8*time.Second {
			t.Errorf("the stop took %v, want the grace", took)
		}
	})
	if len(d.Tally.Committed) != 0 || len(w.sink.Files()) != 1 {
		t.Errorf("%d messages count as delivered, %d files are in place", len(d.Tally.Committed), len(w.sink.Files()))
	}
	d.Sink = w.sink
	if err := d.Recover(t.Context()); err != nil {
		t.Error(err)
	}
	if d.Tally.Delivered != 2 || len(w.sink.Files()) != 2 {
		t.Errorf("%d messages count as delivered, %d files are in place", len(d.Tally.Committed), len(w.sink.Files()))
	}
}
