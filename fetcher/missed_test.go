package fetcher

import (
	"fmt"
	"slices"
	"testing"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestMissed: the ledger counts how often listings lack a message. A listing that lacks a great
// deal is not believed.
func TestMissed(t *testing.T) {
	t.Parallel()
	few, many := letters("u", "one"), []pop3test.Message(nil)
	for i := range missedByMistake + 1 {
		many = append(many, pop3test.Message{UIDL: fmt.Sprint("m", i), Raw: []byte("x\r\n")})
	}
	for name, tt := range map[string]struct {
		messages []pop3test.Message
		want     []int
	}{"few": {few, []int{2, 3, 3, 0}}, "many": {many, []int{1, 2, 3, 0}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.sink.messageIDs = true
			w.server.Mailboxes["u0"] = tt.messages
			w.start(t)
			w.poll(t)
			var got []int
			for i := range 4 {
				w.server.Replace("u0")
				if i == 3 {
					w.server.Replace("u0", tt.messages...)
				}
				w.poll(t)
				records, err := w.ledger.Lookup(t.Context(), "lab", []string{tt.messages[0].UIDL})
				if err != nil || len(records) != 1 || records[0].State != ledger.Delivered {
					t.Fatalf("%+v, error %v", records, err)
				}
				got = append(got, records[0].Missed)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("missed %v, want %v", got, tt.want)
			}
		})
	}
}
