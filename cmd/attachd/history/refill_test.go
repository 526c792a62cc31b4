package history

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

func openLedger(t testing.TB, path string) *sqlite.Ledger {
	t.Helper()
	l, err := sqlite.Open(t.Context(), path)
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	return l
}

// mailbox delivers to a ledger as polls do, and remembers what has to be in the history.
type mailbox struct {
	*rand.Rand
	ledger  *sqlite.Ledger
	n       int
	want    map[string]int // how often each file has to be there, by account and path
	waiting map[string][]*ledger.Message
}

// deliver delivers a group of messages. Those that wait in quarantine are delivered only by retry.
// It returns the events of all files.
func (m *mailbox) deliver(t testing.TB, account string, messages int) (events []event.Delivered) {
	t.Helper()
	var group []*ledger.Message
	for range messages {
		m.n++
		msg := &ledger.Message{Key: ledger.Key{UIDL: fmt.Sprint("m", m.n), Size: int64(m.n)}, Envelope: ledger.Envelope{From: "a@example.org", Subject: fmt.Sprint("s ", m.n)}}
		switch m.IntN(8) {
		case 0:
			msg.State = ledger.Quarantined
			msg.Attachments = []ledger.Attachment{{StagingID: fmt.Sprint("q", m.n), Path: fmt.Sprintf(".quarantine/%d.eml", m.n), Size: 1, Quarantine: true}}
			m.waiting[account] = append(m.waiting[account], msg)
		case 1: // nothing in it
		default:
			for i := range 1 + m.IntN(3) {
				a := ledger.Attachment{StagingID: fmt.Sprintf("s%d-%d", m.n, i), Path: fmt.Sprintf("f/%d-%d.pdf", m.n, i), OriginalName: "x.pdf", Size: int64(i), Digests: digest.Digest{Kind: digest.Own, Sum: [32]byte{byte(m.n), byte(m.n >> 8), byte(i)}}.Set()}
				if m.IntN(6) == 0 {
					a.StagingID, a.LeftOut = "", true
				}
				msg.Attachments = append(msg.Attachments, a)
			}
		}
		group = append(group, msg)
	}
	return m.commit(t, account, group)
}

func (m *mailbox) commit(t testing.TB, account string, group []*ledger.Message) (events []event.Delivered) {
	t.Helper()
	must(t, m.ledger.Stage(t.Context(), account, group))
	if m.IntN(10) > 0 { // else a crash comes between the two, and the next poll delivers
		must(t, m.ledger.Delivered(t.Context(), account, group, time.Now()))
		for _, msg := range group {
			events = append(events, m.delivered(account, msg)...)
		}
	}
	return events
}

func (m *mailbox) delivered(account string, msg *ledger.Message) (events []event.Delivered) {
	for _, a := range msg.Attachments {
		if a.StagingID != "" && !a.Quarantine {
			m.want[account+" "+a.Path]++
			events = append(events, event.Delivered{Account: account, UIDL: msg.UIDL, Octets: msg.Size, Envelope: msg.Envelope, Attachment: a, Repairs: []string{"told"}})
		}
	}
	return events
}

// recover delivers what was staged, as a poll does first of all.
func (m *mailbox) recover(t testing.TB, account string) (events []event.Delivered) {
	t.Helper()
	staged, err := m.ledger.Unfinished(t.Context(), account)
	must(t, err)
	must(t, m.ledger.Delivered(t.Context(), account, staged, time.Now()))
	for _, msg := range staged {
		events = append(events, m.delivered(account, msg)...)
	}
	return events
}

// retry delivers a message that is in quarantine.
func (m *mailbox) retry(t testing.TB, account string) []event.Delivered {
	t.Helper()
	waiting := m.waiting[account]
	kept, err := m.ledger.Quarantined(t.Context(), account)
	must(t, err)
	if len(waiting) == 0 || !slices.ContainsFunc(kept, func(k *ledger.Message) bool { return k.Key == waiting[0].Key }) {
		return nil
	}
	m.waiting[account] = waiting[1:]
	m.n++
	again := &ledger.Message{Key: waiting[0].Key, Retried: true, Attachments: []ledger.Attachment{{StagingID: fmt.Sprint("r", m.n), Path: fmt.Sprintf("f/retried-%d", m.n), Size: 3}}}
	return m.commit(t, account, []*ledger.Message{again})
}

