package fetcher

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestReused: a message with the UIDL and the size of an earlier one is delivered, and only then
// deleted. The same message as before is not delivered again, and not retrieved again unless its
// header can't tell.
func TestReused(t *testing.T) {
	t.Parallel()
	const month = 30 * 24 * time.Hour
	one, two := letters("u", "one", "two"), letters("u", "ONE", "TWO") // of a length
	plain := []pop3test.Message{{UIDL: "u0", Raw: []byte("monday\r\n")}}
	other := []pop3test.Message{{UIDL: "u0", Raw: []byte("sunday\r\n")}}
	for _, tt := range []struct {
		name          string
		before, later []pop3test.Message
		remove        bool
		after         time.Duration
		empty         int    // listings in between
		moved         bool   // the account has another user
		top           string // what badTOP does
		again         int    // messages delivered later
		left          int
		retr          int // then
	}{
		{name: "deleted, others come", before: one, later: two, remove: true, again: 2, retr: 2},
		{name: "deleted, others come later", before: one, later: two, remove: true, empty: 1, again: 2, retr: 2},
		{name: "deleted, and there again", before: one, later: one, remove: true},
		{name: "deleted, and there again, no TOP", before: one, later: one, remove: true, top: "refuses", retr: 2},
		{name: "deleted, and there again, TOP lies", before: one, later: one, remove: true, top: "lies", retr: 2},
		{name: "kept, and there again, TOP lies", before: one, later: one, empty: 1, top: "lies", left: 2, retr: 2},
		{name: "deleted, others come, no TOP", before: one, later: two, remove: true, top: "refuses", again: 2, retr: 2},
		{name: "deleted, others come, TOP breaks the line", before: one, later: two, remove: true, top: "cuts", again: 2, retr: 2},
		{name: "deleted, others come without Message-ID", before: plain, later: other, remove: true, again: 1, retr: 1},
		{name: "deleted, and there again without Message-ID", before: plain, later: plain, remove: true, retr: 1},
		{name: "kept, others come later", before: one, later: two, empty: 1, again: 2, left: 2, retr: 2},
		{name: "kept, and there again", before: one, later: one, empty: 1, left: 2},
		{name: "kept, and there again without Message-ID", before: plain, later: plain, empty: 1, left: 1},
		{name: "kept, others come much later without Message-ID", before: plain, later: other, empty: 3, again: 1, left: 1, retr: 1},
		{name: "kept, and there again much later without Message-ID", before: plain, later: plain, empty: 3, left: 1, retr: 1},
		{name: "kept for a month, others come later", before: one, later: two, remove: true, after: month, empty: 1, again: 2, left: 2, retr: 2},
		{name: "another mailbox", before: one, later: two, moved: true, again: 2, left: 2, retr: 2},
		{name: "another mailbox with one of the messages", before: one, later: []pop3test.Message{one[0], two[1]}, moved: true, again: 1, left: 2, retr: 1},
		{name: "another mailbox without Message-ID", before: plain, later: other, moved: true, again: 1, left: 1, retr: 1},
		{name: "another mailbox, that is emptied", before: one, later: two, moved: true, remove: true, after: month, again: 2, left: 2, retr: 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.sink.messageIDs = true
			w.account.Delete, w.account.DeleteAfter = tt.remove, tt.after
			var delivered []string
			w.supervisor.Observe = func(e event.Event) {
				if d, ok := e.(event.Delivered); ok {
					delivered = append(delivered, d.UIDL)
				}
			}
			w.server.Users["u1"] = "pw0"
			w.server.Mailboxes["u0"], w.server.Mailboxes["u1"] = tt.before, nil
			w.server.Hook = badTOP(tt.top)
			w.start(t)
			now := time.Now()
			w.supervisor.now = func() time.Time { return now }
			poll := func() {
				t.Helper()
				if err := w.once(t); err != nil {
					t.Fatal(err)
				}
				now = now.Add(time.Hour)
			}
			poll()
			if len(delivered) != len(tt.before) {
				t.Fatalf("delivered %q", delivered)
			}
			user := "u0"
			if tt.moved {
				user, w.account.Username = "u1", "u1"
			}
			for range tt.empty {
				w.server.Replace(user)
				poll()
			}
			w.server.Replace(user, tt.later...)
			delivered, now = nil, now.Add(month/2)
			before := commands(w, "RETR")
			for range 3 {
				poll()
			}
			if len(delivered) != tt.again {
				t.Errorf("delivered %q later, want %d", delivered, tt.again)
			}
			if n := commands(w, "RETR") - before; n != tt.retr {
				t.Errorf("%d RETR, want %d", n, tt.retr)
			}
			if n := len(w.server.Mailbox(user)); n != tt.left {
				t.Errorf("%d messages left, want %d", n, tt.left)
			}
			if n := len(w.sink.Staged()); n > 0 {
				t.Errorf("%d staging files are left", n)
			}
			if tt.after > 0 {
				// The month counts from the later delivery, not from the one before.
				now = now.Add(month * 6 / 10)
				poll()
				if n := len(w.server.Mailbox(user)); n != tt.left {
					t.Errorf("%d messages left too early, want %d", n, tt.left)
				}
				now = now.Add(month)
				poll()
				if n := len(w.server.Mailbox(user)); n != 0 {
					t.Errorf("%d messages left after all", n)
				}
			}
		})
	}
}

