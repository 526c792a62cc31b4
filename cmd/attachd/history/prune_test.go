package history

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/ledger"
)

func count(t testing.TB, h *History, table string) (n int) {
	t.Helper()
	must(t, h.writer.db.conn.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n))
	return n
}

// TestPrune: what is too old goes, and only that, with all that belongs to it.
func TestPrune(t *testing.T) {
	t.Parallel()
	h := openStill(t, Options{Search: true, Items: 100, Keep: 50 * 24 * time.Hour, Zone: time.UTC})
	now := time.Now()
	days := func(n int) time.Time { return now.Add(-time.Duration(n)*24*time.Hour + time.Hour) }
	for i := range 160 {
		at := days(60)
		if i >= 30 {
			at = days(40)
		}
		write(t, h, fileOf(delivered("a", i), at))
	}
	for i := range 300 {
		write(t, h, visit{account: "a", at: days(20).Add(time.Duration(i) * time.Minute)})
	}
	write(t, h, visit{account: "gone", at: days(51)}, visit{account: "gone", at: days(55)})
	for _, d := range []int{100, 80, 10} {
		write(t, h, visit{account: "b", at: days(d), err: errors.New("no")}, visit{account: "b", at: days(d)}, Decision{At: days(d), What: fmt.Sprint(d)})
	}
	write(t, h, visit{account: "c", at: days(100), err: errors.New("for long")})
	for i := range 250 {
		write(t, h, leftOut{days(31), event.LeftOut{Account: "a", UIDL: fmt.Sprint("x", i), Why: "old"}})
	}
	write(t, h, leftOut{days(29), event.LeftOut{Account: "a", UIDL: "y", Why: "new"}})
	must(t, h.SaveSession([32]byte{1}, [32]byte{}, now.Add(-time.Hour)))
	must(t, h.SaveSession([32]byte{2}, [32]byte{}, now.Add(time.Hour)))
	quarters, dates := count(t, h, "quarter"), count(t, h, "day")
	upkeep(t, h)

	for table, want := range map[string]int{
		"item": 100, "message": 101, "left_out": 1, "reason": 1, "decision": 2, "trouble": 3, "session": 1, "day": dates,
		"poll WHERE account = (SELECT id FROM account WHERE name = 'gone')": 0,
	} {
		if got := count(t, h, table); got != want {
			t.Errorf("%s: %d rows, not %d", table, got, want)
		}
	}
	if got := count(t, h, "quarter"); got >= quarters {
		t.Errorf("%d of %d quarters", got, quarters)
	}
	if got := count(t, h, "poll WHERE account = (SELECT id FROM account WHERE name = 'a')"); got < keptPolls || got > keptPolls+pruneEach {
		t.Errorf("%d polls", got)
	}
	items := all(t, h)
	if len(items) != 100 || items[99].Name != "file-60.pdf" {
		t.Errorf("%d items, the oldest %s", len(items), items[len(items)-1].Name)
	}
	for name, want := range map[string]int{"file-59": 0, "file-60": 1} {
		f, err := h.Search(t.Context(), Search{Name: name})
		must(t, err)
		if len(f.Items) != want {
			t.Errorf("%s: %d", name, len(f.Items))
		}
	}
	totals, err := h.Totals(t.Context(), "a")
	must(t, err)
	if totals.Files != 100 || totals.Bytes != (60+159)*50 {
		t.Errorf("%+v", totals)
	}
	sound(t, h)

	// IDs are not used again, even if nothing is left.
	newest := items[0].ID
	h.options.Keep = time.Hour
	upkeep(t, h)
	if n := count(t, h, "item"); n != 0 {
		t.Errorf("%d items", n)
	}
	closeStill(t, h)
	h = openStill(t, h.options)
	write(t, h, fileOf(delivered("a", 999), now))
	if items := all(t, h); len(items) != 1 || items[0].ID <= newest {
		t.Errorf("%+v", items)
	}
}

