package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/attachd/attachd/cmd/attachd/trouble"
	"github.com/attachd/attachd/cmd/attachd/words"
)

const (
	// mostSaid is how many different texts a case keeps.
	mostSaid = 5
	// soon is when some troubles need somebody that others may wait longer for: a full disk, and an
	// account that has never worked.
	soon = time.Hour
	// lateTwice is how many polls in a row have to come late.
	lateTwice = 2
)

// cases collects the cases of a snapshot.
type cases struct {
	now                              time.Time
	needsYouAfter, certificateBefore time.Duration
	groups                           map[string]*group
}

// group is a case that is being put together.
type group struct {
	Case
	subject trouble.Subject
}

// failing adds a failure of an account to the case with the same cause, and returns that.
func (c *cases) failing(a *account, f *failure) *group {
	g := c.group(f.key, f.Class, a.settings.subject)
	g.Host = f.Host
	g.Accounts = append(g.Accounts, a.now.Name)
	g.say(f.Text)
	g.Since, g.Last = firstOf(g.Since, f.Since), lastOf(g.Last, f.Last)
	g.Next, g.Worked = firstOf(g.Next, a.now.Next), lastOf(g.Worked, a.now.Worked)
	g.Attempts += f.Times
	return g
}

// group returns the case with a key, which it makes if it is new.
func (c *cases) group(key string, class trouble.Class, subject trouble.Subject) *group {
	g := c.groups[key]
	if g == nil {
		g = &group{Case: Case{Key: key, Class: class, NeedsYou: class.Advice().Owner == trouble.Person}, subject: subject}
		c.groups[key] = g
	}
	return g
}

// say adds a text, if it is a new one and there are not too many.
func (g *group) say(text string) {
	if text != "" && len(g.Said) < mostSaid && !slices.Contains(g.Said, text) {
		g.Said = append(g.Said, text)
	}
}

// ofAccount finds the cases of an account, and returns the key of the worst, its whole text, and
// why in a few words.
func (c *cases) ofAccount(a *account, started time.Time) (key, said, why string, owner trouble.Owner) {
	if a.late >= lateTwice {
		g := c.group(string(trouble.PollsLate), trouble.PollsLate, a.settings.subject)
		g.Accounts = append(g.Accounts, a.now.Name)
		g.Since, g.Last = firstOf(g.Since, a.lateFrom), lastOf(g.Last, a.waiting)
		g.say(fmt.Sprintf("%s waited %s for its turn, and its interval is %s", a.now.Name, words.For(a.lag), words.For(a.settings.interval)))
	}
	f := a.worst()
	if f == nil {
		return c.noMail(a, started)
	}
	g := c.failing(a, f)
	advice := f.Class.Advice()
	if advice.Owner != trouble.Person && c.now.Sub(c.since(a, f)) >= c.patience(a, f) {
		g.NeedsYou = true
	}
	return g.Key, f.Text, advice.Short, advice.Owner
}

// since is from when on the wait for a success counts.
func (c *cases) since(a *account, f *failure) time.Time {
	if f == a.partial {
		return f.Since
	}
	return a.silentSince()
}

// patience is how long a failure may last before it needs somebody.
func (c *cases) patience(a *account, f *failure) time.Duration {
	neverWorked := a.now.Worked.IsZero() && !a.checked.before
	if f.Class == trouble.DiskFull || f.Class == trouble.DiskReserved || neverWorked && f != a.partial {
		return min(soon, c.needsYouAfter)
	}
	return c.needsYouAfter
}

// noMail makes a case of an account that works and gets no mail for too long. What came before
// attachd began to count is not known.
func (c *cases) noMail(a *account, started time.Time) (key, said, why string, owner trouble.Owner) {
	since := a.now.Mail
	if since.IsZero() {
		since = started
	}
	within := a.settings.mailWithin
	if within <= 0 || c.now.Sub(since) < within || a.now.Worked.IsZero() {
		return "", "", "", trouble.Itself
	}
	g := c.group(string(trouble.NoMail)+"/"+a.now.Name, trouble.NoMail, a.settings.subject)
	g.Accounts, g.Host = []string{a.now.Name}, a.now.Host
	g.Since, g.Last, g.Worked = since.Add(within), a.now.Polled, a.now.Worked
	said = fmt.Sprintf("no mail came since %s, and mail_within is %s", words.Stamp(since), words.For(within))
	g.say(said)
	return g.Key, said, trouble.NoMail.Advice().Short, trouble.Person
}

// certificate makes a case of a server's certificate that ends soon. One that has ended makes
// logins fail, and is a case by that.
func (c *cases) certificate(is Certificate) *group {
	left := is.NotAfter.Sub(c.now)
	if c.certificateBefore <= 0 || left >= c.certificateBefore || left < 0 {
		return nil
	}
	g := c.group(string(trouble.CertificateEnding)+"/"+is.Host, trouble.CertificateEnding, trouble.Subject{Host: is.Host})
	g.Host = is.Host
	g.Since, g.Last = is.NotAfter.Add(-c.certificateBefore), c.now
	g.say(fmt.Sprintf("the certificate of %s ends on %s", is.Host, words.Stamp(is.NotAfter)))
	return g
}

// order puts what concerns all accounts first, though none of them says so, and what keeps accounts
// from working before what else there is.
func order(c *Case) int {
	switch {
	case c.Class == trouble.NotRunning, c.Class == trouble.SchedulerStuck:
		return 0
	case c.Attempts > 0:
		return 1
	}
	return 2
}

// split fills in the words of the cases and parts those that need somebody from the others.
func (c *cases) split() (needsYou, handled []Case) {
	needsYou, handled = []Case{}, []Case{} // an empty list in JSON, and not null
	for _, g := range c.groups {
		subject := g.subject
		if len(g.Accounts) > 1 {
			subject.Account, subject.Secret = "", ""
		}
		advice := g.Class.AdviceFor(subject)
		g.Heading, g.Meaning, g.Todo = cmp.Or(g.Heading, advice.Heading), advice.Meaning, advice.Todo
		slices.Sort(g.Accounts)
		if g.NeedsYou {
			needsYou = append(needsYou, g.Case)
		} else {
			handled = append(handled, g.Case)
		}
	}
	for _, list := range [][]Case{needsYou, handled} {
		slices.SortFunc(list, func(x, y Case) int {
			return cmp.Or(order(&x)-order(&y), cmp.Compare(len(y.Accounts), len(x.Accounts)), x.Since.Compare(y.Since), strings.Compare(x.Key, y.Key))
		})
	}
	return needsYou, handled
}
