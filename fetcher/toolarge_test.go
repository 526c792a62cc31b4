package fetcher

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// TestTooLargeIsCounted: each poll counts the messages that stay for their size, in its last line
// and in the ledger, also behind max_messages and without UIDLs. The log warns once, although each
// of these polls is the first one of a process.
func TestTooLargeIsCounted(t *testing.T) {
	t.Parallel()
	big := "big " + strings.Repeat("x", 1000)
	for name, nameless := range map[string]bool{"by UIDL": false, "without UIDLs": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "one", big, "two", big)
			if nameless {
				w.server.Hook, w.account.Delete = noUIDL, true
			}
			w.account.MaxMessageSize, w.account.MaxMessages = 500, 1
			var log bytes.Buffer
			w.supervisor.Log = zerolog.New(&log)
			w.start(t)
			poll := func(want int) {
				t.Helper()
				if err := w.once(t); err != nil {
					t.Fatal(err)
				}
				if n, err := w.ledger.TooLarge(t.Context(), w.account.Name); err != nil || n != want {
					t.Errorf("the ledger has %d, error %v, want %d", n, err, want)
				}
			}
			for range 3 {
				poll(2)
			}
			w.account.MaxMessageSize, w.account.MaxMessages = 2000, 0
			poll(0)
			w.account.MaxMessageSize = 500 // those that were fetched are not meant
			poll(0)
			if got := values(lines(t, &log, "poll done"), "too_large"); got != "2 2 2 0 0" {
				t.Errorf("counted %s", got)
			}
			if said := lines(t, &log, "left messages on the server that are too large"); values(said, "messages") != "2" || values(said, "level") != "warn" {
				t.Errorf("said %v", said)
			}
		})
	}
}
