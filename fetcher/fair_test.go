package fetcher

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/session"
)

// The dialers below are for tests in a synctest bubble. Its clock stands still while something
// waits for a real network.

// dialSilent returns a connection to a server that never says anything.
func dialSilent(context.Context, string, string) (net.Conn, error) {
	ours, _ := net.Pipe()
	return ours, nil
}

// empty dials a mailbox without messages. Each of the server's 7 answers takes this long.
type empty time.Duration

func (each empty) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		lines := bufio.NewScanner(theirs)
		for answer := "+OK ready"; ; {
			time.Sleep(time.Duration(each))
			if _, err := io.WriteString(theirs, answer+"\r\n"); err != nil || !lines.Scan() {
				return
			}
			switch lines.Text() {
			case "CAPA":
				answer = "-ERR what?"
			case "STAT":
				answer = "+OK 0 0"
			case "UIDL", "LIST":
				answer = "+OK\r\n."
			default:
				answer = "+OK"
			}
		}
	}()
	return ours, nil
}

// fleet polls accounts for a time of the test's clock. It returns how often each account was
// polled, the longest time that one waited for the end of a poll, the first included, and the
// warnings in the log.
func fleet(t *testing.T, most, accounts int, set func(i int, a *Account), lasts time.Duration) (polls map[string]int, gaps map[string]time.Duration, warnings string) {
	t.Helper()
	w := newWorld(t)
	var log bytes.Buffer
	w.supervisor.Log = zerolog.New(zerolog.SyncWriter(&log)).Level(zerolog.WarnLevel)
	w.supervisor.MaxConcurrent = most
	polls, gaps = map[string]int{}, map[string]time.Duration{}
	last := map[string]time.Time{}
	list := make([]Account, accounts)
	for i := range list {
		a := w.account
		a.Name, a.Security, a.Auth, a.Version, a.Dial = fmt.Sprintf("a%d", i), pop3.Plaintext, session.AuthPass, i, empty(100*time.Millisecond).dial
		a.Addr = a.Name + ":110"
		set(i, &a)
		list[i] = a
		polls[a.Name], last[a.Name] = 0, time.Now()
	}
	var mu sync.Mutex
	seen := func(account string) {
		mu.Lock()
		defer mu.Unlock()
		gaps[account] = max(gaps[account], time.Since(last[account]))
		last[account] = time.Now()
	}
	w.supervisor.Observe = func(e event.Event) {
		if done, ok := e.(event.Done); ok {
			seen(done.Account)
			mu.Lock()
			defer mu.Unlock()
			polls[done.Account]++
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	sets := make(chan []Account)
	var run sync.WaitGroup
	run.Go(func() { w.supervisor.Run(ctx, sets) })
	sets <- list
	time.Sleep(lasts)
	for _, a := range list {
		seen(a.Name)
	}
	cancel()
	run.Wait()
	time.Sleep(time.Second) // until the servers have seen it
	return polls, gaps, log.String()
}

// TestHungHosts: far more hosts hang than there are slots. They delay the others only until attachd
// has seen that they hang.
func TestHungHosts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const hung, interval = 40, 10 * time.Second
		polls, gaps, warnings := fleet(t, 4, hung+2, func(i int, a *Account) {
			a.Interval = interval
			if i < hung {
				a.Dial = dialSilent
			}
		}, 10*time.Minute)
		for _, name := range []string{"a40", "a41"} {
			// 4 at a time are seen through.
			if gap := gaps[name]; gap > interval+hung/4*silentAfter+2*time.Second || polls[name] < 48 {
				t.Errorf("%s was polled %d times in 10 minutes, once after %v", name, polls[name], gap)
			}
		}
		if polls["a0"] == 0 {
			t.Error("a host that hangs was not polled")
		}
		if n := strings.Count(warnings, "polls come late"); n > 1 {
			t.Errorf("%d warnings that polls come late", n)
		}
	})
}

// TestFirstPollsFirst: a start spreads the first polls over one interval at most. Otherwise some
// accounts would be polled several times before others are polled once.
func TestFirstPollsFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		polls, gaps, warnings := fleet(t, 100, 300, func(i int, a *Account) {
			a.Interval = 3 * time.Second
			a.Addr = fmt.Sprintf("host%d:110", i%100)
		}, 10*time.Second)
		counts := slices.Sorted(maps.Values(polls))
		if least, most := counts[0], counts[len(counts)-1]; least < 1 || most > least+2 {
			t.Errorf("accounts were polled from %d to %d times", least, most)
		}
		if wait := slices.Max(slices.Collect(maps.Values(gaps))); wait > 6*time.Second {
			t.Errorf("an account waited %v for a poll", wait)
		}
		if strings.Contains(warnings, "polls come late") {
			t.Error("a warning that polls come late")
		}
	})
}

// TestLate: more accounts than can be polled within their interval take turns. The log says so once
// an hour.
func TestLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		polls, _, warnings := fleet(t, 1, 20, func(_ int, a *Account) {
			a.Interval, a.Dial = time.Minute, empty(time.Second).dial
		}, 65*time.Minute)
		counts := slices.Sorted(maps.Values(polls))
		if least, most := counts[0], counts[len(counts)-1]; least < 20 || most > least+1 {
			t.Errorf("accounts were polled from %d to %d times", least, most)
		}
		if n := strings.Count(warnings, "polls come late"); n != 2 || !strings.Contains(warnings, `"max_concurrent":1`) {
			t.Errorf("%d warnings: %s", n, warnings)
		}
	})
}
