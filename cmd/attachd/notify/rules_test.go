package notify_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/attachd/attachd/config"
)

// TestOneHostDown: two hundred accounts of one host are one notice, and one when it is over.
func TestOneHostDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var accounts []string
		for i := range 200 {
			accounts = append(accounts, fmt.Sprintf("bulk%03d@mx.bulk", i))
		}
		w := newWorld(t, accounts...)
		w.outages = []outage{{span{at(1, 1, 0), at(1, 3, 0)}, "bulk", down}}
		w.start()
		defer w.end()
		w.until(at(1, 6, 0))
		w.wants("1 01:31 ops: begin connection_refused 200", "1 03:05 ops: end connection_refused 200")
		if text := w.bodies[0]; !strings.Contains(text, "bulk009 and 190 more") || strings.Contains(text, "bulk010") {
			t.Errorf("the notice is\n%s", text)
		}
	})
}

// TestAtOnce: what begins within a minute is one notice, and what is over within it is none.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "hans@mx.a", "eva@mx.b")
		w.outages = []outage{{span{at(1, 1, 0), at(1, 5, 0)}, "", revoked}}
		w.start()
		defer w.end()
		w.until(at(1, 1, 0))
		w.set(func() { w.quarantine["hans"] = 1 })
		w.until(at(1, 2, 0))
		// The second account has the same trouble with another server.
		w.wants("1 01:01 ops: begin sign_in_ended 1, begin quarantine 1", "1 01:05 ops: begin sign_in_ended 1")
		w.board.Refused([]string{"attachd.yaml:3:1: x: unknown key"})
		time.Sleep(30 * time.Second)
		w.board.Configured(w.config, nil)
		w.until(at(1, 3, 0))
		w.wants()
		w.board.Refused([]string{"attachd.yaml:3:1: x: unknown key"})
		w.until(at(1, 4, 0))
		w.wants("1 03:01 ops: begin config_faulty 0")
	})
}

// TestFlapping: a trouble that comes and goes is told once in half an hour.
func TestFlapping(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "hans@mx.a")
		for minute := 0; minute < 60; minute += 10 {
			w.outages = append(w.outages, outage{span{at(1, 1, minute), at(1, 1, minute+5)}, "hans", revoked})
			w.outages = append(w.outages, outage{span{at(1, 2, minute), at(1, 2, minute+5)}, "hans", down})
		}
		w.start()
		defer w.end()
		w.until(at(1, 6, 0))
		w.wants("1 01:01 ops: begin sign_in_ended 1", "1 01:06 ops: end sign_in_ended 1", "1 01:32 ops: begin sign_in_ended 1", "1 01:36 ops: end sign_in_ended 1")
	})
}

// TestLate: polls that come late are told when they have done so for half an hour.
func TestLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "hans@mx.a")
		w.config.Accounts[0].Interval = 7 * time.Minute
		w.start()
		defer w.end()
		w.until(at(1, 1, 0))
		w.config.Accounts[0].Interval = 5 * time.Minute
		w.board.Configured(w.config, nil)
		w.late = true
		w.until(at(1, 3, 0))
		w.late = false
		w.until(at(1, 4, 0))
		if len(w.told) != 2 || !strings.HasPrefix(w.told[0], "1 01:3") || !strings.Contains(w.told[0], "begin polls_late 1") || !strings.HasPrefix(w.told[1], "1 03:") || !strings.Contains(w.told[1], "end polls_late 1") {
			t.Errorf("told %q", w.told)
		}
	})
}