// badTOP is a hook of a server that "cuts", "lies" or "refuses" at TOP.
func badTOP(does string) func(c *pop3test.Conn, cmd, _ string) bool {
	return func(c *pop3test.Conn, cmd, _ string) bool {
		if cmd != "TOP" {
			return false
		}
		switch does {
		case "cuts":
			c.Cut()
		case "lies":
			c.Reply("+OK", "Message-ID: <lie@example.org>", "", ".")
		case "refuses":
			c.Reply("-ERR unknown command")
		default:
			return false
		}
		return true
	}
}

// TestDeleteLater: a message that an earlier poll delivered is compared before it is deleted:
// nothing else may show that another message has taken its place.
func TestDeleteLater(t *testing.T) {
	t.Parallel()
	const month = 30 * 24 * time.Hour
	one, two := letters("u", "one", "two", "three"), letters("u", "one", "TWO", "three")
	dated := func(id string, days ...string) (messages []pop3test.Message) {
		for i, day := range days {
			messages = append(messages, pop3test.Message{UIDL: fmt.Sprint("u", i), Raw: []byte(id + "Date: " + day + "\r\n\r\nscan\r\n")})
		}
		return messages
	}
	const constant = "Message-ID: <scanner@example.org>\r\n"
	plain := []pop3test.Message{{UIDL: "u0", Raw: []byte("monday\r\n")}}
	for name, tt := range map[string]struct {
		first     []pop3test.Message // one, where it is nil
		later     []pop3test.Message
		after     time.Duration
		quit      bool // the server deletes nothing at first
		commit    int
		badTop    string
		left      int
		top, retr int // when the time has come
	}{
		"the same":                       {later: one, after: month, top: 3},
		"another":                        {later: two, after: month, left: 1, top: 3, retr: 1},
		"another, a few at a time":       {later: two, after: month, commit: 1, left: 1, top: 3, retr: 1},
		"the same, TOP lies":             {later: one, after: month, badTop: "lies", top: 3, retr: 3},
		"another, TOP lies":              {later: two, after: month, badTop: "lies", left: 1, top: 3, retr: 3},
		"no TOP":                         {later: one, after: month, badTop: "refuses", top: 3, retr: 3},
		"another, no TOP":                {later: two, after: month, badTop: "refuses", left: 1, top: 3, retr: 3},
		"another, TOP breaks the line":   {later: two, after: month, badTop: "cuts", left: 1, top: 2, retr: 3},
		"QUIT failed, another, no TOP":   {later: two, quit: true, badTop: "refuses", top: 3, retr: 3},
		"of no header, no TOP":           {first: plain, later: plain, after: month, badTop: "refuses"},
		"the same, without Message-ID":   {first: dated("", "Mon", "Tue"), later: dated("", "Mon", "Tue"), after: month, top: 2},
		"another, without Message-ID":    {first: dated("", "Mon", "Tue"), later: dated("", "Mon", "Wed"), after: month, left: 1, top: 2, retr: 1},
		"another of the same Message-ID": {first: dated(constant, "Mon", "Tue"), later: dated(constant, "Mon", "Wed"), after: month, left: 1, top: 2, retr: 1},
		"QUIT failed":                    {later: one, quit: true, top: 3},
		"QUIT failed, and another":       {later: two, quit: true, top: 3, retr: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.sink.messageIDs = true
			w.account.Delete, w.account.DeleteAfter, w.account.CommitDeletions = true, tt.after, tt.commit
			first := one
			if tt.first != nil {
				first = tt.first
			}
			w.server.Mailboxes["u0"] = first
			failing := tt.quit
			answerTOP := badTOP(tt.badTop)
			w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
				if cmd == "QUIT" && failing {
					c.Cut()
					return true
				}
				return answerTOP(c, cmd, args)
			}
			w.start(t)
			now := time.Now()
			w.supervisor.now = func() time.Time { return now }
			if err := w.once(t); (err != nil) != tt.quit {
				t.Fatal(err)
			}
			failing = false
			w.server.Replace("u0", tt.later...)
			top, retr := commands(w, "TOP"), commands(w, "RETR")
			now = now.Add(tt.after + time.Hour)
			if err := w.once(t); err != nil {
				t.Fatal(err)
			}
			if n := len(w.server.Mailbox("u0")); n != tt.left {
				t.Errorf("%d messages left, want %d", n, tt.left)
			}
			if n := commands(w, "TOP") - top; n != tt.top {
				t.Errorf("%d TOP, want %d", n, tt.top)
			}
			if n := commands(w, "RETR") - retr; n != tt.retr {
				t.Errorf("%d RETR, want %d", n, tt.retr)
			}
			want := map[string]bool{}
			for _, m := range append(slices.Clone(first), tt.later...) {
				want[string(m.Raw)] = true
			}
			if len(w.sink.Files()) != len(want) {
				t.Errorf("delivered %d files, want %d", len(w.sink.Files()), len(want))
			}
			now = now.Add(tt.after + time.Hour)
			if err := w.once(t); err != nil {
				t.Fatal(err)
			}
			if n := len(w.server.Mailbox("u0")); n != 0 {
				t.Errorf("%d messages left after all", n)
			}
		})
	}
}

