package fetcher

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestShort: a message that comes much shorter than LIST says is neither delivered nor deleted. It
// is retrieved again, and kept as it is in the end. This holds only where the server's sizes mean
// something.
func TestShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("text\r\n", 100)
	for _, tt := range []struct {
		name    string
		others  int    // other messages, whose sizes are right
		whole   bool   // they show that they have come to their end
		body    string // what comes of the message, of 600 octets
		factor  int64  // of the sizes in LIST
		times   int    // so often
		uidl    bool
		states  string
		left    int
		reports string // the reason of the quarantine
	}{
		{name: "nothing, once", body: "", times: 1, uidl: true, states: "deleted"},
		{name: "nothing, always", body: "", times: 99, uidl: true, states: "quarantined", left: 1, reports: "0 octets came of the 600 that LIST says (attempt 3)"},
		{name: "the beginning, once", others: 1, body: long[:60], times: 1, uidl: true, states: "deleted"},
		{name: "the beginning, always", others: 1, body: long[:60], times: 99, uidl: true, states: "quarantined", left: 1, reports: "60 octets came of the 600 that LIST says (attempt 3)"},
		{name: "more than half", others: 1, body: long[:360], times: 99, uidl: true, states: "quarantined", left: 1, reports: "360 octets came of the 600 that LIST says (attempt 3)"},
		{name: "sizes that are too large, of one message", body: long, factor: 10, times: 99, uidl: true, states: "delivered", left: 1},
		{name: "sizes that are always too large", others: 1, whole: true, body: long, factor: 10, times: 99, uidl: true, states: "deleted"},
		{name: "sizes that are always too large, an empty message too", others: 1, whole: true, body: "", factor: 10, times: 99, uidl: true, states: "deleted"},
		{name: "the beginning, without UIDL", others: 1, body: long[:60], times: 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.account.Delete = true
			var raws []pop3test.Message
			for i := range tt.others {
				raw := strings.Repeat("other\r\n", 50)
				if tt.whole {
					raw = multipart(i, raw)
				}
				raws = append(raws, pop3test.Message{UIDL: fmt.Sprint("other", i), Raw: []byte(raw)})
			}
			w.server.Mailboxes["u0"] = append(raws, pop3test.Message{UIDL: "short", Raw: []byte(long)})
			short := 0
			w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
				mailbox := w.server.Mailbox("u0")
				switch {
				case cmd == "UIDL" && !tt.uidl:
					return noUIDL(c, cmd, args)
				case cmd == "LIST" && tt.factor > 0:
					lines := []string{"+OK"}
					for i, m := range mailbox {
						lines = append(lines, fmt.Sprint(i+1, " ", int64(len(m.Raw))*tt.factor))
					}
					c.Reply(append(lines, ".")...)
					return true
				case cmd == "RETR" && mailbox[number(args)-1].UIDL == "short" && short < tt.times:
					short++
					c.Send([]byte("+OK\r\n" + tt.body + ".\r\n"))
					return true
				}
				return false
			}
			w.start(t)
			now := time.Now()
			w.supervisor.now = func() time.Time { return now }
			for range 6 {
				if err := w.once(t); err != nil && !strings.Contains(err.Error(), "could not be kept") {
					t.Fatal(err)
				}
				now = now.Add(time.Hour)
			}
			if left := len(w.server.Mailbox("u0")); left != tt.left {
				t.Errorf("%d messages left, want %d", left, tt.left)
			}
			if tt.uidl {
				if got, _, _ := strings.Cut(w.states(t, "short"), "/"); got != tt.states {
					t.Errorf("state %q, want %q", got, tt.states)
				}
			}
			if kept, err := w.ledger.Quarantined(t.Context(), "lab"); err != nil || len(kept) > 0 != (tt.reports != "") || len(kept) > 0 && kept[0].Reason != tt.reports {
				t.Errorf("in quarantine is %+v, error %v, want %q", kept, err, tt.reports)
			}
			if tt.times < 99 && !strings.Contains(w.has(), strings.TrimSpace(long)) {
				t.Errorf("delivered %q", w.has())
			}
		})
	}
}

