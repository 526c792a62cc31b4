package fetcher

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// listener keeps the events of a world.
type listener struct {
	mu     sync.Mutex
	events []event.Event
}

// listen has the supervisor tell a listener.
func (w *world) listen() *listener {
	l := new(listener)
	w.supervisor.Observe = func(e event.Event) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.events = append(l.events, e)
	}
	return l
}

// told returns the events of one type since the last call, and forgets all.
func told[E event.Event](l *listener) []E {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []E
	for _, e := range l.events {
		if e, ok := e.(E); ok {
			all = append(all, e)
		}
	}
	l.events = nil
	return all
}

// leftOut shows what was left out since the last call, in the order of the UIDLs.
func (l *listener) leftOut() []string {
	var all []string
	for _, e := range told[event.LeftOut](l) {
		s := fmt.Sprintf("%s %s|%d|%s|%s", e.UIDL, e.Name, e.Size, e.Why, e.Setting)
		if e.More > 0 {
			s += fmt.Sprintf(" and %d more", e.More)
		}
		if e.Stays {
			s += " stays"
		}
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}

func wantTold(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: told\n  %s\nwant\n  %s", what, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// TestToldOfSession: a session says what server it found and what the mailbox holds.
func TestToldOfSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "two")
	heard := w.listen()
	w.start(t)
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	ins := told[event.LoggedIn](heard)
	if len(ins) != 1 {
		t.Fatalf("logged in %d times", len(ins))
	}
	if in := ins[0]; !in.Pipelining || in.LoginDelay != 0 || in.NotAfter.Before(time.Now()) || in.TLS == "" || in.Mechanism != "APOP" {
		t.Errorf("told %+v", in)
	}
	w.server.Wait()
	w.server.Hook = announces("LOGIN-DELAY 600")
	w.server.Append("u0", pop3test.Message{UIDL: "huge", Raw: []byte(strings.Repeat("x", 500) + "\r\n")}, pop3test.Message{Raw: []byte("nameless\r\n")})
	if err := w.once(t); err == nil || !strings.Contains(err.Error(), "can't be fetched") {
		t.Fatal(err)
	}
	heard.mu.Lock()
	events := slices.Clone(heard.events)
	heard.mu.Unlock()
	if in := told[event.LoggedIn](heard)[0]; in.LoginDelay != 10*time.Minute {
		t.Errorf("told %+v", in)
	}
	heard.events = events
	if l := told[event.Listed](heard)[0]; l.Messages != 4 || l.New != 1 || l.Size != 5+5+502+10 || !strings.Contains(l.Unfetchable, "1 of 4 messages") {
		t.Errorf("told %+v", l)
	}
}

// TestToldOfDelivery: each file comes with its message's envelope and with what was mended, and
// what came to no file is told after the message was committed, once.
func TestToldOfDelivery(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "two", "none", "one")
	w.account.SkipDuplicates = true
	w.supervisor.ReadEnvelope = func([]byte) ledger.Envelope { return ledger.Envelope{From: "raw"} }
	w.sink.told = func(text string, s *delivery.Staged) {
		s.Envelope = ledger.Envelope{From: "from " + text, Subject: "about " + text}
		switch text {
		case "two":
			s.Attachments[0].Repairs = []string{"mended", strings.Repeat("é", 400)}
			for i := range 25 {
				s.LeftOut = append(s.LeftOut, ledger.LeftOut{Name: fmt.Sprintf("logo%02d.png", i), Size: 10, Why: "inline picture", Setting: "inline_images"})
			}
		case "none":
			s.Attachments = nil
		}
	}
	heard := w.listen()
	w.start(t)
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	heard.mu.Lock()
	events := slices.Clone(heard.events)
	heard.mu.Unlock()
	delivered := told[event.Delivered](heard)
	if len(delivered) != 2 {
		t.Fatalf("told of %d files, want 2", len(delivered))
	}
	slices.SortFunc(delivered, func(a, b event.Delivered) int { return cmp.Compare(a.UIDL, b.UIDL) })
	one, two := delivered[0], delivered[1]
	if one.Envelope.From != "from one" || two.Envelope.Subject != "about two" || len(one.Repairs) != 0 || len(two.Repairs) != 2 || two.Repairs[0] != "mended" || len(two.Repairs[1]) > ledger.MaxName {
		t.Errorf("told %+v and %+v", one, two)
	}
	for i, e := range events {
		if left, ok := e.(event.LeftOut); ok && left.Envelope.From == "" {
			t.Errorf("event %d has no envelope: %+v", i, left)
		}
		if left, ok := e.(event.LeftOut); ok && left.UIDL == "uid-2" && !slices.ContainsFunc(events[:i], func(e event.Event) bool {
			d, ok := e.(event.Delivered)
			return ok && d.UIDL == "uid-2"
		}) {
			t.Error("told what was left out of a message before it was committed")
		}
	}
	heard.events = events
	got := heard.leftOut()
	if len(got) != 22 {
		t.Fatalf("told of %d left out: %q", len(got), got)
	}
	wantTold(t, "left out", append(got[:1:1], got[19:]...),
		"uid-2 logo00.png|10|inline picture|inline_images",
		"uid-2 logo19.png|10|inline picture|inline_images and 5 more",
		"uid-3 |-1|no attachment|", "uid-4 one|5|received before|duplicates")
	for range 2 {
		if err := w.once(t); err != nil {
			t.Fatal(err)
		}
	}
	wantTold(t, "later", heard.leftOut())
}

