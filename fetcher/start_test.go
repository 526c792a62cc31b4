package fetcher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
	"github.com/attachd/attachd/fetcher/session"
)

// arrived returns a message that arrived so long ago. Its body is its UIDL.
func arrived(uidl string, ago time.Duration) pop3test.Message {
	at := time.Now().Add(-ago).Format(time.RFC1123Z)
	return mail(uidl, uidl, "Received: from a by b (c; d);\r\n "+at+" (local)", "Message-ID: <"+uidl+"@x>", "Date: "+at)
}

const day = 24 * time.Hour

// starting returns a world with messages, whose account starts now.
func starting(t *testing.T, messages ...pop3test.Message) *world {
	t.Helper()
	w := newWorld(t)
	w.sink.bodies = true
	w.account.Start = identity.Start{Now: true}
	w.server.Mailboxes["u0"] = messages
	return w
}

func (w *world) add(messages ...pop3test.Message) { w.server.Append("u0", messages...) }

// pollsAs polls and expects these files to have been delivered by then.
func (w *world) pollsAs(t *testing.T, when, want string) {
	t.Helper()
	if err := w.once(t); err != nil {
		t.Errorf("%s: %v", when, err)
	}
	if got := w.has(); got != want {
		t.Errorf("%s: delivered %q, want %q", when, got, want)
	}
}

// TestStartNow: what is there at the first poll is not fetched and not deleted, and is told once.
// What comes later is delivered, whatever its date.
func TestStartNow(t *testing.T) {
	t.Parallel()
	w := starting(t, arrived("a", 9*day), arrived("b", 0), mail("c", "c"))
	w.account.Delete, w.account.DeleteEmpty = true, true
	var log bytes.Buffer
	w.supervisor.Log = zerolog.New(&log)
	heard := w.listen()
	w.start(t)
	w.pollsAs(t, "first", "")
	wantTold(t, "first", heard.leftOut(), fmt.Sprintf("a |%d|on the server before the account's start|start and 2 more stays", len(arrived("a", 0).Raw)))
	w.add(arrived("d", 0), arrived("old", 99*day))
	w.pollsAs(t, "second", "d old")
	w.pollsAs(t, "third", "d old")
	wantTold(t, "later", heard.leftOut())
	if got := w.uidls(); got != "a b c" {
		t.Errorf("left on the server: %s", got)
	}
	if commands(w, "TOP") > 0 || commands(w, "RETR") != 2 || commands(w, "DELE") != 2 {
		t.Errorf("commands %q", w.server.Log())
	}
	if n := strings.Count(log.String(), "before the start"); n != 1 || !strings.Contains(log.String(), `"messages":3`) {
		t.Errorf("log:\n%s", &log)
	}
	summaries, err := w.ledger.Summaries(t.Context())
	if err != nil || len(summaries) != 1 || summaries[0].Skipped != 3 {
		t.Errorf("summaries %+v, %v", summaries, err)
	}
}

