package sqlite

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/ledger"
)

func benchmarkGroup(g int) []*ledger.Message {
	var group []*ledger.Message
	for i := range 256 {
		m := message(fmt.Sprintf("%08x%08x", g, i), 10_000, 1+i%2)
		m.Envelope = ledger.Envelope{From: "Erika Mustermann <erika@example.org>", To: "rechnungen@example.com", Subject: fmt.Sprint("Rechnung ", i), Date: time.UnixMilli(1_700_000_000_000)}
		group = append(group, m)
	}
	return group
}

// BenchmarkStage records groups of 256 messages with 384 attachments and
// reports how many rows it writes per second, and that as a ratio to a bare
// loop of INSERTs of the same rows in one transaction.
func BenchmarkStage(b *testing.B) {
	l, peer := open(b), open(b)
	ctx := b.Context()
	one, file := peer.write.message.atOnce[len(peer.write.message.rows)-1], peer.write.attachment.atOnce[0]
	id := int64(0)
	var ours, bare, finish time.Duration
	rows := 0
	for g := 0; b.Loop(); g++ {
		group := benchmarkGroup(g)
		start := time.Now()
		check(b, l.Stage(ctx, "hans", group))
		ours += time.Since(start)

		start = time.Now()
		check(b, l.Delivered(ctx, "hans", group, start))
		finish += time.Since(start)

		start = time.Now()
		check(b, peer.change(ctx, "hans", "test", func(ctx context.Context, c *change) error {
			for _, m := range group {
				rows += 1 + len(m.Attachments)
				id++
				if _, err := c.exec(ctx, one, appendStaged([]any{id, c.id, []byte(m.UIDL), 0}, m, ledger.Delivered)...); err != nil {
					return err
				}
				for n, a := range m.Attachments {
					sum := a.Content().Digest.Sum
					if _, err := c.exec(ctx, file, id, n, c.id, a.StagingID, a.Path, a.OriginalName, a.MediaType, a.Size, sum[:], digest.Own, false); err != nil {
						return err
					}
				}
			}
			return nil
		}))
		bare += time.Since(start)
	}
	b.ReportMetric(float64(rows)/ours.Seconds(), "rows/s")
	b.ReportMetric(float64(ours)/float64(bare), "of-bare-loop")
	b.ReportMetric(float64(ours.Microseconds())/float64(b.N)/1000, "ms/stage")
	b.ReportMetric(float64(finish.Microseconds())/float64(b.N)/1000, "ms/delivered")
}

// BenchmarkLookup asks for 100,000 UIDLs, half of them known, as a poll of a
// big mailbox does, and as a ratio to one query that reads the same rows.
func BenchmarkLookup(b *testing.B) {
	l := open(b)
	ctx := b.Context()
	var uidls []string
	for g := range 200 {
		var group []*ledger.Message
		for i := range 250 {
			m := message(fmt.Sprintf("%08x%08x", g, i), 10_000, 0)
			group = append(group, m)
			uidls = append(uidls, m.UIDL, "absent-"+m.UIDL)
		}
		check(b, l.Stage(ctx, "hans", group))
	}
	var ours, scan time.Duration
	for b.Loop() {
		start := time.Now()
		records, err := l.Lookup(ctx, "hans", uidls)
		check(b, err)
		if len(records) != len(uidls)/2 {
			b.Fatalf("%d records", len(records))
		}
		ours += time.Since(start)

		start = time.Now()
		rows, err := l.reader.QueryContext(ctx, "SELECT uidl, size, state, delivered, attempts, next_attempt FROM message")
		check(b, err)
		n := 0
		for rows.Next() {
			var values [6]any
			check(b, rows.Scan(&values[0], &values[1], &values[2], &values[3], &values[4], &values[5]))
			n++
		}
		check(b, rows.Close())
		scan += time.Since(start)
	}
	b.ReportMetric(float64(ours.Microseconds())/float64(b.N)/1000, "ms/100k")
	b.ReportMetric(float64(ours)/float64(scan), "of-full-scan")
}

// BenchmarkLookupFew asks for the UIDLs of a small mailbox, as most polls do.
func BenchmarkLookupFew(b *testing.B) {
	for _, n := range []int{1, 3, 20, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := open(b)
			var group []*ledger.Message
			var uidls []string
			for i := range n {
				group = append(group, message(fmt.Sprintf("%08x", i), 10_000, 0))
				uidls = append(uidls, group[i].UIDL)
			}
			check(b, l.Stage(b.Context(), "hans", group))
			b.ReportAllocs()
			for b.Loop() {
				records, err := l.Lookup(b.Context(), "hans", uidls)
				check(b, err)
				if len(records) != n {
					b.Fatalf("%d records", len(records))
				}
			}
		})
	}
}