// TestRestart: attachd is stopped and started in the middle of troubles. What was told is not told
// again, what was not still is, and nothing is over before it is known to be.
func TestRestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "hans@mx.a", "eva@mx.b", "token@mx.c")
		w.outages = []outage{
			{span{at(1, 1, 0), at(1, 4, 0)}, "hans", down},
			{span{at(1, 1, 45), at(1, 4, 0)}, "eva", down},
			{span{at(1, 1, 0), at(1, 2, 2)}, "token", revoked},
		}
		w.start()
		w.until(at(1, 2, 0))
		w.set(func() { w.quarantine["eva"] = 1 })
		time.Sleep(30 * time.Second) // the notice of it waits for others
		w.wants("1 01:04 ops: begin sign_in_ended 1", "1 01:31 ops: begin connection_refused 1")
		w.end()
		if info, err := os.Stat(w.state); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file is %v, %v", info, err)
		}
		w.start()
		w.until(at(1, 2, 25))
		// The sign-in was put right while nobody looked. It is over once a poll has shown it.
		w.wants("1 02:01 ops: begin quarantine 1", "1 02:04 ops: end sign_in_ended 1", "1 02:20 ops: begin connection_refused 1")
		w.end()
		w.start()
		w.until(at(1, 6, 0))
		w.wants("1 04:01 ops: end connection_refused 1", "1 04:05 ops: end connection_refused 1")
		w.end()
	})
}

// TestLastWords: a notice that is on its way when attachd stops still arrives, and is told once.
func TestLastWords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "hans@mx.a")
		w.outages = []outage{{span{at(1, 1, 0), at(1, 3, 0)}, "hans", revoked}}
		w.slow = 2 * time.Second
		w.start()
		w.until(at(1, 1, 0) + 10*time.Second) // the poll fails
		w.untilTold()
		w.wants()
		w.end()
		w.wants("1 01:01 ops: begin sign_in_ended 1")
		w.start()
		w.until(at(1, 2, 0))
		w.wants()
		w.set(func() { w.slow, w.tries = time.Hour, 0 }) // and one that takes too long is told after the start
		w.until(at(1, 3, 0) + 30*time.Second)
		w.untilTold()
		begun := time.Now()
		w.end()
		if took := time.Since(begun); took > 4*time.Second {
			t.Errorf("the end took %s", took)
		}
		w.set(func() { w.slow = 0 })
		w.start()
		w.until(at(1, 4, 0))
		if len(w.told) != 1 || !strings.Contains(w.told[0], "ops: end sign_in_ended 1") {
			t.Errorf("told %q", w.told)
		}
		w.end()
	})
}

// TestReceiverDown: a receiver that never answers costs a bounded number of tries. The others hear
// of it, and it is told what it missed, as far as that was kept.
func TestReceiverDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "hans@mx.a")
		w.outages = []outage{{span{at(1, 1, 0), at(1, 2, 0)}, "hans", down}, {span{at(4, 1, 0), at(9, 2, 0)}, "hans", refused}}
		w.start()
		defer w.end()
		w.set(func() { w.silent = true })
		w.until(at(2, 0, 0))
		if w.tries > 40 {
			t.Errorf("%d tries within a day", w.tries)
		}
		if got := w.notifier.Failures(); len(got) != 1 || got[0].Name != "webhook" || got[0].Error != "no answer within 10s" || got[0].Since.Sub(w.begun).Round(time.Hour) != 2*time.Hour {
			t.Errorf("failures %+v", got)
		}
		s := w.board.Snapshot()
		if len(s.NeedsYou) != 1 || s.NeedsYou[0].Class != "notices_fail" {
			t.Errorf("needs you: %+v", s.NeedsYou)
		}
		w.until(at(5, 0, 0))
		w.wants()
		w.set(func() { w.silent = false })
		w.until(at(5, 2, 0))
		if len(w.told) != 1 || !strings.Contains(w.told[0], "ops: begin login_refused 1 (1 dropped)") {
			t.Errorf("told %q", w.told)
		}
		if got := w.notifier.Stats(); got.Sent != 1 || got.Dropped != 1 || got.Failed < 50 {
			t.Errorf("stats %+v", got)
		}
		if s := w.board.Snapshot(); len(s.NeedsYou) != 1 || s.NeedsYou[0].Class != "login_refused" || len(w.notifier.Failures()) != 0 {
			t.Errorf("needs you: %+v", s.NeedsYou)
		}
		if n := strings.Count(w.log.String(), "notice not delivered"); n != 1 {
			t.Errorf("%d lines of log, want 1", n)
		}
	})
}

