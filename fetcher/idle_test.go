package fetcher

import (
	"testing"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/session"
)

// TestAllocationsOfEmptyPoll: a poll that finds nothing new allocates little, its server's part in
// the same process included. TLS is left out: that is for crypto/tls.
func TestAllocationsOfEmptyPoll(t *testing.T) {
	const most = 560
	w := newWorld(t, "one")
	w.server.Plaintext = true
	w.start(t)
	w.supervisor.Log = zerolog.Nop()
	w.account.Security, w.account.Auth = pop3.Plaintext, session.AuthPass
	l := w.loop(w.account)
	poll := func() {
		if err := l.poll(t.Context(), t.Context()); err != nil {
			t.Fatal(err)
		}
		w.server.Wait()
	}
	poll()
	poll()
	if n := testing.AllocsPerRun(20, poll); n > most {
		t.Errorf("%.0f allocations, want at most %d", n, most)
	} else {
		t.Logf("%.0f allocations", n)
	}
}