// TestDeleteLaterOtherRules: on a server without TOP a message is retrieved before it is deleted,
// and its header decides. It is not delivered again where other attachments are taken from it by
// now.
func TestDeleteLaterOtherRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sink.messageIDs = true
	w.server.Mailboxes["u0"] = letters("u", "one", "two")
	w.server.Hook = noTOP
	w.start(t)
	w.poll(t)
	w.sink.bodies, w.account.Delete = true, true
	w.poll(t)
	if n := len(w.sink.Files()); n != 2 {
		t.Errorf("%d files, want the 2 of the first poll", n)
	}
	if n := len(w.server.Mailbox("u0")); n != 0 || commands(w, "RETR") != 4 {
		t.Errorf("%d messages left after %d RETR, want none after 4", n, commands(w, "RETR"))
	}
	if n := len(w.sink.Staged()); n > 0 {
		t.Errorf("%d staging files are left", n)
	}
}

// TestFailuresForgotten: the record of a failed attempt goes when no listed message has its name
// any more. The name is a UIDL, or one that a message in doubt was given.
func TestFailuresForgotten(t *testing.T) {
	t.Parallel()
	all := letters("u", "one", "two", "three")
	for name, tt := range map[string]struct {
		delivered bool // before the attempt failed
		later     []pop3test.Message
		want      int // files delivered
	}{
		"in doubt, and the same": {delivered: true, later: all, want: 3},
		"in doubt, and another":  {delivered: true, later: []pop3test.Message{all[0], {UIDL: "u1", Raw: []byte("Message-ID: <TWO@example.org>\r\n\r\nbody of two\r\n")}}, want: 4},
		"taken away":             {want: 2},
		"of another size":        {later: []pop3test.Message{{UIDL: "u1", Raw: []byte("Subject: another\r\n\r\nother text\r\n")}}, want: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.sink.messageIDs = true
			w.account.Delete, w.account.DeleteAfter = true, time.Hour
			w.server.Mailboxes["u0"] = all
			refuses := !tt.delivered
			w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
				if !refuses || cmd != "RETR" && cmd != "TOP" || c.UIDL(strings.Fields(args)[0]) != "u1" {
					return false
				}
				c.Reply("-ERR [SYS/TEMP] not now")
				return true
			}
			w.start(t)
			now := time.Now()
			w.supervisor.now = func() time.Time { return now }
			failures := func() int {
				t.Helper()
				if err := w.once(t); err != nil {
					t.Fatal(err)
				}
				records, err := w.supervisor.Ledger.Failures(t.Context(), w.account.Name)
				if err != nil {
					t.Fatal(err)
				}
				now = now.Add(2 * time.Hour)
				return len(records)
			}
			if tt.delivered && failures() != 0 {
				t.Fatal("a message could not be retrieved")
			}
			refuses = true
			if n := failures(); n != 1 {
				t.Fatalf("%d messages could not be retrieved, want 1", n)
			}
			refuses = false
			w.server.Replace("u0", tt.later...)
			if n := failures(); n != 0 {
				t.Errorf("%d messages that could not be retrieved are still known of", n)
			}
			failures()
			if len(w.sink.Files()) != tt.want {
				t.Errorf("delivered %d files, want %d", len(w.sink.Files()), tt.want)
			}
			if n := len(w.server.Mailbox("u0")); n != 0 {
				t.Errorf("%d messages are left", n)
			}
		})
	}
}

