package fetcher

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
	"github.com/attachd/attachd/fetcher/session"
)

// TestProfiles fetches a mailbox from each server that has a profile, with and without deletion. It
// takes as many polls as needed, with the waits that failures ask for. Each message must come once
// and whole, and none may be deleted before.
func TestProfiles(t *testing.T) {
	t.Parallel()
	for _, profile := range pop3test.Profiles() {
		for _, keep := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, keep %t", profile.Name, keep), func(t *testing.T) {
				t.Parallel()
				count := 12
				if profile.Name == "gmail" {
					count = 300 // more than a session shows
				}
				want := []string{"", ".one dot\r\n", "no line end", "a\r\n\r\n.b\r\nc.\r\n", "bare\nLF\n"}
				for n := len(want); n < count; n++ {
					want = append(want, fmt.Sprintf("Subject: %d\r\n\r\ntext %s\r\n", n, strings.Repeat("x", n)))
				}
				raws := make([][]byte, count)
				for i, raw := range want {
					raws[i] = []byte(raw)
				}
				want[2] += "\r\n" // which the server adds
				w := newWorld(t)
				w.server = profile.NewServer("u0", "pw0", raws...)
				t.Cleanup(w.server.Close)
				now := time.Now()
				clock := func() time.Time { return now }
				w.supervisor.now, w.server.Throttle.Now = clock, clock
				w.account.Delete, w.account.Auth = !keep, session.Auth(profile.Login)
				w.account.Token = func(context.Context, string) (string, error) { return "pw0", nil }
				sink := &tally{memory: w.sink}
				w.account.OpenSink = func(context.Context) (delivery.Sink, error) { return sink, nil }
				w.start(t)
				polls, refused := 0, 0
				for ; polls < 3 || len(sink.copies) < count && polls < 50; polls++ {
					if err := w.once(t); err != nil {
						t.Logf("poll %d: %v", polls, err)
						refused++
					}
					if lost := count - len(sink.copies) - len(w.server.Mailbox("u0")); lost > 0 {
						t.Fatalf("%d messages were deleted before they were delivered", lost)
					}
					now = now.Add(5 * time.Minute)
				}
				if refused > 0 && w.server.Throttle.Logins == 0 {
					t.Errorf("%d polls of %d failed", refused, polls)
				}
				left := 0
				if keep {
					left = count
				}
				play{want: want, left: left}.check(t, w, sink)
				if keep && profile.Name == "gmail" {
					return // whose messages are popped
				}
				// The mailbox once more, all of it known.
				before := len(w.server.Log())
				now = now.Add(time.Hour)
				if err := w.once(t); err != nil || slices.ContainsFunc(w.server.Log()[before:], func(line string) bool { return strings.HasPrefix(line, "RETR") }) {
					t.Errorf("another poll: error %v, commands %q", err, w.server.Log()[before:])
				}
			})
		}
	}
}

// TestThrottle: a server refuses a good password for a while because of too many logins. The
// account goes on trying, and the mail comes in the end.
func TestThrottle(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"exchange-online", "outlook", "webde"} {
		profile, ok := pop3test.ProfileNamed(name)
		if !ok {
			t.Fatalf("no profile %s", name)
		}
		w := newWorld(t)
		w.server = profile.NewServer("u0", "pw0")
		t.Cleanup(w.server.Close)
		w.server.Throttle.Logins = 2
		now := time.Now()
		clock := func() time.Time { return now }
		w.supervisor.now, w.server.Throttle.Now = clock, clock
		w.account.Auth = session.Auth(profile.Login)
		w.account.Token = func(context.Context, string) (string, error) { return "pw0", nil }
		w.start(t)
		for n := range 4 {
			w.server.Append("u0", pop3test.Message{UIDL: fmt.Sprint("new-", n), Raw: fmt.Appendf(nil, "message %d\r\n", n)})
			err := w.once(t)
			if n < 2 && err != nil || n >= 2 && (err == nil || !strings.Contains(err.Error(), w.server.Throttle.Answer)) {
				t.Errorf("%s: poll %d: error %v", name, n, err)
			}
		}
		now = now.Add(w.server.Throttle.Window)
		if err := w.once(t); err != nil || len(w.sink.Files()) != 4 {
			t.Errorf("%s: behind the wait: %d messages, error %v; want 4", name, len(w.sink.Files()), err)
		}
	}
}