// TestToldOfQuarantine: a message in quarantine is told with its reason, whether it was delivered
// or not. A retry tells of the files that came of it.
func TestToldOfQuarantine(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "poison", "doubtful")
	poisoned := true
	w.sink.fail = func(s string) error {
		if s == "stage poison" && poisoned {
			return &delivery.UnprocessableError{Err: errors.New("too deep")}
		}
		return nil
	}
	w.sink.told = func(text string, s *delivery.Staged) {
		if text == "doubtful" {
			raw := w.sink.Add([]byte("raw"), delivery.QuarantineFolder+"/raw.eml")
			raw.Quarantine = true
			s.Attachments = append(s.Attachments, raw)
			s.Doubtful, s.RawKept, s.Reason = true, true, "cut off"
		}
	}
	heard := w.listen()
	w.start(t)
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range told[event.Quarantined](heard) {
		got = append(got, fmt.Sprintf("%s %s %t", e.UIDL, e.Reason, e.Delivered))
	}
	slices.Sort(got)
	wantTold(t, "quarantined", got, "uid-2 too deep false", "uid-3 cut off true")

	poisoned = false
	q, err := w.supervisor.OpenQuarantine(t.Context(), w.account)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	messages, err := q.Messages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		if m.UIDL == "uid-2" {
			if _, err := q.Retry(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
	}
	if d := told[event.Delivered](heard); len(d) != 1 || d[0].UIDL != "uid-2" {
		t.Errorf("a retry told %+v", d)
	}
}

// TestToldOfStaying: messages that are too large are told once, and are told to stay.
func TestToldOfStaying(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 600)
	w := newWorld(t, "one", big)
	w.account.MaxMessageSize = 500
	heard := w.listen()
	w.start(t)
	l := w.loop(w.account)
	visit := func() {
		t.Helper()
		if err := l.poll(t.Context(), t.Context()); err != nil {
			t.Fatal(err)
		}
		w.server.Wait()
	}
	visit()
	wantTold(t, "first", heard.leftOut(), "uid-2 |602|larger than max_message_size|max_message_size stays")
	visit()
	wantTold(t, "second", heard.leftOut())
	var more []pop3test.Message
	for i := range 150 {
		more = append(more, pop3test.Message{UIDL: fmt.Sprintf("v-%03d", i), Raw: []byte(big)})
	}
	w.server.Append("u0", more...)
	visit()
	if got := heard.leftOut(); len(got) != 100 || !strings.Contains(got[99], " and 50 more") {
		t.Errorf("told of %d: %q", len(got), got)
	}
}

// TestToldOfPutBack: who puts a deleted message back in order to have it again is told why nothing
// comes. A message that has only got another UIDL is no news.
func TestToldOfPutBack(t *testing.T) {
	t.Parallel()
	for _, deletes := range []bool{true, false} {
		t.Run(fmt.Sprint(deletes), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.sink.bodies = true
			w.account.Delete = deletes
			header := []string{"Message-ID: <1@x>", "Date: Mon, 1 Jan 2024 10:00:00 +0100", "Received: by mx; Mon, 1 Jan 2024 10:00:01 +0100"}
			w.server.Mailboxes["u0"] = []pop3test.Message{mail("a", "invoice", header...)}
			heard := w.listen()
			w.start(t)
			w.poll(t)
			w.server.Replace("u0", mail("b", "invoice", header...))
			w.poll(t)
			w.poll(t)
			var expected []string
			if deletes {
				expected = []string{fmt.Sprintf("b |%d|delivered before and deleted, and put back by somebody|", len(mail("b", "invoice", header...).Raw))}
			}
			wantTold(t, "put back", heard.leftOut(), expected...)
		})
	}
}