// TestRefill delivers to a ledger while some events get lost, the process ends at any time, the
// history is thrown away, or the ledger forgets its newest messages. What the history shows in the
// end is what was delivered: each file once.
func TestRefill(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			m := &mailbox{Rand: rand.New(rand.NewPCG(seed, 3)), ledger: openLedger(t, filepath.Join(dir, "state")), want: make(map[string]int), waiting: make(map[string][]*ledger.Message)}
			o := Options{Path: filepath.Join(dir, "state.history"), Ledger: m.ledger, Search: true}
			h := openStill(t, o)
			for range 40 {
				account := []string{"a", "b", "c"}[m.IntN(3)]
				events := m.recover(t, account)
				switch m.IntN(4) {
				case 0:
					events = append(events, m.retry(t, account)...)
				default:
					events = append(events, m.deliver(t, account, m.IntN(6))...)
				}
				if m.IntN(3) > 0 { // the events arrive, in part
					for _, e := range events[:m.IntN(len(events)+1)] {
						write(t, h, fileOf(e, time.Now()))
					}
				}
				switch m.IntN(8) {
				case 0:
					upkeep(t, h)
				case 1: // the process ends amid the refill
					h.writer.refill.due = true
					for range m.IntN(4) {
						must(t, h.writer.work(t.Context(), nil))
					}
					closeStill(t, h)
					if m.IntN(4) == 0 {
						must(t, os.Remove(o.Path))
					}
					h = openStill(t, o)
				}
			}
			for _, account := range []string{"a", "b", "c"} {
				m.recover(t, account)
			}
			upkeep(t, h)
			m.compare(t, h)
			upkeep(t, h)
			m.compare(t, h)
		})
	}
}

func (m *mailbox) compare(t *testing.T, h *History) {
	t.Helper()
	got := make(map[string]int)
	for _, i := range all(t, h) {
		got[i.Account+" "+i.Path]++
		if !strings.HasPrefix(i.Path, "f/retried") && !strings.HasPrefix(i.Subject, "s ") {
			t.Errorf("no subject: %+v", i)
		}
	}
	same(t, "files", m.want, got)
	sound(t, h)
}

// TestRefillOrder: a history that was lost shows the files from before by the time of their
// delivery, and below what came since.
func TestRefillOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	led := openLedger(t, filepath.Join(dir, "state"))
	now := time.Now().Truncate(time.Millisecond)
	var want []string
	for i := range 700 {
		// Staged in one order, delivered in another one.
		at := now.Add(-time.Duration((i*37)%700+1) * time.Hour)
		e := delivered("a", i)
		e.Attachment.StagingID = fmt.Sprint("s", i)
		msg := &ledger.Message{Key: ledger.Key{UIDL: e.UIDL, Size: e.Octets}, Attachments: []ledger.Attachment{e.Attachment}}
		must(t, led.Stage(t.Context(), "a", []*ledger.Message{msg}))
		must(t, led.Delivered(t.Context(), "a", []*ledger.Message{msg}, at))
	}
	h := openStill(t, Options{Path: filepath.Join(dir, "h"), Ledger: led, Search: true})
	if h.Note() != "" {
		t.Error(h.Note())
	}
	h.writer.refill.due = true
	for range 3 { // begin, list the messages, take the first of them
		must(t, h.writer.work(t.Context(), nil))
	}
	if h.Note() == "" {
		t.Error("nothing says that the files are being read in")
	}
	write(t, h, fileOf(delivered("a", 9999), now)) // meanwhile
	upkeep(t, h)
	if h.Note() != "" {
		t.Error(h.Note())
	}
	items := all(t, h)
	for _, i := range items {
		want = append(want, i.Name)
	}
	if len(items) != 701 || items[0].Name != "file-9999.pdf" || !slices.IsSortedFunc(items, func(a, b Item) int { return b.At.Compare(a.At) }) {
		t.Errorf("%d files: %q", len(items), want)
	}
	f, err := h.Search(t.Context(), Search{Since: now.Add(-30 * time.Hour), Until: now.Add(-20 * time.Hour), Limit: 100})
	must(t, err)
	if len(f.Items) != 10 {
		t.Errorf("%d files between two times, not 10", len(f.Items))
	}
	disorder, err := h.Reader.open.setting(t.Context(), keyDisorder)
	must(t, err)
	if disorder != 0 {
		t.Errorf("the order of the files is off by %d ms", disorder)
	}
}

