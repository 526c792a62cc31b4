package notify_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/attachd/attachd/config"
)

// TestOnce: polls that are made once, time and again by cron, tell what a daemon tells: each thing
// once, and nothing is left for a process that is gone.
func TestOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "hans@mx.a")
		w.once, w.slow = true, 10*time.Second
		w.outages = []outage{{span{at(1, 1, 0), at(1, 3, 0)}, "", down}}
		for now := at(1, 0, 10); now < at(1, 5, 0); now += 10 * time.Minute {
			time.Sleep(now - time.Since(w.begun))
			w.start()
			time.Sleep(15 * time.Second)
			w.poll("hans", now)
			w.board.Refresh()
			w.end()
		}
		w.wants("1 01:30 ops: begin connection_refused 1", "1 03:00 ops: end connection_refused 1")
	})
}

// TestOncePings: the URL for all accounts hears of each run how it ended, or the service behind it
// would miss it.
func TestOncePings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "hans@mx.a")
		w.once, w.pings = true, true
		w.config.Notify.To, w.config.Ping = nil, config.InlineSecret("https://ping.example/all?key="+canary)
		w.outages = []outage{{span{at(1, 1, 0), at(1, 2, 0)}, "", revoked}}
		for _, now := range []time.Duration{at(1, 0, 10), at(1, 1, 0), at(1, 2, 0)} {
			time.Sleep(now - time.Since(w.begun))
			w.start()
			w.poll("hans", now)
			w.board.Refresh()
			time.Sleep(time.Second)
			w.notifier.Polled()
			w.end()
		}
		w.wants(
			"1 00:10 GET /all", "1 00:10 GET /all/start",
			"1 01:00 GET /all/start", "1 01:00 POST /all/fail One thing needs you.",
			"1 02:00 GET /all", "1 02:00 GET /all/start",
		)
	})
}
