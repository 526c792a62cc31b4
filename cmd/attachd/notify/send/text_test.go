package send_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/cmd/attachd/notify/send"
)

// checkText compares the plain text of notice().
func checkText(t *testing.T, got string) {
	t.Helper()
	want := `Login refused: mx.example:995, 14 accounts

The server does not take the password.
Since: Fri 27 Nov 2026, 12:29:03 +01:00, for 2 h
Server: mx.example:995
Accounts: hans, eva and 12 more
The error in full:
    -ERR <b>\x1b[31mno\u202e\r
    Bcc: victim@example.org\r
    \r
    ` + "`<!channel> @everyone ```x & <https://evil.example|click>" + `
What to do: Put the right password into the file.
attachd tries again in 8 min, at 14:37.

https://attachd.example/
attachd on box, Fri 27 Nov 2026, 14:29:03 +01:00
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

// TestTitles: a notice says in one line what there is.
func TestTitles(t *testing.T) {
	t.Parallel()
	item := func(e send.Event, heading, host string, accounts ...string) send.Item {
		return send.Item{Event: e, Heading: heading, Host: host, Accounts: accounts, Since: at.Add(-time.Hour), Ended: at}
	}
	for want, n := range map[string]send.Notice{
		"Disk is getting full":                          {Items: []send.Item{item(send.Begin, "Disk is getting full", "")}},
		"Login refused: hans":                           {Items: []send.Item{item(send.Begin, "Login refused", "mx:995", "hans")}},
		"Still: Server silent: mx:995, 2 accounts":      {Items: []send.Item{item(send.Remind, "Server silent", "mx:995", "a", "b")}},
		"Over: Login refused: hans":                     {Items: []send.Item{item(send.End, "Login refused", "mx:995", "hans")}},
		"Was, and is over: Login refused: hans":         {Items: []send.Item{item(send.Over, "Login refused", "mx:995", "hans")}},
		"More: 3 messages in quarantine: hans":          {Items: []send.Item{item(send.More, "3 messages in quarantine", "", "hans")}},
		"2 new, 1 over: Login refused and others":       {Items: []send.Item{item(send.Begin, "Login refused", ""), item(send.Begin, "x", ""), item(send.End, "y", "")}},
		`Evil \x1b[2J\r\n: h\u202e`:                     {Items: []send.Item{item(send.Begin, "Evil \x1b[2J\r\n", "", "h\u202e")}},
		"One notice was dropped":                        {Dropped: 1},
		"1,200 notices were dropped":                    {Dropped: 1200},
		"This is a test, all is well":                   {Test: true},
		"1 grown, 2 still there: Quarantine and others": {Items: []send.Item{item(send.More, "Quarantine", ""), item(send.Remind, "x", ""), item(send.Remind, "y", "")}},
	} {
		n.Sort()
		if got := n.Title(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestDigest: many cases are one notice of bounded size, the most important in full.
func TestDigest(t *testing.T) {
	t.Parallel()
	n := &send.Notice{At: at, Machine: "box", Dropped: 3}
	for i := range 1000 {
		n.Items = append(n.Items, send.Item{Event: send.Begin, Key: fmt.Sprint(i), Heading: fmt.Sprintf("Trouble %d", i), Host: "mx", Accounts: []string{"a"}, NeedsYou: i == 999, Since: at.Add(time.Duration(i) * time.Second)})
	}
	n.Sort()
	text := post(t, "generic", n)["text"].(string)
	lines := strings.Split(text, "\n")
	if lines[0] != "1,000 new: Trouble 999 and others." || lines[2] != "Trouble 999: a" || len(lines) > 130 {
		t.Errorf("%d lines:\n%s", len(lines), text)
	}
	for _, want := range []string{"Trouble 0: a", "Trouble 48: a\n\nAnd 950 more.", "3 notices were dropped before this one"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