// TestStartWithin: the date of arrival decides, and what has none is fetched. What the server does
// not give the header of is retrieved, and neither delivered nor deleted if it is old.
func TestStartWithin(t *testing.T) {
	t.Parallel()
	var many []pop3test.Message
	for i := range 700 { // more than are asked for at once
		many = append(many, arrived(fmt.Sprintf("many%d", i), 40*day))
	}
	for name, tt := range map[string]struct {
		messages []pop3test.Message
		hook     func(c *pop3test.Conn, cmd, args string) bool
		want     string
	}{
		"old and new":   {[]pop3test.Message{arrived("a", 31*day), arrived("b", 29*day), arrived("c", 0), arrived("d", 3000*day)}, nil, "b c"},
		"many":          {append(slices.Clone(many), arrived("new", day)), nil, "new"},
		"without dates": {[]pop3test.Message{mail("a", "a"), mail("b", "b", "Date: yesterday"), mail("c", "c", "Received: by x; nonsense", "Date: Mon, 1 Jan 2001 10:00:00 +0000")}, nil, "a b c"},
		"sent alone":    {[]pop3test.Message{mail("a", "a", "Date: Mon, 1 Jan 2001 10:00:00 +0000")}, nil, ""},
		"relayed":       {[]pop3test.Message{mail("a", "a", "Received: by b; "+time.Now().Format(time.RFC1123Z), "Received: by c; Mon, 1 Jan 2001 10:00:00 +0000")}, nil, "a"},
		"clock not set": {[]pop3test.Message{mail("a", "a", "Received: by b; Thu, 1 Jan 1970 00:00:10 +0000")}, nil, "a"},
		"no TOP":        {[]pop3test.Message{arrived("a", 31*day), arrived("b", 0)}, noTOP, "b"},
		"breaks at TOP": {[]pop3test.Message{arrived("a", 31*day), arrived("b", 0)}, func(c *pop3test.Conn, cmd, _ string) bool {
			if cmd == "TOP" {
				c.Cut()
			}
			return cmd == "TOP"
		}, "b"},
		"refused once": {[]pop3test.Message{arrived("a", 31*day), arrived("b", 31*day)}, func(c *pop3test.Conn, cmd, args string) bool {
			if cmd == "TOP" && strings.HasPrefix(args, "2") {
				c.Reply("-ERR not this one")
				return true
			}
			return false
		}, ""},
		"undated, and no TOP": {[]pop3test.Message{mail("a", "a"), arrived("b", 31*day)}, noTOP, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := starting(t, tt.messages...)
			w.account.Start = identity.Start{Within: 30 * day}
			w.account.Delete = true
			w.server.Hook = tt.hook
			w.start(t)
			heard := w.listen()
			w.pollsAs(t, "first", tt.want)
			before := len(tt.messages) - len(strings.Fields(tt.want))
			if n := notFetched(heard); n != before {
				t.Errorf("%d messages are told to be before the start, want %d", n, before)
			}
			w.add(arrived("later", 99*day))
			w.pollsAs(t, "second", strings.TrimSpace(strings.Join(slices.Sorted(slices.Values(append(strings.Fields(tt.want), "later"))), " ")))
			if left := len(w.server.Mailbox("u0")); left != before {
				t.Errorf("%d left on the server, want %d", left, before)
			}
			if s, err := w.ledger.Summaries(t.Context()); err != nil || s[0].Skipped != before || s[0].Count[ledger.Failed] > 0 {
				t.Errorf("recorded %+v, %v", s, err)
			}
			if n := notFetched(heard); n != 0 {
				t.Errorf("%d messages are told once more", n)
			}
		})
	}
}

// TestStartChanged: once an account was polled, another start changes nothing.
func TestStartChanged(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		first, then identity.Start
		want        string
	}{
		"all, then now":   {identity.Start{}, identity.Start{Now: true}, "a b"},
		"now, then all":   {identity.Start{Now: true}, identity.Start{}, "b"},
		"now, then month": {identity.Start{Now: true}, identity.Start{Within: 30 * day}, "b"},
	} {
		for _, empty := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", empty ", empty), func(t *testing.T) {
				t.Parallel()
				w := starting(t)
				want := "b"
				if !empty {
					w.server.Mailboxes["u0"] = []pop3test.Message{arrived("a", day)}
					want = tt.want
				}
				w.account.Start = tt.first
				w.start(t)
				w.poll(t)
				w.account.Start = tt.then
				w.add(arrived("b", 99*day))
				w.pollsAs(t, "then", want)
			})
		}
	}
}

// interruptedLedger fails at one of its calls of Skip, as if the process had been killed there.
type interruptedLedger struct {
	record
	calls  *atomic.Int32
	failAt int32
}

func (l interruptedLedger) Fenced(leases ...*ledger.Lease) Ledger {
	return interruptedLedger{record{l.Ledger.Fenced(leases...)}, l.calls, l.failAt}
}

func (l interruptedLedger) Skip(ctx context.Context, account string, keys []ledger.Key, before time.Time) (int, error) {
	if l.calls.Add(1) == l.failAt {
		return 0, errors.New("killed")
	}
	return l.record.Skip(ctx, account, keys, before)
}