// TestPruneAndRefill: what was removed for its age does not come back from the state.
func TestPruneAndRefill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	led := openLedger(t, filepath.Join(dir, "state"))
	for i := range 60 {
		e := delivered("a", i)
		e.Attachment.StagingID = fmt.Sprint("s", i)
		group := []*ledger.Message{{Key: ledger.Key{UIDL: e.UIDL, Size: e.Octets}, Attachments: []ledger.Attachment{e.Attachment}}}
		must(t, led.Stage(t.Context(), "a", group))
		must(t, led.Delivered(t.Context(), "a", group, time.Now().Add(time.Duration(i-100)*time.Minute)))
	}
	h := openStill(t, Options{Path: filepath.Join(dir, "h"), Ledger: led, Items: 20})
	for range 3 {
		upkeep(t, h)
		if n := count(t, h, "item"); n != 20 {
			t.Fatalf("%d items", n)
		}
		must(t, h.writer.batch(t.Context(), func(b *batch) error { return b.set(keySeen, 0) })) // as if the state was another one
	}
}

// TestShrink: the file gives back what it does not need, also without the text index.
func TestShrink(t *testing.T) {
	t.Parallel()
	o := Options{Path: filepath.Join(t.TempDir(), "h"), Search: true}
	h := openStill(t, o)
	var records []any
	for i := range 30_000 {
		e := delivered("a", i)
		e.Envelope.Subject = fmt.Sprintf("%x %x", i*7919, i*104729)
		records = append(records, fileOf(e, time.Now()))
	}
	write(t, h, records...)
	before := h.Size()
	closeStill(t, h)
	o.Search, o.Items = false, 1000
	h = openStill(t, o)
	upkeep(t, h)
	closeStill(t, h)
	h = openStill(t, o)
	if after := h.Size(); after > slackPages*4096+2<<20 || after > before {
		t.Errorf("%d bytes of %d", after, before)
	}
	if n := len(all(t, h)); n != 1000 {
		t.Errorf("%d items", n)
	}
}

// TestTextLater: an index that is switched on later comes to all items, in small steps, and
// searches find the same before, meanwhile and after.
func TestTextLater(t *testing.T) {
	t.Parallel()
	o := Options{Path: filepath.Join(t.TempDir(), "h")}
	h := openStill(t, o)
	var records []any
	for i := range 2*textStep + 100 {
		records = append(records, fileOf(delivered("a", i), time.Now()))
	}
	write(t, h, records...)
	find := func() {
		t.Helper()
		f, err := h.Search(t.Context(), Search{Name: "FILE-17"})
		must(t, err)
		if len(f.Items) != 11 {
			t.Errorf("%d items", len(f.Items))
		}
	}
	find()
	closeStill(t, h)
	o.Search = true
	h = openStill(t, o)
	h.writer.prune.due = true
	for h.writer.prune.due {
		must(t, h.writer.work(t.Context(), nil))
		find()
	}
	if !h.writer.state.whole || count(t, h, "item") != len(records) {
		t.Error("the index is not whole")
	}
	write(t, h, fileOf(delivered("b", 17), time.Now()))
	f, err := h.Search(t.Context(), Search{Subject: "rechnung 17"})
	must(t, err)
	if len(f.Items) != 12 {
		t.Errorf("%d items", len(f.Items))
	}
	sound(t, h)
}

// TestOpenReader looks into a history while it is written, and when nobody writes it.
func TestOpenReader(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "h")
	if _, err := OpenReader(t.Context(), path); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	h := openStill(t, Options{Path: path, Search: true})
	look := func(want int) {
		t.Helper()
		r, err := OpenReader(t.Context(), path)
		must(t, err)
		f, err := r.Search(t.Context(), Search{Name: "file"})
		must(t, err)
		if len(f.Items) != want {
			t.Errorf("%d items", len(f.Items))
		}
		must(t, r.Close())
		if _, err := r.Search(t.Context(), Search{}); !errors.Is(err, fs.ErrClosed) {
			t.Error(err)
		}
	}
	look(0)
	write(t, h, fileOf(delivered("a", 1), time.Now()))
	look(1)
	closeStill(t, h)
	look(1)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	execIn(t, path, "PRAGMA user_version = 99")
	if _, err := OpenReader(t.Context(), path); !errors.Is(err, errUnfit) {
		t.Error(err)
	}
}
