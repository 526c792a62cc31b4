package fetcher

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// mail returns a message with these header lines and this attachment.
func mail(uidl, attachment string, header ...string) pop3test.Message {
	raw := ""
	for _, field := range header {
		raw += field + "\r\n"
	}
	return pop3test.Message{UIDL: uidl, Raw: []byte(raw + "\r\n" + attachment + "\r\n")}
}

// counting returns a world with messages that have headers, and a function that returns how many
// files were delivered since its last call.
func counting(t *testing.T) (w *world, delivered func() int) {
	w = newWorld(t)
	w.sink.bodies = true
	n := 0
	w.supervisor.Observe = func(e event.Event) {
		if _, ok := e.(event.Delivered); ok {
			n++
		}
	}
	return w, func() int {
		defer func() { n = 0 }()
		return n
	}
}

// TestSameMessage: a message is known as delivered only by the same header. A mail that was sent a
// second time is delivered, and not deleted before.
func TestSameMessage(t *testing.T) {
	t.Parallel()
	const id, date, received = "Message-ID: <1@x>", "Date: Mon, 1 Jan 2024 10:00:00 +0100", "Received: by mx; Mon, 1 Jan 2024 10:00:01 +0100"
	scan := "From: scanner@example.org"
	first := mail("a", "invoice", received, id, date)
	for name, tt := range map[string]struct {
		before, later pop3test.Message
		same          bool
		sameUIDL      bool // with other sizes, then
	}{
		"the same under another UIDL":            {first, mail("b", "invoice", received, id, date), true, false},
		"the same, marked as read":               {first, mail("b", "invoice", received, id, date, "Status: RO"), true, false},
		"sent again":                             {first, mail("b", "invoice", "Received: by mx; Tue, 2 Jan 2024", id, "Date: Tue, 2 Jan 2024"), false, false},
		"received again":                         {first, mail("b", "invoice", "Received: by mx; Tue, 2 Jan 2024", id, date), false, false},
		"dated otherwise":                        {first, mail("b", "invoice", received, id, "Date: Tue, 2 Jan 2024"), false, false},
		"to somebody else":                       {first, mail("b", "invoice", received, id, date, "To: other@example.org"), false, false},
		"resent":                                 {first, mail("b", "invoice", "Resent-Date: Tue, 2 Jan 2024", received, id, date), false, false},
		"with another subject":                   {first, mail("b", "invoice", received, id, date, "Subject: reminder"), false, false},
		"another attachment":                     {first, mail("b", "another", received, id, date), false, false},
		"sent again, one UIDL":                   {first, mail("a", "invoice", "Received: by mx.example.org; Tue, 2 Jan 2024", id, date), false, true},
		"no Message-ID":                          {mail("a", "invoice", received, date), mail("b", "invoice", received, date), true, false},
		"no Message-ID, a Date":                  {mail("a", "invoice", date), mail("b", "invoice", date, "X-UID: 17"), true, false},
		"no Message-ID, sent again":              {mail("a", "invoice", received, date), mail("b", "invoice", received, "Date: Tue, 2 Jan 2024"), false, false},
		"a Message-ID added":                     {mail("a", "invoice", received, date), mail("b", "invoice", received, date, id), false, false},
		"nothing of its own, the same size":      {mail("a", "invoice", scan), mail("b", "invoice", scan), true, false},
		"nothing of its own, another size":       {mail("a", "invoice", scan), mail("b", "invoice", scan, "X-Page: 2"), false, false},
		"no header at all":                       {mail("a", "invoice"), mail("b", "invoice"), false, false},
		"only fields that servers change at all": {mail("a", "invoice", "Status: O"), mail("b", "invoice", "Status: O"), false, false},
	} {
		for _, policy := range []string{"keep", "delete later", "put back"} {
			t.Run(name+", "+policy, func(t *testing.T) {
				t.Parallel()
				if policy == "put back" && tt.sameUIDL {
					t.Skip("is looked at for its UIDL")
				}
				w, delivered := counting(t)
				now := time.Now()
				w.supervisor.now = func() time.Time { return now }
				if w.account.Delete = policy != "keep"; policy == "delete later" {
					w.account.DeleteAfter = 24 * time.Hour
				}
				w.server.Mailboxes["u0"] = []pop3test.Message{tt.before}
				w.start(t)
				w.poll(t)
				if n := delivered(); n != 1 {
					t.Fatalf("%d delivered at first", n)
				}
				w.server.Replace("u0", tt.later) // the first was removed by hand, or moved
				w.poll(t)
				w.poll(t)
				want := 1
				if tt.same {
					want = 0
				}
				if n := delivered(); n != want {
					t.Errorf("%d delivered later, want %d", n, want)
				}
				left := 1
				if policy == "put back" && !tt.same {
					left = 0
				}
				if n := len(w.server.Mailbox("u0")); n != left {
					t.Errorf("%d messages are left, want %d", n, left)
				}
				if n := len(w.sink.Staged()); n > 0 {
					t.Errorf("%d staging files are left", n)
				}
			})
		}
	}
}