// TestRefillReplaced: a state that was replaced, or whose newest messages were forgotten and their
// rows used again, is read from its start.
func TestRefillReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := &mailbox{Rand: rand.New(rand.NewPCG(1, 1)), ledger: openLedger(t, filepath.Join(dir, "state")), want: make(map[string]int), waiting: make(map[string][]*ledger.Message)}
	h := openStill(t, Options{Path: filepath.Join(dir, "h"), Ledger: m.ledger, Search: true})
	for range 30 {
		m.deliver(t, "a", 3)
		m.recover(t, "a")
	}
	upkeep(t, h)
	m.compare(t, h)
	for range 5 {
		_, err := m.ledger.Forget(t.Context(), "a", []ledger.Key{{UIDL: fmt.Sprint("m", m.n), Size: int64(m.n)}, {UIDL: fmt.Sprint("m", m.n-1), Size: int64(m.n - 1)}})
		must(t, err)
		m.deliver(t, "a", 3)
		m.recover(t, "a")
		upkeep(t, h)
		m.compare(t, h)
	}
	other := openLedger(t, filepath.Join(dir, "other"))
	m.ledger, h.options.Ledger = other, other
	m.deliver(t, "a", 3)
	m.recover(t, "a")
	upkeep(t, h)
	m.compare(t, h)
}

// TestRefillOfRetry: a file that another process took out of quarantine came when it was taken out,
// not when its message was first delivered.
func TestRefillOfRetry(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	led := openLedger(t, filepath.Join(dir, "state"))
	h := openStill(t, Options{Path: filepath.Join(dir, "h"), Ledger: led})
	first := time.Now().Add(-30 * 24 * time.Hour)
	kept := ledger.Attachment{StagingID: "q", Path: ".quarantine/a.eml", Size: 1, Quarantine: true}
	msg := &ledger.Message{Key: ledger.Key{UIDL: "a", Size: 5}, Attachments: []ledger.Attachment{{StagingID: "s", Path: "a.pdf"}, kept}}
	must(t, led.Stage(t.Context(), "a", []*ledger.Message{msg}))
	must(t, led.Delivered(t.Context(), "a", []*ledger.Message{msg}, first))
	upkeep(t, h)
	before := time.Now()
	upkeep(t, h)
	again := &ledger.Message{Key: msg.Key, Retried: true, Attachments: []ledger.Attachment{{Path: "a.pdf"}, {StagingID: "n", Path: "b.pdf"}}}
	must(t, led.Stage(t.Context(), "a", []*ledger.Message{again}))
	must(t, led.Delivered(t.Context(), "a", []*ledger.Message{again}, time.Now()))
	upkeep(t, h)
	items := all(t, h)
	if len(items) != 2 || items[0].Name != "b.pdf" || items[0].At.Before(before.Add(-time.Millisecond)) || !items[1].At.Equal(first.Truncate(time.Millisecond)) {
		t.Errorf("%+v", items)
	}
}

// brokenLedger fails.
type brokenLedger struct{ Ledger }

func (brokenLedger) Rows(context.Context, int64, int) ([]ledger.Row, error) {
	return nil, errors.New("the state is damaged")
}

// TestRefillBroken: a state that can't be read is no fault of the history.
func TestRefillBroken(t *testing.T) {
	t.Parallel()
	h := openStill(t, Options{Ledger: brokenLedger{}})
	write(t, h, fileOf(delivered("a", 1), time.Now()))
	upkeep(t, h)
	if h.Err() != nil || len(all(t, h)) != 1 {
		t.Error(h.Err())
	}
	if keys := slices.Collect(maps.Keys(h.writer.state.accounts)); !slices.Equal(keys, []string{"a"}) {
		t.Error(keys)
	}
}
