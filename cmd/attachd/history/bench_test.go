package history

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/ledger"
)

// The size of the history that the benchmarks ask.
const (
	benchAccounts = 10_000
	benchItems    = 1_000_000
)

// benchLimit is what no view of the page may exceed.
const benchLimit = 100 * time.Millisecond

var benchWords = []string{
	"rechnung", "invoice", "scan", "lieferschein", "order", "bestellung", "report", "angebot", "statement", "fattura", "delivery", "quittung", "meter",
	"kontoauszug", "gutschrift", "purchase", "supplier", "timesheet", "zeugnis", "protokoll", "factura", "reminder", "mahnung", "vertrag", "contract",
}

func benchName(account int) string { return fmt.Sprintf("mailbox-%05d", account) }

// benchFile is a file of a skewed load: a tenth of the mail goes to ten accounts.
func benchFile(r *rand.Rand, i int, at time.Time) file {
	word := func() string { return benchWords[r.IntN(len(benchWords))] }
	account := 1 + r.IntN(benchAccounts)
	if r.IntN(10) == 0 {
		account = 1 + r.IntN(10)
	}
	ext := []string{"pdf", "pdf", "pdf", "xml", "jpg", "zip", "csv", "eml"}[r.IntN(8)]
	name := fmt.Sprintf("%s-%d.%s", word(), r.IntN(1_000_000), ext)
	host := fmt.Sprintf("%s%d.example.org", []string{"supplier", "shop", "bank", "office", "meters", "copier"}[r.IntN(6)], r.IntN(400))
	from := fmt.Sprintf("%s %s <%s@%s>", word(), word(), []string{"billing", "noreply", "info", "sales", "office", "scan"}[r.IntN(6)], host)
	f := file{
		at: at, account: benchName(account), uidl: fmt.Sprintf("%016x", i/2), octets: int64(i / 2), envelope: ledger.Envelope{From: from, Subject: fmt.Sprintf("%s %d %s", word(), r.IntN(100_000), word())},
		attachment: ledger.Attachment{Path: "2026/11/" + name, OriginalName: name, MediaType: "application/octet-stream", Size: int64(r.IntN(1_000_000))},
	}
	is := digest.Digest{Kind: digest.Own}
	for i := range is.Sum {
		is.Sum[i] = byte(r.Uint32())
	}
	f.attachment.Digests = is.Set()
	return f
}

// benchHistory returns a history of a million items. The first call makes it, in a few minutes;
// later ones, of other runs too, take a copy from the folder for temporary files.
func benchHistory(b *testing.B) *History {
	b.Helper()
	path := filepath.Join(os.TempDir(), fmt.Sprintf("attachd-bench-history-%d-%d.db", schemaVersion, benchItems))
	o := Options{Path: path, Search: true, Zone: time.UTC, Keep: 10 * defaultKeep, patience: searchTime}
	if _, err := os.Stat(path); err != nil {
		o.Path = path + ".new"
		for _, suffix := range sqliteSuffixes {
			os.Remove(o.Path + suffix)
		}
		fill(b, o)
		if err := os.Rename(o.Path, path); err != nil {
			b.Fatal(err)
		}
		o.Path = path
	}
	return openTest(b, o)
}

