package fetcher

import (
	"slices"
	"testing"

	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestSlowLine: files of the first messages appear while a server takes its time with the others,
// which were asked for already. All have one size, so that only STAT proves where each one ends.
func TestSlowLine(t *testing.T) {
	t.Parallel()
	for name, pipelining := range map[string]bool{"pipelined": true, "one by one": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, slices.Repeat([]string{"body"}, 100)...)
			w.server.Pipelining = pipelining
			appeared := make(chan struct{}, 100)
			w.supervisor.Observe = func(e event.Event) {
				if _, is := e.(event.Delivered); is {
					appeared <- struct{}{}
				}
			}
			w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
				if cmd == "RETR" && args == "20" {
					if err := c.Send(nil); err != nil { // what was said before
						t.Error(err)
					}
					<-appeared
				}
				return false
			}
			w.start(t)
			if err := w.once(t); err != nil {
				t.Fatal(err)
			}
			if n := 1 + len(appeared); n != 100 {
				t.Errorf("%d files, want 100", n)
			}
		})
	}
}
