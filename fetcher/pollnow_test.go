package fetcher

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
	"github.com/attachd/attachd/fetcher/session"
)

// TestPollNow: an account that sleeps is polled at once when PollNow asks for it. One that is being
// polled is polled again afterwards. The events come in order.
func TestPollNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	var mu sync.Mutex
	var events []string
	scheduled, hanging, goOn := make(chan struct{}, 10), make(chan struct{}), make(chan struct{})
	w.supervisor.Observe = func(e event.Event) {
		mu.Lock()
		events = append(events, strings.TrimPrefix(fmt.Sprintf("%T", e), "event."))
		mu.Unlock()
		if _, ok := e.(event.Scheduled); ok {
			scheduled <- struct{}{}
		}
	}
	polls := 0
	w.server.Hook = func(_ *pop3test.Conn, cmd, _ string) bool {
		if cmd == "UIDL" {
			if polls++; polls == 2 {
				close(hanging)
				<-goOn
			}
		}
		return false
	}
	w.start(t)
	sets, stop := w.running(t)
	sets <- []Account{w.account}
	<-scheduled
	if w.supervisor.PollNow("nobody") {
		t.Error("an account that there is not is polled")
	}
	if !w.supervisor.PollNow("lab") {
		t.Error("account lab is not polled")
	}
	<-hanging
	w.supervisor.PollNow("lab")
	w.supervisor.PollNow("lab") // once is enough
	close(goOn)
	<-scheduled
	<-scheduled
	stop()
	if w.supervisor.PollNow("lab") {
		t.Error("an account is polled although nobody polls any more")
	}
	w.server.Wait()
	if n := w.server.Sessions(); n != 3 {
		t.Errorf("%d sessions, want 3: %q", n, w.server.Log())
	}
	want := "Waiting Started LoggedIn Listed Retrieved Delivered Done Scheduled" + strings.Repeat(" Waiting Started LoggedIn Listed Done Scheduled", 2)
	if got := strings.Join(events, " "); got != want {
		t.Errorf("events\n%s, want\n%s", got, want)
	}
}

// TestPollNowKeepsLoginDelay: PollNow does not poll an account sooner than the server's LOGIN-DELAY
// allows, and makes no wait longer.
func TestPollNowKeepsLoginDelay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ ago, wait, want time.Duration }{
		{time.Minute, time.Hour, 9 * time.Minute},
		{time.Hour, time.Hour, 0},
		{time.Minute, time.Second, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLoop(&Supervisor{}, nil, Account{})
			l.loginDelay, l.result.Ended = 10*time.Minute, time.Now().Add(-tt.ago)
			l.sleep.wake()
			turns, ended := make(chan time.Time, 2), make(chan struct{})
			started := time.Now()
			l.sleep.begin(t.Context(), tt.wait, l.untilLogin, func(context.Context) time.Duration {
				turns <- time.Now()
				return time.Hour
			}, func() { close(ended) })
			if after := (<-turns).Sub(started); after != tt.want {
				t.Errorf("last polled %v ago: due after %v, want %v", tt.ago, after, tt.want)
			}
			l.leave()
			<-ended
		})
	}
}

// TestLoginDelayOutlastsRefusal: a login that the server refuses tells nothing of LOGIN-DELAY, and
// what was announced before still holds.
func TestLoginDelayOutlastsRefusal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	w.account.Auth = session.AuthPass
	w.server.Hook = announces("LOGIN-DELAY 600")
	w.start(t)
	l := w.loop(w.account)
	if err := l.poll(t.Context(), t.Context()); err != nil || l.untilLogin() < 9*time.Minute {
		t.Fatalf("error %v, %v until the next login", err, l.untilLogin())
	}
	w.server.Wait()
	w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
		if cmd == "PASS" {
			c.Reply("-ERR [LOGIN-DELAY] too soon")
		}
		return cmd == "PASS"
	}
	if err := l.poll(t.Context(), t.Context()); err == nil || l.untilLogin() < 9*time.Minute {
		t.Errorf("error %v, %v until the next login", err, l.untilLogin())
	}
}