func number(args string) (n int) {
	fmt.Sscan(args, &n)
	return n
}

// multipart returns a message that shows that it is whole.
func multipart(n int, text string) string {
	return fmt.Sprintf("Message-ID: <%d@example.org>\r\nContent-Type: multipart/mixed;\r\n boundary=\"=_b%[1]d\"\r\n\r\n--=_b%[1]d\r\n\r\n%s\r\n--=_b%[1]d--\r\n", n, text)
}

// single returns a message with an end that nothing shows.
func single(n int, text string) string {
	return fmt.Sprintf("Message-ID: <%d@example.org>\r\nSubject: %[1]d\r\nContent-Type: application/pdf\r\n\r\n%s", n, text)
}

// TestCut: mail that the server cuts and ends properly is asked for again, and is never deleted
// while it stays cut, also where nothing is known of the server yet. Servers that count sizes
// differently are emptied as usual.
func TestCut(t *testing.T) {
	t.Parallel()
	text := strings.Repeat(strings.Repeat("x", 76)+"\r\n", 1000)
	part := func(percent int) func(string) string {
		return func(raw string) string { return raw[:strings.LastIndex(raw[:len(raw)*percent/100], "\n")+1] }
	}
	headers := func(raw string) string { return raw[:strings.Index(raw, "\r\n\r\n")+4] }
	intact := func(raw string) string { return raw }
	for _, tt := range []struct {
		name   string
		raws   []string
		cut    func(raw string) string // of the first cuts messages
		cuts   int
		times  int                  // that each is cut; 0 is always
		size   func(raw string) int // as LIST has it
		known  bool                 // sizes were right at an earlier poll
		keep   bool
		left   int
		state  string // of the first message at the end
		failed bool   // the first poll, as attachd run --once tells by exit code 75
	}{
		{name: "3 %", raws: []string{single(0, text)}, cut: part(3), cuts: 1, left: 1, state: "delivered", failed: true},
		{name: "55 %", raws: []string{single(0, text)}, cut: part(55), cuts: 1, left: 1, state: "delivered", failed: true},
		{name: "90 %", raws: []string{multipart(0, text)}, cut: part(90), cuts: 1, left: 1, state: "delivered", failed: true},
		{name: "97 %", raws: []string{single(0, text)}, cut: part(97), cuts: 1, left: 1, state: "delivered", failed: true},
		{name: "once", raws: []string{single(0, text)}, cut: part(55), cuts: 1, times: 1, state: "deleted", failed: true},
		{name: "kept", raws: []string{single(0, text)}, cut: part(55), cuts: 1, keep: true, left: 1, state: "delivered", failed: true},
		{name: "kept, once", raws: []string{single(0, text)}, cut: part(55), cuts: 1, times: 1, keep: true, left: 1, state: "delivered", failed: true},
		{name: "header only", raws: []string{multipart(0, text)}, cut: headers, cuts: 1, left: 1, state: "delivered", failed: true},
		{name: "all of a session", raws: []string{single(0, text), multipart(1, text+text), multipart(2, text[:7800])}, cut: part(45), cuts: 3, left: 3, state: "delivered", failed: true},
		{name: "a little, among exact sizes", raws: []string{single(0, text), single(1, "one\r\n"), multipart(2, "two\r\n")}, cut: part(97), cuts: 1, left: 1, state: "quarantined", failed: true},
		{name: "a little, known to be exact", raws: []string{single(0, text)}, cut: part(97), cuts: 1, known: true, left: 1, state: "quarantined", failed: true},
		{name: "LF counts", raws: []string{single(0, text), multipart(1, text)}, cut: intact, state: "deleted", size: func(raw string) int { return len(raw) - strings.Count(raw, "\r") }},
		{name: "CR LF counts, LF comes", raws: []string{single(0, strings.ReplaceAll(text, "\r", ""))}, cut: intact, state: "deleted", known: true, size: func(raw string) int { return len(raw) + strings.Count(raw, "\n") }},
		{name: "stuffed dots count", raws: []string{single(0, strings.Repeat(".\r\n.x\r\n", 9))}, cut: func(raw string) string { return strings.ReplaceAll(raw, "\n.", "\n..") }, cuts: 1, state: "deleted", known: true, size: func(raw string) int { return len(raw) + strings.Count(raw, "\n.") }},
		{name: "estimates", raws: []string{multipart(0, text), multipart(1, text[:780])}, cut: intact, state: "deleted", size: func(raw string) int { return len(raw)*11/10 + 512 }},
		{name: "estimates, known to be exact", raws: []string{multipart(0, text), single(1, text)}, cut: intact, state: "deleted", known: true, size: func(raw string) int { return len(raw)*11/10 + 512 }},
		{name: "sizes of 0", raws: []string{single(0, text)}, cut: intact, state: "deleted", size: func(string) int { return 0 }},
		{name: "one size for all", raws: []string{single(0, "a\r\n"), single(1, text), single(2, text+text)}, cut: intact, state: "deleted", size: func(string) int { return 200_000 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.account.Delete = !tt.keep
			var messages []pop3test.Message
			sizes := make(map[string]string)
			cuts := make(map[string]int)
			for i, raw := range tt.raws {
				uidl := fmt.Sprint("m", i)
				messages = append(messages, pop3test.Message{UIDL: uidl, Raw: []byte(raw)})
				if i < tt.cuts {
					cuts[uidl] = cmp.Or(tt.times, 99)
				}
				sizes[uidl] = fmt.Sprint(len(raw))
				if tt.size != nil {
					sizes[uidl] = fmt.Sprint(tt.size(raw))
				}
			}
			w.server.Mailboxes["u0"] = messages
			w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
				switch {
				case cmd == "LIST" && args == "":
					c.Reply("+OK")
					for n := 1; c.UIDL(fmt.Sprint(n)) != ""; n++ {
						c.Reply(fmt.Sprint(n, " ", sizes[c.UIDL(fmt.Sprint(n))]))
					}
					c.Reply(".")
					return true
				case cmd == "RETR" && cuts[c.UIDL(args)] > 0:
					cuts[c.UIDL(args)]--
					c.Send([]byte("+OK " + sizes[c.UIDL(args)] + " octets\r\n" + tt.cut(string(messages[number(c.UIDL(args)[1:])].Raw)) + ".\r\n"))
					return true
				}
				return false
			}
			w.start(t)
			now := time.Now()
			w.supervisor.now = func() time.Time { return now }
			if tt.known {
				if err := w.ledger.SetHost(t.Context(), w.account.Addr, ledger.Host{Exact: now.Add(-time.Hour)}); err != nil {
					t.Fatal(err)
				}
			}
			for n := range 5 {
				if err := w.once(t); (err != nil) != tt.failed && n == 0 {
					t.Errorf("first poll: error %v", err)
				}
				now = now.Add(time.Hour)
			}
			if left := len(w.server.Mailbox("u0")); left != tt.left {
				t.Errorf("%d messages left, want %d", left, tt.left)
			}
			if got, _, _ := strings.Cut(w.states(t, "m0"), "/"); got != tt.state {
				t.Errorf("state %q, want %q", got, tt.state)
			}
			for i, raw := range tt.raws {
				if cuts[fmt.Sprint("m", i)] == 0 && !w.hasWhole(raw) {
					t.Errorf("message %d was not delivered whole", i)
				}
			}
		})
	}
}

// hasWhole reports whether exactly these bytes were delivered.
func (w *world) hasWhole(raw string) bool {
	w.sink.mu.Lock()
	defer w.sink.mu.Unlock()
	for _, body := range w.sink.Files() {
		if string(body) == raw {
			return true
		}
	}
	return false
}