// TestAccounts: a receiver of some accounts sees nothing of the others.
func TestAccounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "hans@mx.a", "eva@mx.a", "zoe@mx.b")
		w.config.Notify.To = append(w.config.Notify.To, webhook("some", "h*", "zo?"))
		w.outages = []outage{{span{at(1, 1, 0), at(1, 2, 0)}, "", down}}
		w.start()
		defer w.end()
		w.set(func() { w.quarantine = map[string]int{"hans": 2, "eva": 3}; w.free = 0 })
		w.until(at(1, 0, 30))
		w.wants("1 00:01 ops: begin disk_low 0, begin quarantine 2", "1 00:01 some: begin quarantine 1")
		w.until(at(1, 4, 0))
		w.wants(
			"1 01:31 ops: begin connection_refused 2", "1 01:31 some: begin connection_refused 1", // mx.a
			"1 01:34 ops: begin connection_refused 1", "1 01:34 some: begin connection_refused 1", // mx.b
			"1 02:01 some: end connection_refused 1",
			"1 02:04 ops: end connection_refused 2, end connection_refused 1", "1 02:04 some: end connection_refused 1",
		)
		titles := 0
		for _, body := range w.bodies {
			if strings.HasPrefix(body, "some.") && strings.Contains(body, "eva") {
				t.Errorf("it is told of eva:\n%s", body)
			}
			if strings.Contains(body, `"title":"2 messages in quarantine: hans"`) || strings.Contains(body, "    connect to mx of hans") {
				titles++
			}
		}
		if titles != 3 {
			t.Errorf("%d notices tell of hans what they should, want 3:\n%s", titles, strings.Join(w.bodies, "\n"))
		}
	})
}

// TestReload: a receiver that a new configuration has as before goes on; a new one is told what
// there is, and one that is gone nothing.
func TestReload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "hans@mx.a")
		w.config.Notify.To = append(w.config.Notify.To, webhook("goes"))
		w.outages = []outage{{span{at(1, 1, 0), at(1, 4, 0)}, "hans", revoked}}
		w.start()
		defer w.end()
		w.until(at(1, 2, 0))
		if len(w.told) != 2 {
			t.Errorf("told %q", w.told)
		}
		w.told = nil
		c := *w.config
		c.Notify.To = []config.Target{webhook("comes"), webhook("ops")}
		w.notifier.Configure(&c)
		w.until(at(1, 3, 0))
		w.wants("1 02:01 comes: begin sign_in_ended 1")
	})
}

// TestToldAhead: what was told while the clock was years ahead keeps nothing back once the clock is
// right, for longer than what was told just now would.
func TestToldAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "hans@mx.a")
		w.outages = []outage{{span{at(1, 1, 0), at(1, 1, 5)}, "", revoked}, {span{at(1, 1, 20), at(1, 3, 0)}, "", revoked}}
		w.start()
		w.until(at(1, 1, 10))
		w.wants("1 01:01 ops: begin sign_in_ended 1", "1 01:06 ops: end sign_in_ended 1")
		w.end()
		data, err := os.ReadFile(w.state)
		if err != nil {
			t.Fatal(err)
		}
		ahead := strings.ReplaceAll(string(data), `"2000-`, `"2036-`)
		if ahead == string(data) {
			t.Fatalf("no time is on record: %s", data)
		}
		if err := os.WriteFile(w.state, []byte(ahead), 0o600); err != nil {
			t.Fatal(err)
		}
		w.start()
		defer w.end()
		w.until(at(1, 2, 30))
		w.wants("1 01:41 ops: begin sign_in_ended 1")
	})
}