// TestStartInterrupted: a first poll that ends early at any point is made again. Nothing that was
// there is fetched, and all that comes after the first poll that worked is.
func TestStartInterrupted(t *testing.T) {
	t.Parallel()
	for failAt := int32(1); failAt <= 4; failAt++ {
		t.Run(fmt.Sprint(failAt), func(t *testing.T) {
			t.Parallel()
			var messages []pop3test.Message
			for i := range 600 { // chunks of 20, 500 and 80, and the start
				messages = append(messages, arrived(fmt.Sprintf("m%d", i), 40*day))
			}
			w := starting(t, append(messages, arrived("new", 0))...)
			w.account.Start = identity.Start{Within: 30 * day}
			w.supervisor.Ledger = interruptedLedger{record{w.ledger}, new(atomic.Int32), failAt}
			w.start(t)
			if err := w.once(t); err == nil || w.has() != "" {
				t.Fatalf("delivered %q, error %v", w.has(), err)
			}
			before := commands(w, "TOP")
			w.pollsAs(t, "again", "new")
			if n := commands(w, "TOP") - before; failAt > 1 && n >= 601 {
				t.Errorf("%d headers were asked for again", n)
			}
			w.add(arrived("later", 99*day))
			w.pollsAs(t, "later", "later new")
		})
	}
}

// TestStartForgotten: what was there before is fetched after all if somebody asks for it.
func TestStartForgotten(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]func(w *world) (int, error){
		"skipped": func(w *world) (int, error) { return w.supervisor.ForgetSkipped(context.Background(), "lab") },
		"all":     func(w *world) (int, error) { return w.supervisor.ForgetAll(context.Background(), "lab") },
		"one": func(w *world) (int, error) {
			return w.supervisor.Forget(context.Background(), "lab", func(context.Context) ([]ledger.Key, error) {
				return []ledger.Key{{UIDL: "a", Size: int64(len(arrived("a", 0).Raw))}}, nil
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := starting(t, arrived("a", 40*day), arrived("b", 50*day))
			w.start(t)
			w.pollsAs(t, "first", "")
			n, err := forget(w)
			want := "a b"
			if name == "one" {
				want = "a"
			}
			if err != nil || n != len(strings.Fields(want)) {
				t.Errorf("%d forgotten, %v", n, err)
			}
			w.pollsAs(t, "then", want)
		})
	}
}

// TestStartMoved: a mailbox that was moved has other UIDLs, and perhaps other sizes. What was there
// before the start is known by its date.
func TestStartMoved(t *testing.T) {
	t.Parallel()
	const n = 30
	box := func(uidl string, field string) (all []pop3test.Message) {
		for i := range n {
			m := arrived(fmt.Sprintf("body%02d", i), 40*day)
			m.UIDL, m.Raw = fmt.Sprintf("%s%d", uidl, i), append([]byte(field), m.Raw...)
			all = append(all, m)
		}
		return all
	}
	for name, tt := range map[string]struct {
		later []pop3test.Message
		want  string
	}{
		"all, with their sizes":   {append(box("y", ""), arrived("new", 0)), "new"},
		"all, with other sizes":   {append(box("y", "X-Moved: yes\r\n"), arrived("new", 0)), "new"},
		"one, with its size":      {append(slices.Clone(box("x", "")[1:]), box("y", "")[0], arrived("new", 0)), "new"},
		"put there, old":          {append(slices.Clone(box("x", "")[3:]), arrived("old mail of another length", 99*day)), "old"},
		"gone, and nothing moved": {[]pop3test.Message{arrived("new", 0)}, "new"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, hook := range []func(c *pop3test.Conn, cmd, args string) bool{nil, noTOP} {
				w := starting(t, box("x", "")...)
				w.server.Hook = hook
				w.start(t)
				w.pollsAs(t, "first", "")
				w.server.Replace("u0", tt.later...)
				w.pollsAs(t, "moved", tt.want)
				w.pollsAs(t, "again", tt.want)
			}
		})
	}
}

// TestStartReused: a new message with the UIDL and the size of one that was there before is
// fetched. One that a listing lacked for a while is not.
func TestStartReused(t *testing.T) {
	t.Parallel()
	old := arrived("body", 40*day)
	other := arrived("bodz", -time.Hour) // its server is ahead a little
	old.UIDL, other.UIDL = "1", "1"
	if len(old.Raw) != len(other.Raw) {
		t.Fatal("the two have different sizes")
	}
	for name, tt := range map[string]struct {
		later pop3test.Message
		top   bool
		want  string
	}{
		"another":                     {other, true, "bodz"},
		"the same":                    {old, true, ""},
		"another, and no TOP":         {other, false, "bodz"},
		"the same, and no TOP":        {old, false, ""},
		"another with another length": {pop3test.Message{UIDL: "1", Raw: append([]byte("X: y\r\n"), other.Raw...)}, true, "bodz"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := starting(t, old, arrived("rest", 50*day))
			if !tt.top {
				w.server.Hook = noTOP
			}
			w.start(t)
			w.pollsAs(t, "first", "")
			w.server.Replace("u0", arrived("rest", 50*day))
			for range 3 {
				w.pollsAs(t, "without it", "")
			}
			w.server.Replace("u0", arrived("rest", 50*day), tt.later)
			w.pollsAs(t, "with it", tt.want)
			w.pollsAs(t, "again", tt.want)
		})
	}
}