// TestReusedSomewhere: where UIDLs are used again for messages of other sizes, messages of the same
// size are compared too.
func TestReusedSomewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sink.messageIDs = true
	w.server.Mailboxes["u0"] = letters("u", "one", "two", "three", "four")
	w.start(t)
	w.poll(t)
	w.server.Replace("u0", letters("u", "longer", "TWO", "three", "FOUR")...)
	before := commands(w, "RETR")
	w.poll(t)
	w.poll(t)
	if n := commands(w, "RETR") - before; n != 3 {
		t.Errorf("%d RETR, want 3", n)
	}
	for _, id := range []string{"longer", "TWO", "FOUR"} {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(w.sink.Files())), func(path string) bool { return strings.Contains(path, "body of "+id) }) {
			t.Errorf("%s is missing", id)
		}
	}
}

// TestNumberedAnew: where UIDLs are small numbers, a new one below the known ones is a reason to
// compare those. A message that stays on the server for its size is not.
func TestNumberedAnew(t *testing.T) {
	t.Parallel()
	named := func(uidls string, ids ...string) []pop3test.Message {
		messages := letters("", ids...)
		for i, uidl := range strings.Fields(uidls) {
			messages[i].UIDL = uidl
		}
		return messages
	}
	long := strings.Repeat("long", 100)
	for name, tt := range map[string]struct {
		before, later []pop3test.Message
		top, again    int
	}{
		"rising":           {named("1 2", "a", "b"), named("1 2 3", "a", "b", "c"), 1, 1},
		"numbered anew":    {named("2 3", "a", "b"), named("1 2 3", "a", "c", "b"), 3, 1},
		"with a large one": {named("1 2 3", long, "a", "b"), named("1 2 3 4", long, "a", "b", "c"), 1, 1},
		"no numbers":       {named("u2 u3", "a", "b"), named("u1 u2 u3", "c", "a", "b"), 0, 1},
		"large numbers":    {named("123456789 12345678", "a", "b"), named("1 123456789 12345678", "c", "a", "b"), 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.sink.messageIDs = true
			w.account.MaxMessageSize = 200
			delivered := 0
			w.supervisor.Observe = func(e event.Event) {
				if _, ok := e.(event.Delivered); ok {
					delivered++
				}
			}
			w.server.Mailboxes["u0"] = tt.before
			w.start(t)
			w.poll(t)
			delivered = 0
			w.server.Replace("u0", tt.later...)
			w.poll(t)
			if n := commands(w, "TOP"); n != tt.top {
				t.Errorf("%d TOP, want %d", n, tt.top)
			}
			if delivered != tt.again {
				t.Errorf("%d delivered, want %d", delivered, tt.again)
			}
		})
	}
}