func fill(b *testing.B, o Options) {
	h, err := Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, 7))
	now := time.Now()
	start := now
	const step = 5000
	for from := 0; from < benchItems; from += step {
		must(b, h.writer.batch(b.Context(), func(t *batch) error {
			for i := from; i < from+step; i++ {
				if _, err := t.file(benchFile(r, i, now.Add(-time.Duration(benchItems-i)*20*time.Second)), false); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	b.Logf("%d items in %v", benchItems, time.Since(start))
	failure := errors.New("dial tcp 192.0.2.7:995: connect: connection refused")
	for n := range keptPolls {
		must(b, h.writer.batch(b.Context(), func(t *batch) error {
			for a := 1; a <= benchAccounts; a++ {
				v := visit{account: benchName(a), at: now.Add(time.Duration(n-keptPolls) * 5 * time.Minute), took: time.Second, files: r.IntN(3)}
				if a%30 == 0 && n%3 > 0 {
					v.err = failure
				}
				if err := t.visit(v); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	for n := range 100 {
		must(b, h.writer.batch(b.Context(), func(t *batch) error {
			for i := range 1000 {
				account := 1 + r.IntN(benchAccounts)
				if i%2 == 0 {
					account = 1
				}
				if err := t.leftOut(leftOut{now.Add(time.Duration(n-100) * time.Hour), event.LeftOut{Account: benchName(account), UIDL: fmt.Sprint("x", n*1000+i), Octets: 7, Name: "logo.png", Size: 5, Why: benchWords[i%25]}}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	for i := range 5000 {
		h.Decide(Decision{At: now.Add(time.Duration(i-5000) * time.Minute), What: []string{"polled", "dropped", "retried"}[i%3], By: "192.0.2.1"})
	}
	must(b, h.Close())
	b.Logf("all in %v", time.Since(start))
}

// BenchmarkQueries makes each lookup of the page in a history of 10,000 accounts and a million
// items. It reports the slowest and the median in milliseconds, the time of processors, and the
// median as a share of what a view may take.
func BenchmarkQueries(b *testing.B) {
	h := benchHistory(b)
	now := time.Now()
	searches := []struct {
		name string
		s    Search
	}{
		{"newest", Search{}},
		{"deep", Search{Before: firstLive + 500_000}},
		{"newer", Search{After: firstLive + 500_000}},
		{"account", Search{Account: benchName(4711)}},
		{"account-big", Search{Account: benchName(5)}},
		{"kind", Search{Kind: KindTable}},
		{"account-kind", Search{Account: benchName(5), Kind: KindMessage}},
		{"day", Search{Since: now.Add(-72 * time.Hour), Until: now.Add(-48 * time.Hour)}},
		{"day-long-ago", Search{Since: now.Add(-200 * 24 * time.Hour), Until: now.Add(-199 * 24 * time.Hour)}},
		{"name-common", Search{Name: "rechnung"}},
		{"name-very-common", Search{Name: "pdf"}},
		{"name-rare", Search{Name: "-777123."}},
		{"name-none", Search{Name: "zzzzqqq"}},
		{"name-short", Search{Name: "7."}},
		{"name-short-none", Search{Name: "ä"}},
		{"name-common-deep", Search{Name: "rechnung", Before: firstLive + 300_000}},
		{"name-common-newer", Search{Name: "rechnung", After: firstLive + 300_000}},
		{"sender-host", Search{Sender: "@bank17.example.org"}},
		{"sender-none", Search{Sender: "@bank417.example.org"}},
		{"sender-parts", Search{Sender: "noreply@bank17.example.orgx"}},
		{"two-texts", Search{Name: "invoice", Sender: "bank17"}},
		{"two-texts-rare", Search{Name: "invoice-77", Subject: "zeugnis 77"}},
		{"text-account", Search{Name: "pdf", Account: benchName(4711)}},
		{"text-account-big", Search{Name: "quittung", Account: benchName(5)}},
		{"text-account-none", Search{Name: "zzzqqq", Account: benchName(5)}},
		{"text-kind-none", Search{Name: "pdf", Kind: KindTable}},
		{"text-day", Search{Name: "mahnung", Since: now.Add(-200 * 24 * time.Hour), Until: now.Add(-199 * 24 * time.Hour)}},
		{"text-day-none", Search{Name: "vertrag", Subject: "zeugnis 123456", Since: now.Add(-24 * time.Hour)}},
		{"umlaut", Search{Name: "für"}},
	}
	ctx := b.Context()
	for _, s := range searches {
		bench(b, "search/"+s.name, func(r *rand.Rand) error {
			_, err := h.Search(ctx, s.s)
			return err
		})
	}
	any := func(r *rand.Rand) string { return benchName(1 + r.IntN(benchAccounts)) }
	bench(b, "item", func(r *rand.Rand) error {
		_, err := h.Item(ctx, firstLive+int64(r.IntN(benchItems)))
		return err
	})
	bench(b, "of-message", func(r *rand.Rand) error {
		i, err := h.Item(ctx, firstLive+int64(r.IntN(benchItems)))
		if err == nil {
			_, _, err = h.OfMessage(ctx, i.Account, i.Message)
		}
		return err
	})
	bench(b, "polls", func(r *rand.Rand) error { _, err := h.Polls(ctx, any(r), 80); return err })
	bench(b, "last-polls", func(*rand.Rand) error { _, err := h.LastPolls(ctx, 40); return err })
	bench(b, "troubles", func(r *rand.Rand) error {
		_, err := h.Troubles(ctx, any(r), now.Add(-keepTroubles), 100)
		return err
	})
	bench(b, "troubles-all", func(*rand.Rand) error { _, err := h.Troubles(ctx, "", now.Add(-keepTroubles), 100); return err })
	bench(b, "open-troubles", func(*rand.Rand) error { _, err := h.OpenTroubles(ctx); return err })
	bench(b, "left-out", func(*rand.Rand) error {
		_, err := h.LeftOutSince(ctx, benchName(1), now.Add(-keepLeftOut))
		return err
	})
	bench(b, "hours", func(*rand.Rand) error { _, err := h.Hours(ctx, now.Add(-24*time.Hour), 24); return err })
	bench(b, "days", func(*rand.Rand) error { _, err := h.Days(ctx, now.AddDate(0, 0, -30), 31); return err })
	bench(b, "totals", func(r *rand.Rand) error { _, err := h.Totals(ctx, any(r)); return err })
	bench(b, "decisions", func(*rand.Rand) error {
		_, err := h.Decisions(ctx, now.Add(-keepTroubles), []string{"dropped"}, 100)
		return err
	})
}

func bench(b *testing.B, name string, fn func(*rand.Rand) error) {
	b.Run(name, func(b *testing.B) {
		r := rand.New(rand.NewPCG(1, 2))
		var took []time.Duration
		before := processorTime(b)
		for b.Loop() {
			start := time.Now()
			must(b, fn(r))
			took = append(took, time.Since(start))
		}
		spent := processorTime(b) - before
		slices.Sort(took)
		median, most := took[len(took)/2], took[len(took)-1]
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(median.Microseconds())/1000, "ms/op")
		b.ReportMetric(float64(spent.Microseconds())/1000/float64(len(took)), "cpu-ms/op") // whatever else the machine does
		b.ReportMetric(float64(most.Microseconds())/1000, "ms-at-most")
		b.ReportMetric(100*float64(median)/float64(benchLimit), "%-of-100ms")
	})
}

// processorTime returns how long processors worked for this process.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkObserve sends events as polls do: what a poll pays for the history.
func BenchmarkObserve(b *testing.B) {
	for _, reading := range []bool{false, true} {
		b.Run(fmt.Sprintf("readers=%v", reading), func(b *testing.B) {
			h := openTest(b, Options{Path: filepath.Join(b.TempDir(), "history"), Search: true})
			if reading {
				ctx, stop := context.WithCancel(b.Context())
				ended := make(chan struct{}, readers)
				for range readers {
					go func() {
						for ctx.Err() == nil {
							_, _ = h.Search(ctx, Search{Name: "rechnung"})
						}
						ended <- struct{}{}
					}()
				}
				defer func() {
					stop()
					for range readers {
						<-ended
					}
				}()
			}
			r := rand.New(rand.NewPCG(3, 3))
			var events []event.Event
			for i := range 1000 {
				f := benchFile(r, i, time.Time{})
				events = append(events, event.Started{Account: f.account}, event.Delivered{Account: f.account, UIDL: f.uidl, Envelope: f.envelope, Attachment: f.attachment}, event.Done{Account: f.account})
			}
			var most atomic.Int64
			i := 0
			for b.Loop() {
				start := time.Now()
				h.Observe(events[i%len(events)])
				most.Store(max(most.Load(), int64(time.Since(start))))
				i++
			}
			b.ReportMetric(float64(most.Load())/1e6, "ms-at-most")
		})
	}
}