// TestStartWithoutUIDL: without UIDLs, the dates tell at each poll what was there before. Nothing
// of that is fetched or deleted, and it is told once.
func TestStartWithoutUIDL(t *testing.T) {
	t.Parallel()
	for _, top := range []bool{true, false} {
		t.Run(fmt.Sprint("TOP ", top), func(t *testing.T) {
			t.Parallel()
			w := starting(t, arrived("a", 9*day), arrived("b", 2*day))
			w.account.Delete, w.account.DeleteEmpty = true, true
			w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
				return noUIDL(c, cmd, args) || !top && noTOP(c, cmd, args)
			}
			heard := w.listen()
			w.start(t)
			l := w.loop(w.account)
			for i, want := range []string{"", "", "c", "c d", "c d"} {
				switch i {
				case 2:
					w.add(arrived("c", 0))
				case 3:
					w.add(arrived("d", 0))
				}
				if err := l.poll(t.Context(), t.Context()); err != nil {
					t.Fatal(err)
				}
				w.server.Wait()
				if got := w.has(); got != want {
					t.Errorf("poll %d: delivered %q, want %q", i+1, got, want)
				}
			}
			wantTold(t, "in all", heard.leftOut(), " |-1|on the server before the account's start|start and 1 more stays")
			if got := w.uidls(); got != "a b" {
				t.Errorf("left on the server: %s", got)
			}
		})
	}
}

// TestStartAtGmail: a store that lists its oldest messages only, and further ones once these were
// read, is read past what was there before. A crash in between is made good.
func TestStartAtGmail(t *testing.T) {
	t.Parallel()
	for _, cut := range []bool{false, true} {
		t.Run(fmt.Sprint("cut ", cut), func(t *testing.T) {
			t.Parallel()
			var messages []pop3test.Message
			for i := range 2*drainAgain + 10 {
				messages = append(messages, arrived(fmt.Sprintf("m%d", i), 40*day))
			}
			w := starting(t, append(messages, arrived("new", 0))...)
			w.server.Greeting = "+OK Gpop ready for requests from 127.0.0.1 x"
			w.account.Auth = session.AuthPass
			w.server.List.Oldest, w.server.Retr.ConsumesAtQuit = drainAgain, true
			broken := !cut
			w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
				if cmd == "QUIT" && !broken {
					broken = true
					c.Cut()
					return true
				}
				return false
			}
			w.start(t)
			if err := w.once(t); err != nil && !cut {
				t.Fatal(err)
			}
			w.pollsAs(t, "again", "new")
			w.add(arrived("later", 0))
			w.pollsAs(t, "later", "later new")
		})
	}
}

// TestStartForeseen: check and dry run tell what a first poll would leave alone, with and without a
// ledger, and record nothing.
func TestStartForeseen(t *testing.T) {
	t.Parallel()
	w := starting(t, arrived("a", 40*day), arrived("b", day))
	w.account.Start = identity.Start{Within: 30 * day}
	w.start(t)
	w.pollsAsForeseen(t, 1)
	heard := w.listen()
	w.pollsAs(t, "first", "b")
	if n := len(told[event.Retrieved](heard)); n != 1 {
		t.Errorf("%d retrieved", n)
	}
	w.pollsAsForeseen(t, 0)
}

// pollsAsForeseen checks how many messages are foreseen to be fetched.
func (w *world) pollsAsForeseen(t *testing.T, want int) {
	t.Helper()
	for _, led := range []poll.Ledger{record{w.ledger}, nil} {
		p, err := poll.CheckNew(t.Context(), w.account.Account, led, zerolog.Nop())
		if led == nil {
			want = 1 // as at first
		}
		if err != nil || p.Waiting != want || p.Messages != 2 {
			t.Errorf("foreseen %d of %d, %v, want %d", p.Waiting, p.Messages, err, want)
		}
	}
	w.server.Wait()
}
