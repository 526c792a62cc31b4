package fetcher

import (
	"bytes"
	"testing"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestDeliveredBeforeIsLogged: a message that comes again and is not delivered again is counted,
// and the log has a line of it: without a UIDL at the level info where it is deleted, and at debug
// where it stays and comes at every poll; put back under another UIDL as a warning.
func TestDeliveredBeforeIsLogged(t *testing.T) {
	t.Parallel()
	const before = "message was delivered before"
	for name, tt := range map[string]struct {
		uidls, empty        bool
		body                string
		count, level, texts string
	}{
		"sent again, without UIDL": {body: "one", empty: true, count: "0 1 0", level: "info", texts: before + ": it is not delivered again, and is to be deleted on the server"},
		"without a file, it stays": {body: "plain", count: "0 1 1", level: "debug debug", texts: before + ": it is not delivered again " + before + ": it is not delivered again"},
		"put back":                 {uidls: true, body: "one", empty: true, count: "0 1 0", level: "warn", texts: before + " and deleted, and is there again: it is left on the server"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, log := newSieve(t)
			w.account.Delete, w.account.DeleteEmpty = true, tt.empty
			w.sink.messageIDs = true
			if !tt.uidls {
				w.server.Hook = noUIDL
			}
			header := []string{"Message-ID: <1@x>", "Date: Mon, 1 Jan 2024 10:00:00 +0100", "Received: by mx; Mon, 1 Jan 2024 10:00:01 +0100"}
			w.server.Mailboxes["u0"] = []pop3test.Message{mail("a", tt.body, header...)}
			w.start(t)
			for range 3 {
				if err := w.once(t); err != nil {
					t.Fatal(err)
				}
				if len(lines(t, log, "poll done")) == 1 {
					w.server.Replace("u0", mail("b", tt.body, header...))
				}
			}
			said, done := lines(t, log, before), lines(t, log, "poll done")
			if values(said, "message") != tt.texts || values(said, "level") != tt.level || values(done, "delivered_before") != tt.count {
				t.Errorf("log says %s", log)
			}
			if subject, _ := said[0]["subject"].(string); !tt.uidls && subject == "" {
				t.Errorf("%q names no subject", said[0])
			}
		})
	}
}

// TestNamelessInVain: a server that does not delete lists a message without a UIDL at every poll.
// That is counted, and no line for people after the warning.
func TestNamelessInVain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	w.account.Delete = true
	w.server.Hook = noUIDL
	var log bytes.Buffer
	w.supervisor.Log = zerolog.New(&log)
	w.start(t)
	raw := w.server.Mailbox("u0")
	for range 5 {
		if err := w.once(t); err != nil {
			t.Fatal(err)
		}
		w.server.Replace("u0", raw...)
	}
	said, done := lines(t, &log, "message was delivered before"), lines(t, &log, "poll done")
	if values(done, "delivered_before") != "0 1 1 1 1" || values(said, "level") != "info debug debug debug" {
		t.Errorf("log says %s", &log)
	}
}
