package webtest

import (
	"strings"
	"time"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/trouble"
)

// Hostile are texts that senders, servers and file names may hold.
var Hostile = []string{
	`<script>alert(1)</script>`,
	`"onload="alert(1)`,
	`'><img src=x onerror=alert(1)>`,
	`javascript:alert(1)`,
	`{{.Data}}`,
	`</title></style></textarea><svg/onload=alert(1)>`,
	"photo\u202egpj.exe",
	"\x1b]0;title\a\x1b[2J",
	"two\r\nlines\tand\x00nothing",
	"bad utf-8 \xff\xfe and \u2028 \u200b",
	strings.Repeat("long", 1024),
	"&lt;b&gt; %3Cb%3E %s %00",
	"",
}

// HostileNames are account names that the configuration allows and that are hard to put into
// addresses and pages.
var HostileNames = []string{
	"a b & c", "100%25 sure", "#1; drop=table", "it's “quoted”", "naïve 納品書", "a+b=c", "x{y}z", "semi;colon,comma", "(1)", "100%", "🙂", "&amp;",
}

// Evil is a snapshot whose every text is hostile. Account i has the name HostileNames[i], and the
// other texts are the i-th of Hostile.
func Evil() *status.Snapshot {
	s := Rich()
	s.Version = 5
	s.Accounts, s.NeedsYou, s.Handled = nil, nil, nil
	states := []status.State{status.NeedsYou, status.Failing, status.Waiting, status.Polling, status.Fine}
	for i, name := range HostileNames {
		text := Hostile[i%len(Hostile)]
		a := account(name, states[i%len(states)])
		a.User, a.Host, a.Why, a.Said = text, text, text, text
		a.Session.Mechanism, a.Session.TLS = text, text
		a.Case = name
		c := status.Case{
			Key: name, Class: trouble.Class(text), Heading: "Login refused", Host: text, Accounts: []string{name}, Said: []string{text},
			Meaning: "It means " + text, Todo: "Do " + text, Since: Now.Add(-time.Hour), Last: Now, Attempts: 2,
		}
		if c.NeedsYou = i%2 == 0; c.NeedsYou {
			s.NeedsYou = append(s.NeedsYou, c)
		} else {
			c.Accounts = append(c.Accounts, HostileNames[0], HostileNames[2])
			s.Handled = append(s.Handled, c)
		}
		s.Accounts = append(s.Accounts, a)
	}
	s.Sentence, s.Rest = "Six things need you.", Hostile[0]+Hostile[6]
	m := &s.Machine
	m.Version = Hostile[0]
	m.Disks = []status.Disk{{Path: Hostile[0], Err: Hostile[2]}, {Path: Hostile[6]}}
	m.State = status.File{Path: Hostile[1], Err: Hostile[0]}
	m.History = status.File{Path: Hostile[1], Note: Hostile[2]}
	m.Config = status.Config{Path: Hostile[5], Loaded: Now, Failed: Now, Faults: Hostile, Warnings: Hostile}
	s.Certificates = []status.Certificate{{Host: Hostile[0], NotAfter: Now, Accounts: 2}}
	count(s)
	return s
}

// NewEvilHistory is a history whose every text is hostile.
func NewEvilHistory() *History {
	h := NewHistory()
	h.Items, h.Failures, h.Groups = nil, nil, nil
	for i, text := range Hostile {
		account := HostileNames[i%len(HostileNames)]
		name := text
		if name == "" {
			name = "unnamed"
		}
		id := h.Add(history.Item{
			At: Now.Add(time.Duration(i-20) * time.Minute), Account: account, UIDL: text, Message: int64(i + 1), Name: name, Path: text, SenderName: text,
			Sender: text, Subject: text, Kind: history.Kind(text), MediaType: text, Size: 1, Repairs: []string{text}, Original: text,
		})
		h.Left = append(h.Left, history.LeftOut{At: Now, Account: account, Message: id, UIDL: text, Name: text, Size: 2, Why: text, Key: text, Place: text})
		h.Groups = append(h.Groups, history.LeftOutGroup{Why: text, Key: text, Place: text, Names: []string{text, text}, Count: 3, Last: Now})
		h.Failures = append(h.Failures, history.Trouble{ID: int64(i + 1), Account: account, Host: text, Step: text, Class: text, Text: text, First: Now.Add(-time.Hour), Last: Now, Times: 2})
		h.Decide(history.Decision{At: Now, Account: account, What: "dropped", UIDL: text, Subject: text, Reason: text, By: text, Outcome: text})
	}
	return h
}
