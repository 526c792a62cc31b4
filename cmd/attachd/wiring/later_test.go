package wiring

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
)

// known is a ledger that knows a destination.
type known struct{ is ledger.Destination }

func (k *known) Destination(context.Context, string) (ledger.Destination, error) {
	return k.is, nil
}

func (k *known) SetDestination(_ context.Context, _, place, folder string) error {
	k.is.Place, k.is.Folder = place, folder
	return nil
}

// opens counts how often a folder was opened.
type opens int

func (o *opens) Before(s sink.Step, _ string) error {
	if s == sink.StepOpen {
		*o++
	}
	return nil
}

// TestOpenLater: a tidy folder that files went to before is opened once it is needed, and is looked
// at again then. Any other is opened at once.
func TestOpenLater(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before func(t *testing.T, dir string, led *known) // what happens before the poll
		during func(t *testing.T, dir string)             // and before a message comes
		atOnce bool
		fails  bool
	}{
		"tidy":                     {},
		"nothing delivered yet":    {before: func(_ *testing.T, _ string, led *known) { led.is = ledger.Destination{} }},
		"another place before":     {before: func(_ *testing.T, _ string, led *known) { led.is.Place = "/elsewhere" }, atOnce: true},
		"staging file":             {before: func(t *testing.T, dir string, _ *known) { put(t, dir, ".staging", "ABCDEFGH-ABCDEFGHIJKLMNOPQRST") }, atOnce: true},
		"pieces":                   {before: func(t *testing.T, dir string, _ *known) { put(t, dir, ".partial", "x") }, atOnce: true},
		"disk gone before":         {before: func(t *testing.T, dir string, _ *known) { remove(t, dir) }, fails: true},
		"disk gone meanwhile":      {during: remove, fails: true},
		"other disk meanwhile":     {during: func(t *testing.T, dir string) { remove(t, dir); put(t, dir, "note", "") }, fails: true},
		"staging folder meanwhile": {during: func(t *testing.T, dir string) { remove(t, filepath.Join(dir, ".staging")) }, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var n opens
			dir := filepath.Join(t.TempDir(), "lab")
			out := new(settings).output("lab", dir, &n)
			first, err := out.OpenSink(t.Context())
			check(t, err)
			check(t, first.SetMark(t.Context(), 7))
			check(t, first.Close())
			at, err := out.FindDestination(t.Context())
			check(t, err)
			led := &known{ledger.Destination{Place: at.Place, Folder: at.ID, Generation: 7}}
			if tt.before != nil {
				tt.before(t, dir, led)
			}
			n = 0
			s, err := out.OpenLater(t.Context(), "lab", led, zerolog.Nop())
			if err == nil {
				defer s.Close()
				if mark, err := s.Mark(t.Context()); mark != 7 || err != nil {
					t.Errorf("mark %d, %v", mark, err)
				}
				_, err = s.Sweep(t.Context())
				check(t, err)
				if (n > 0) != tt.atOnce {
					t.Errorf("opened at once: %t", n > 0)
				}
				if tt.during != nil {
					tt.during(t, dir)
				}
				err = (&delivery.Delivery{Sink: s}).Ready(t.Context())
			}
			if _, gone := errors.AsType[*delivery.DestinationError](err); gone != tt.fails || !gone && (err != nil || n != 1) {
				t.Errorf("error %v, opened %d times", err, n)
			}
		})
	}
}

func put(t *testing.T, dir, folder, name string) {
	t.Helper()
	check(t, os.MkdirAll(filepath.Join(dir, folder), 0o700))
	if name != "" {
		check(t, os.WriteFile(filepath.Join(dir, folder, name), nil, 0o600))
	}
}

func remove(t *testing.T, dir string) {
	t.Helper()
	check(t, os.RemoveAll(dir))
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestDurableDestination: the state learns an account's folder once that is durable. Otherwise the
// account would wait for a folder that a power cut has taken.
func TestDurableDestination(t *testing.T) {
	t.Parallel()
	fails := true
	hook := stepHook(func(s sink.Step, name string) error {
		if fails && s == sink.StepFsyncFolder && name == ".staging" {
			return syscall.EIO
		}
		return nil
	})
	dir := filepath.Join(t.TempDir(), "lab")
	out := new(settings).output("lab", dir, hook)
	for _, before := range []ledger.Destination{{}, {Place: "/elsewhere", Folder: "ABCDEFGH", Generation: 7}} {
		led := &known{before}
		for _, fails = range []bool{true, false} {
			at, err := out.Open(t.Context(), "lab", led, zerolog.Nop())
			if err == nil {
				err = errors.Join(at.Sync(t.Context(), nil), at.Close())
			}
			if noted := led.is != before; noted == fails || errors.Is(err, syscall.EIO) != fails {
				t.Errorf("known %+v, the disk fails: %t: then %+v, %v", before, fails, led.is, err)
			}
			check(t, os.RemoveAll(dir)) // it is a new one the next time
		}
	}
}

// stepHook is a sink.Hook.
type stepHook func(sink.Step, string) error

func (h stepHook) Before(s sink.Step, name string) error { return h(s, name) }
