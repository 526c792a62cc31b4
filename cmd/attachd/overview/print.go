package overview

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/trouble"
	"github.com/attachd/attachd/cmd/attachd/words"
)

const (
	// mostShown is how many accounts without trouble, files of a day, and messages in quarantine the
	// text shows.
	mostShown = 20
	// mostNames is how many accounts a case names.
	mostNames = 10
)

// Style says how the text is printed.
type Style struct {
	Width int  // of the terminal in columns; 0 breaks no line
	All   bool // leave nothing out
	Zone  *time.Location
}

// printer prints an overview.
type printer struct {
	*page
	*Overview
	style Style
	now   time.Time
}

// Print prints the overview for a person.
func (o *Overview) Print(w io.Writer, style Style) error {
	if style.Zone == nil {
		style.Zone = time.Local
	}
	p := &printer{newPage(w, style.Width), o, style, o.At.In(style.Zone)}
	p.prose("", o.Sentence)
	p.prose("", o.Rest)
	if !o.Running {
		p.prose("", "No attachd runs with this state at the moment; this is what its files say.")
	}
	p.cases("Needs you", o.NeedsYou)
	p.cases("Trouble that attachd handles by itself: nothing to do unless it lasts", o.Handled)
	p.accounts()
	p.came()
	p.quarantine()
	p.machine()
	return p.out.Flush()
}

// cases prints the cases of one kind.
func (p *printer) cases(heading string, list []status.Case) {
	if len(list) == 0 {
		return
	}
	p.heading(heading)
	for i := range list {
		c := &list[i]
		p.line()
		p.prose("  ", c.Heading+p.whose(c))
		p.prose("    ", p.times(c))
		for _, said := range c.Said {
			if c.Class != trouble.Quarantine || len(p.Quarantine) == 0 { // which are listed below
				p.prose("    | ", said)
			}
		}
		p.prose("    ", c.Meaning)
		if c.NeedsYou {
			p.prose("    ", "What to do: "+c.Todo)
		} else {
			p.prose("    ", c.Todo)
		}
	}
}

// whose names the accounts of a case, and its server.
func (p *printer) whose(c *status.Case) string {
	most := mostNames
	if p.style.All {
		most = len(c.Accounts)
	}
	text := ""
	if len(c.Accounts) > 0 {
		text = ": " + words.List(c.Accounts, most)
	}
	if c.Host != "" {
		text += " (" + c.Host + ")"
	}
	return text
}

// times says since when a case lasts, and when attachd tries again.
func (p *printer) times(c *status.Case) string {
	text := "since " + words.Clock(c.Since, p.now)
	if c.Attempts > 0 {
		text += ", " + words.Count(c.Attempts, "attempt")
		if c.Attempts > 1 {
			text += ", the last " + words.When(c.Last, p.now)
		}
	}
	if !c.Next.IsZero() && p.Running {
		text += "; next attempt " + words.When(c.Next, p.now)
	}
	if !c.Worked.IsZero() && c.Attempts > 0 {
		text += "; last success " + words.When(c.Worked, p.now)
	}
	return text
}

// accounts prints the accounts: those in trouble or at work, and some of the others.
func (p *printer) accounts() {
	if len(p.Accounts) == 0 {
		return
	}
	p.heading("Accounts")
	rows := [][]string{{"account", "state", "last success", "next poll", " failures", " left", "why"}}
	var working []*status.Account
	shown, left := 0, 0
	for i := range p.Accounts {
		a := &p.Accounts[i]
		if a.Progress != nil {
			working = append(working, a)
		}
		quiet := a.State == status.Fine || a.State == status.New || a.State == status.Off || a.State == status.Polling && a.Progress == nil
		if quiet && shown >= mostShown && !p.style.All {
			left++
			continue
		}
		if quiet {
			shown++
		}
		rows = append(rows, []string{a.Name, string(a.State), p.when(a.Worked, "never"), p.next(a), number(a.Failures), number(a.Backlog), a.Why})
	}
	p.table("  ", rows...)
	if left > 0 {
		p.line("  and ", words.Count(left, "other"), " without trouble: --all shows them")
	}
	p.tooLarge()
	for _, a := range working {
		p.prose("  ", words.Visible(a.Name)+" is fetching: "+progress(a.Progress))
	}
}

// tooLarge names the accounts with messages that stay on the server for their size.
func (p *printer) tooLarge() {
	var names []string
	messages := 0
	for i := range p.Accounts {
		if a := &p.Accounts[i]; a.TooLarge > 0 {
			messages += a.TooLarge
			names = append(names, words.Visible(a.Name)+" ("+words.Number(int64(a.TooLarge))+")")
		}
	}
	if messages == 0 {
		return
	}
	most := mostShown
	if p.style.All {
		most = len(names)
	}
	slices.Sort(names)
	stay, they := "stay", "they are"
	if messages == 1 {
		stay, they = "stays", "it is"
	}
	p.prose("  ", words.Count(messages, "message")+" "+stay+" on the server, larger than max_message_size: "+words.List(names, most)+". Raise it, and "+they+" fetched.")
}