// TestQUITLostAndUIDLsChanged: a message was delivered, the reply to QUIT was lost, and the server
// then gives the message another UIDL, or its first one. It is neither delivered again nor left on
// the server.
func TestQUITLostAndUIDLsChanged(t *testing.T) {
	t.Parallel()
	dated := func(prefix string) (all []pop3test.Message) {
		for i := range 3 {
			all = append(all, mail(fmt.Sprint(prefix, i), fmt.Sprint("body", i), fmt.Sprintf("Date: Mon, 1 Jan 2024 10:00:0%d +0100", i)))
		}
		return all
	}
	bare := func(prefix string) (all []pop3test.Message) {
		for i := range 3 {
			all = append(all, mail(fmt.Sprint(prefix, i), fmt.Sprint("body", i/2))) // two are the same
		}
		return all
	}
	for name, tt := range map[string]struct {
		before, later []pop3test.Message
		refused       string // the reply to the first UIDL
	}{
		"other UIDLs":                      {dated("a"), dated("b"), ""},
		"UIDL refused at first":            {dated("a"), dated("a"), "-ERR unknown command\r\n"},
		"UIDL refused at first, no header": {bare("a"), bare("a"), "-ERR unknown command\r\n"},
		"UIDLs left out at first":          {bare("a"), bare("a"), "+OK\r\n1\r\n2 \r\n3\r\n.\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, delivered := counting(t)
			w.account.Delete = true
			w.server.Pipelining = false // otherwise the poll is made again at once
			w.server.Mailboxes["u0"] = tt.before
			w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
				switch {
				case w.server.Sessions() > 1:
				case cmd == "UIDL" && tt.refused != "":
					c.Send([]byte(tt.refused))
					return true
				case cmd == "QUIT":
					c.Cut()
					return true
				}
				return false
			}
			w.start(t)
			if err := w.once(t); err == nil {
				t.Error("QUIT was lost without an error")
			}
			if n := delivered(); n != 3 {
				t.Fatalf("%d delivered", n)
			}
			w.server.Replace("u0", tt.later...)
			w.poll(t)
			if n := delivered(); n != 0 {
				t.Errorf("%d delivered again", n)
			}
			if n := len(w.server.Mailbox("u0")); n != 0 {
				t.Errorf("%d messages are left", n)
			}
		})
	}
}

// TestUIDLsChangedWithoutMessageID: a mailbox with all UIDLs changed is known by its headers too.
// When the state is rebuilt, messages that were never delivered are told from the others.
func TestUIDLsChangedWithoutMessageID(t *testing.T) {
	t.Parallel()
	const n = changedLeast
	mails := func(prefix string, fields func(i int) []string, from, to int) (all []pop3test.Message) {
		for i := from; i < to; i++ {
			all = append(all, mail(fmt.Sprint(prefix, i), fmt.Sprint("body", i), fields(i)...))
		}
		return all
	}
	plain := func(i int) []string { return []string{"From: scanner@example.org", fmt.Sprint("Date: day ", i)} }
	fixed := func(i int) []string { return append(plain(i), "Message-ID: <scan@example.org>") }
	named := func(i int) []string { return append(plain(i), fmt.Sprintf("Message-ID: <%d@example.org>", i)) }
	moved := func(i int) []string { return append(named(i), "Received: from the old server") }
	resent := func(i int) []string {
		if i < n {
			return named(i)
		}
		return append(named(i%n), "Resent-Date: today")
	}
	for name, tt := range map[string]struct {
		before, later func(i int) []string
		from, to      int // of the later ones
		stopped       bool
		isNew         int
	}{
		"the same mail":                            {plain, plain, 0, n, true, 0},
		"the same mail, and more":                  {plain, plain, 0, n + 2, true, 2},
		"other mail":                               {plain, plain, n, 2 * n, false, n},
		"one Message-ID for all":                   {fixed, fixed, 0, n + 2, true, 2},
		"one Message-ID for all, other mail":       {fixed, fixed, n, 2 * n, false, n},
		"the server adds to headers":               {named, moved, 0, n + 2, true, 2},
		"with Message-ID":                          {named, named, 0, n + 2, true, 2},
		"with Message-ID, and some of it is again": {named, resent, 0, n + 2, true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, delivered := counting(t)
			w.server.Mailboxes["u0"] = mails("a", tt.before, 0, n)
			w.start(t)
			w.poll(t)
			delivered()
			w.server.Replace("u0", mails("b", tt.later, tt.from, tt.to)...)
			err := w.once(t)
			if _, stopped := errors.AsType[*identity.UIDLsChangedError](err); stopped != tt.stopped || err != nil && !stopped {
				t.Fatalf("error %v", err)
			}
			if tt.stopped {
				if _, err := w.supervisor.Adopt(t.Context(), w.account, identity.Adoption{UpToDate: true}, zerolog.Nop()); err != nil {
					t.Fatal(err)
				}
				w.poll(t)
			}
			if n := delivered(); n != tt.isNew {
				t.Errorf("%d delivered later, want %d", n, tt.isNew)
			}
		})
	}
}
