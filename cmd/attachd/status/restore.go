package status

import (
	"slices"
	"time"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/cmd/attachd/trouble"
	"github.com/attachd/attachd/cmd/attachd/words"
)

// Restore tells the board what happened before this process began, so that a restart neither hides
// a trouble nor begins it anew. It concerns the accounts of the configuration that have not been
// polled since.
func (b *Board) Restore(p Past) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changes++
	for name, a := range b.accounts {
		if a.checked.polled {
			continue
		}
		a.restorePolls(p.Polls[name])
		a.now.Mail = lastOf(a.now.Mail, p.Mail[name]) // its first poll may be under way
		a.now.TooLarge = p.TooLarge[name]
		if at := p.Polled[name]; !at.IsZero() {
			a.checked.before = true
			if a.now.Polled.IsZero() {
				a.now.Polled = at
			}
		}
	}
	for _, t := range p.Open {
		if a := b.accounts[t.Account]; a != nil && !a.checked.polled && a.settings.enabled {
			a.restoreTrouble(t)
		}
	}
	for _, a := range b.accounts {
		// Without a history nobody knows how its last poll ended. That it was polled and has no
		// trouble is all that can be said.
		if a.now.Worked.IsZero() && a.failure == nil && !a.checked.polled {
			a.now.Worked = a.now.Polled
		}
	}
}

// restorePolls fills the strip.
func (a *account) restorePolls(polls []history.Poll) {
	if len(polls) == 0 {
		return
	}
	polls = slices.Clone(polls)
	slices.SortFunc(polls, func(x, y history.Poll) int { return x.At.Compare(y.At) })
	for _, p := range polls[max(len(polls)-StripLength, 0):] {
		a.now.Strip.push(tickOf(p.Files, p.Trouble != 0))
		if p.Trouble == 0 {
			a.now.Worked = p.At
		}
		a.now.Polled, a.now.Session.Took = p.At, p.Took
	}
	a.checked.before = true
}

// restoreTrouble takes up a trouble that had not ended.
func (a *account) restoreTrouble(t history.Trouble) {
	if t.Host != "" && t.Host != a.now.Host || !t.Over.IsZero() {
		return // the account has another server now
	}
	known := &failure{Since: t.First, Last: t.Last, Times: max(t.Times, 1)}
	known.take(trouble.Trouble{Host: t.Host, Step: t.Step, Class: trouble.Class(t.Class), Text: words.VisibleLines(t.Text)})
	if t.Step == "messages" { // its visits went well
		a.partial = known
		a.now.Worked, a.now.Polled = lastOf(a.now.Worked, t.Last), lastOf(a.now.Polled, t.Last)
		return
	}
	a.failure = known
	a.now.Since, a.now.Failures = firstOf(a.now.Since, t.First), a.now.Failures+known.Times
	a.now.Polled = lastOf(a.now.Polled, t.Last)
}

// firstOf returns the earlier time that is not zero.
func firstOf(x, y time.Time) time.Time {
	if x.IsZero() || !y.IsZero() && y.Before(x) {
		return y
	}
	return x
}

// lastOf returns the later time.
func lastOf(x, y time.Time) time.Time {
	if x.Before(y) {
		return y
	}
	return x
}
