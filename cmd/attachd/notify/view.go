package notify

import (
	"slices"
	"time"

	"github.com/attachd/attachd/cmd/attachd/notify/send"
	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/trouble"
	"github.com/attachd/attachd/cmd/attachd/words"
	"github.com/attachd/attachd/config"
)

// maxSaid is how many texts of errors a case shows, as [status.Case] says.
const maxSaid = 5

// view is a case as one receiver may see it.
type view struct {
	Item     send.Item `json:"item"`
	Accounts []string  `json:"accounts,omitempty"` // all of them
	Messages int       `json:"messages,omitempty"` // in quarantine, where the case is about these
	Polls    bool      `json:"polls,omitempty"`    // polls of the accounts fail
}

// size is how much there is of a case: messages or accounts.
func (v *view) size() int { return max(v.Messages, len(v.Accounts)) }

// atOnce are the classes that time does not mend. All others may be over soon: a login that is
// refused, a name that is not found, polls that come late.
var atOnce = map[trouble.Class]bool{
	trouble.SignInEnded: true, trouble.SignInMissing: true, trouble.TokenRefused: true, trouble.TokenSettings: true,
	trouble.Quarantine: true, trouble.QuarantineFull: true, trouble.Unfetchable: true,
	trouble.DiskLow: true, trouble.InodesLow: true, trouble.CertificateEnding: true, trouble.NoMail: true, trouble.ConfigFaulty: true,
}

// atOnce reports whether a case is told as soon as it is there.
func (v *view) atOnce() bool { return v.Item.NeedsYou && atOnce[trouble.Class(v.Item.Class)] }

// differs reports whether two views differ in what has to survive a restart.
func (v *view) differs(o *view) bool {
	return v.Messages != o.Messages || v.Polls != o.Polls || v.Item.NeedsYou != o.Item.NeedsYou || !slices.Equal(v.Accounts, o.Accounts)
}

// world is a snapshot and what the rules need beside it.
type world struct {
	now           time.Time
	started       time.Time // attachd
	after, remind time.Duration
	accounts      map[string]*status.Account
	zone          *time.Location

	once    bool // polls are made once, and all were
	flying  bool // to this receiver
	dropped int  // counts what is dropped
}

func newWorld(s *status.Snapshot, n config.Notify, now, started time.Time, zone *time.Location) *world {
	w := &world{now: now, started: started, after: n.After, remind: n.Remind, zone: zone, accounts: make(map[string]*status.Account, len(s.Accounts))}
	if s.Machine.Started.After(started) {
		w.started = s.Machine.Started
	}
	for i := range s.Accounts {
		w.accounts[s.Accounts[i].Name] = &s.Accounts[i]
	}
	return w
}

// views returns the cases of a snapshot that a receiver may see. That it cannot be reached is no
// news for it.
func (w *world) views(s *status.Snapshot, r *receiver) []view {
	var views []view
	for _, cases := range [][]status.Case{s.NeedsYou, s.Handled} {
		for i := range cases {
			if cases[i].Class == trouble.HistoryNew || cases[i].Key == r.key() {
				continue // the history made anew needs nothing
			}
			if v, ok := w.view(&cases[i], r); ok {
				views = append(views, v)
			}
		}
	}
	return views
}

// view is one case as a receiver may see it.
func (w *world) view(c *status.Case, r *receiver) (view, bool) {
	v := view{Accounts: c.Accounts, Messages: c.Messages, Item: send.Item{
		Key: c.Key, Class: string(c.Class), Heading: c.Heading, NeedsYou: c.NeedsYou, Host: c.Host,
		Said: c.Said, Meaning: c.Meaning, Todo: c.Todo, Since: w.in(c.Since), Next: w.in(c.Next),
	}}
	if len(r.config.Accounts) > 0 {
		v.Accounts = nil
		for _, name := range c.Accounts {
			if r.concerns(name) {
				v.Accounts = append(v.Accounts, name)
			}
		}
		if len(v.Accounts) == 0 {
			return v, false
		}
		if len(v.Accounts) < len(c.Accounts) {
			w.narrow(&v)
		}
	}
	for _, name := range v.Accounts {
		a := w.accounts[name]
		v.Polls = v.Polls || a != nil && a.Case == c.Key && a.Failures > 0
	}
	if v.Item.Since.IsZero() {
		v.Item.Since = w.now
	}
	v.Item.Show(v.Accounts)
	return v, true
}

// narrow takes from a view what concerns accounts that the receiver may not see.
func (w *world) narrow(v *view) {
	v.Item.Said, v.Messages = nil, 0
	var since, next time.Time
	for _, name := range v.Accounts {
		a := w.accounts[name]
		if a == nil {
			continue
		}
		if v.Item.Class == string(trouble.Quarantine) {
			v.Messages += a.Quarantine
		}
		if a.Case != v.Item.Key {
			continue
		}
		if a.Said != "" && len(v.Item.Said) < maxSaid && !slices.Contains(v.Item.Said, a.Said) {
			v.Item.Said = append(v.Item.Said, a.Said)
		}
		since, next = earlier(since, a.Since), earlier(next, a.Next)
	}
	if !since.IsZero() {
		v.Item.Since = w.in(since)
	}
	v.Item.Next = w.in(next)
	if v.Messages > 0 {
		v.Item.Heading = words.Count(v.Messages, "message") + " in quarantine"
	}
}

// earlier returns the earlier of two times, where zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// in returns a time in the zone of notices.
func (w *world) in(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.In(w.zone)
}

// sure reports whether a case that is in the snapshot no more is over. After a start, the snapshot
// knows nothing of an account until it was polled, and nothing of disks at first.
func (w *world) sure(e *entry) bool {
	if !w.once && w.now.Sub(w.started) < 2*settle {
		return false
	}
	for _, name := range e.Accounts {
		a := w.accounts[name]
		if a != nil && a.State != status.Off && !a.Polled.After(w.started) {
			return false
		}
	}
	return true
}

// moved returns the key of another case that the polls of an entry's accounts fail with now, "" for
// none.
func (w *world) moved(e *entry) string {
	if !e.Polls {
		return ""
	}
	for _, name := range e.Accounts {
		if a := w.accounts[name]; a != nil && a.Failures > 0 && a.Case != e.Item.Key {
			return a.Case
		}
	}
	return ""
}
