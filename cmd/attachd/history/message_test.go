package history

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/event"
)

// TestBatchesAreTheSame: records become the same messages and items however many of them make a
// transaction, also those that concern one message or one file several times.
func TestBatchesAreTheSame(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	var records []any
	for n := range 300 {
		is := delivered(fmt.Sprint("account ", random.IntN(2)), random.IntN(40))
		is.Octets = int64(random.IntN(3)) * 10 // 0: nobody knows it
		is.Attachment.Path = fmt.Sprint("file ", random.IntN(2))
		if random.IntN(3) == 0 {
			is.Repairs = []string{fmt.Sprint("mended ", n)}
		}
		at := time.UnixMilli(1_700_000_000_000 + int64(n))
		if random.IntN(8) == 0 {
			records = append(records, leftOut{at, event.LeftOut{Account: is.Account, UIDL: is.UIDL, Octets: is.Octets, Name: "logo", Why: "small"}})
			continue
		}
		records = append(records, fileOf(is, at))
	}
	write := func(atOnce int) (all []string) {
		h := openStill(t, Options{Items: 1000, Keep: 100 * 365 * 24 * time.Hour})
		for rest := records; len(rest) > 0; rest = rest[min(atOnce, len(rest)):] {
			must(t, h.writer.write(t.Context(), rest[:min(atOnce, len(rest))]))
		}
		for _, query := range []string{
			"SELECT m.id || ' ' || a.name || ' ' || uidl || ' ' || size FROM message AS m JOIN account AS a ON a.id = m.account ORDER BY m.id",
			"SELECT id || ' ' || at || ' ' || message || ' ' || path || ' ' || coalesce(repairs, '') FROM item ORDER BY id",
			"SELECT message || ' ' || at FROM left_out ORDER BY id",
			"SELECT name || ' ' || files || ' ' || bytes FROM account ORDER BY name",
		} {
			rows, err := h.writer.db.conn.QueryContext(t.Context(), query)
			must(t, err)
			defer rows.Close()
			for rows.Next() {
				var text string
				must(t, rows.Scan(&text))
				all = append(all, text)
			}
			must(t, rows.Err())
		}
		return all
	}
	one := write(1)
	for _, atOnce := range []int{7, rowsAtOnce, 100, len(records)} {
		same(t, fmt.Sprint(atOnce, " at once"), one, write(atOnce))
	}
}