func (p *printer) when(t time.Time, never string) string {
	if t.IsZero() {
		return never
	}
	return words.When(t, p.now)
}

// next says when an account is polled next. Without a running attachd nobody knows.
func (p *printer) next(a *status.Account) string {
	switch {
	case !p.Running, a.State == status.Off:
		return ""
	case a.Next.IsZero() && a.State != status.Polling:
		return "due"
	}
	return p.when(a.Next, "under way")
}

// number is a number, and nothing for 0.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return words.Number(int64(n))
}

// progress says how far a poll is.
func progress(f *status.Progress) string {
	text := fmt.Sprintf("%s of %s, %s of %s", words.Number(int64(f.Messages)), words.Count(f.Of, "message"), words.Size(f.Octets), words.Size(f.OfOctets))
	if f.Rate > 0 {
		text += ", " + words.Size(int64(f.Rate)) + "/s"
	}
	if f.Left > 0 {
		text += ", " + words.For(f.Left) + " left"
	}
	return text
}

// came prints what came in today and yesterday.
func (p *printer) came() {
	switch {
	case p.Unread != "":
		p.heading("What came in is not known: the history can't be read")
		p.prose("    | ", p.Unread)
		return
	case p.Came == nil:
		p.heading("What came in is not known: there is no history yet")
		return
	}
	for _, day := range []struct {
		name string
		is   *Day
	}{{"today", &p.Came.Today}, {"yesterday", &p.Came.Yesterday}} {
		if day.is.Files == 0 {
			p.heading("Nothing came in " + day.name)
			continue
		}
		p.heading(fmt.Sprintf("Came in %s: %s, %s", day.name, words.Count(day.is.Files, "file"), words.Size(day.is.Bytes)))
		rows := [][]string{{"at", "account", "from", " size", "file"}}
		for _, f := range day.is.Items {
			if len(rows) > mostShown && !p.style.All {
				break
			}
			rows = append(rows, []string{f.At.In(p.style.Zone).Format("15:04"), f.Account, f.Sender, words.Size(f.Size), f.Name})
		}
		p.table("  ", rows...)
		p.andMore(day.is.Files-len(rows)+1, len(day.is.Items)-len(rows)+1)
	}
}

// andMore says how many more there are, and how to see them: some of them at least.
func (p *printer) andMore(more, some int) {
	switch {
	case more > 0 && some > 0:
		p.line("  and ", words.Number(int64(more)), " more: --all shows ", map[bool]string{true: "them", false: "the newest"}[some >= more])
	case more > 0:
		p.line("  and ", words.Number(int64(more)), " more, on the page")
	}
}

// quarantine prints what is in quarantine.
func (p *printer) quarantine() {
	if len(p.Quarantine) == 0 {
		return
	}
	p.heading("In quarantine: " + words.Count(len(p.Quarantine), "message"))
	for i, q := range p.Quarantine {
		if i == mostShown && !p.style.All {
			p.andMore(len(p.Quarantine)-i, len(p.Quarantine)-i)
			break
		}
		subject := "a message without a subject"
		if q.Subject != "" {
			subject = "“" + words.Visible(q.Subject) + "”"
		}
		if q.From != "" {
			subject += " from " + words.Visible(q.From)
		}
		p.prose("  ", fmt.Sprintf("%s, for %s, %s, %s", subject, q.Account, words.Size(q.Size), p.when(q.Since, "at an unknown time")))
		p.prose("    | ", q.Reason)
		p.prose("    ", "attachd quarantine show "+q.Account+" "+q.ID)
	}
}

// machine prints what attachd runs on.
func (p *printer) machine() {
	if !p.Running {
		return
	}
	m := &p.Machine
	var disks []string
	for i, d := range m.Disks {
		same := i > 0 && d.Free == m.Disks[0].Free && d.Total == m.Disks[0].Total // most likely one disk
		if d.Err == "" && !same {
			disks = append(disks, words.Size(d.Free)+" free in "+words.Visible(d.Path))
		}
	}
	p.line()
	text := "attachd " + m.Version + ", up for " + words.For(p.now.Sub(m.Started))
	if len(disks) > 0 {
		text += "; " + strings.Join(disks, ", ")
	}
	p.prose("", text+"; configuration read "+words.When(m.Config.Loaded, p.now)+".")
}
