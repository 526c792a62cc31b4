package sqlite

import (
	"runtime"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// TestCostOfGroup holds what a message of a group costs in allocations. A statement of its own
// makes twelve and more: one for each message of Delivered, or a further one for each of Stage, is
// above these bounds.
func TestCostOfGroup(t *testing.T) {
	l := open(t)
	ctx := t.Context()
	deliver := func(group []*ledger.Message) (stage, delivered uint64) {
		start := mallocs()
		check(t, l.Stage(ctx, "hans", group))
		between := mallocs()
		check(t, l.Delivered(ctx, "hans", group, time.Now()))
		return between - start, mallocs() - between
	}
	deliver(benchmarkGroup(0))
	group := benchmarkGroup(1) // with 3 attachments for 2 messages
	stage, delivered := deliver(group)
	t.Logf("allocations for %d messages: %d to stage, %d to deliver", len(group), stage, delivered)
	if most := uint64(44 * len(group)); stage > most {
		t.Errorf("%d allocations to stage %d messages, at most %d expected", stage, len(group), most)
	}
	if most := uint64(20 * len(group)); delivered > most {
		t.Errorf("%d allocations to deliver %d messages, at most %d expected", delivered, len(group), most)
	}
}

// TestCostOfDeletion does so for a message that is deleted. A statement of its own would be above.
func TestCostOfDeletion(t *testing.T) {
	l := open(t)
	ctx := t.Context()
	keys := func(g int) []ledger.Key {
		group := benchmarkGroup(g)
		check(t, l.Stage(ctx, "hans", group))
		check(t, l.Delivered(ctx, "hans", group, time.Now()))
		return keysOf(group)
	}
	check(t, l.DeletePending(ctx, "hans", keys(0)))
	all := keys(1)
	start := mallocs()
	check(t, l.DeletePending(ctx, "hans", all))
	made := mallocs() - start
	t.Logf("%d allocations for %d messages", made, len(all))
	if most := uint64(18 * len(all)); made > most {
		t.Errorf("%d allocations for %d messages, at most %d expected", made, len(all), most)
	}
}

func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}
