package status

import (
	"cmp"
	"net"
	"strconv"
	"time"

	"github.com/attachd/attachd/cmd/attachd/trouble"
	"github.com/attachd/attachd/cmd/attachd/words"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/event"
)

// account is what the board knows of one account. The board's mutex guards it.
type account struct {
	settings settings
	now      Account // Name, User, Host, and what events say; State, Why and Case are found out anew each time
	phase    phase
	waiting  time.Time // when its poll became due, zero before the first
	began    time.Time // when its poll got its slot
	fetched  fetched   // what the poll under way came to
	lag      time.Duration
	late     int       // polls in a row that waited for their slot for longer than the interval
	lateFrom time.Time // when the first of them was due

	failure *failure    // why polls fail, nil if they do not; most accounts have neither
	partial *failure    // what a poll that went well has left, nil for nothing
	checked checkedOnce // per process
}

// settings are what the configuration says of an account, as far as the board is concerned.
type settings struct {
	enabled    bool
	interval   time.Duration
	mailWithin time.Duration
	subject    trouble.Subject
}

// fetched is how far a poll has come.
type fetched struct {
	messages, files int
	octets          int64
}

// failure is a trouble of an account that lasts.
type failure struct {
	trouble.Trouble
	key   string    // of its case
	Since time.Time // of the class
	Last  time.Time
	Times int // of the class
}

// checkedOnce says what happened since the board began.
type checkedOnce struct {
	polled bool // a poll ended
	before bool // the account was polled before this process began
}

// set makes the account what the configuration says.
func (a *account) set(c config.Account, state, path string) {
	a.now.Name, a.now.User = c.Name, words.Visible(c.Username)
	a.now.Host = net.JoinHostPort(c.Host, strconv.Itoa(c.Port))
	a.settings = settings{
		enabled: c.Enabled, interval: c.Interval, mailWithin: c.MailWithin,
		subject: trouble.Subject{Account: c.Name, Host: a.now.Host, Secret: secretOf(c, path), Output: c.Output, State: state, Config: path},
	}
	if !c.Enabled {
		a.failure, a.partial, a.phase, a.now.Next, a.now.Progress = nil, nil, "", time.Time{}, nil
	}
}

// secretOf says where an account's secret comes from, for a person who is to change it.
func secretOf(c config.Account, path string) string {
	ref := c.Password
	switch {
	case !c.Token.IsZero():
		ref = c.Token
	case c.Password.IsZero() && !c.OAuth.ClientSecret.IsZero():
		ref = c.OAuth.ClientSecret
	case c.Password.IsZero() && !c.OAuth.Key.IsZero():
		ref = c.OAuth.Key
	}
	if text := ref.String(); !ref.IsZero() && text != config.InlineSecret("").String() {
		return text
	}
	return path
}

// take changes the account by one event. sorted is the trouble of a Done, sorted before the board's
// mutex was taken.
func (a *account) take(e event.Event, sorted trouble.Trouble, now time.Time) {
	switch e := e.(type) {
	case event.Waiting:
		a.phase, a.waiting, a.now.Next = phaseWaiting, now, time.Time{}
	case event.Started:
		a.start(now)
	case event.LoggedIn:
		a.phase = phasePolling
		took := a.now.Session.Took
		a.now.Session = Session{Mechanism: e.Mechanism, TLS: e.TLS, NotAfter: e.NotAfter, Pipelining: e.Pipelining, LoginDelay: e.LoginDelay, Took: took}
	case event.Listed:
		a.phase = phaseRetrieving
		a.list(e, now)
	case event.Retrieved:
		a.fetched.messages++
		a.fetched.octets += e.Octets
		a.now.Mail = now
		a.progress(now)
	case event.Delivered:
		if !e.Attachment.Sidecar && !e.Attachment.Quarantine {
			a.fetched.files++
		}
	case event.Done:
		a.end(e, sorted, cmp.Or(e.At, now))
	case event.Scheduled:
		a.phase, a.now.Next = phaseIdle, e.Next
	}
}

// start begins a poll.
func (a *account) start(now time.Time) {
	if a.lag = 0; !a.waiting.IsZero() {
		a.lag = now.Sub(a.waiting)
	}
	// The first poll of each account comes late on purpose where there are thousands.
	if a.settings.interval > 0 && a.lag > a.settings.interval && a.checked.polled {
		if a.late++; a.late == 1 {
			a.lateFrom = a.waiting
		}
	} else {
		a.late = 0
	}
	a.phase, a.began, a.fetched, a.now.Progress, a.now.Next = phasePolling, now, fetched{}, nil, time.Time{}
}

// list notes what a session found on the server. A poll of several sessions lists what is left each
// time.
func (a *account) list(e event.Listed, now time.Time) {
	a.now.Mailbox = Mailbox{Messages: e.Messages, Octets: e.Size, At: now}
	if e.New == 0 && a.now.Progress == nil {
		return
	}
	p := Progress{Since: now, Of: a.fetched.messages + e.New, OfOctets: a.fetched.octets + max(e.Octets, 0)}
	if a.now.Progress != nil {
		p.Since = a.now.Progress.Since
	}
	a.now.Progress = &p
	a.progress(now)
}

// progress works out the rate and the time left. It makes a new Progress each time, as snapshots
// hold the one before.
func (a *account) progress(now time.Time) {
	if a.now.Progress == nil {
		return
	}
	p := *a.now.Progress
	p.Messages, p.Octets = a.fetched.messages, a.fetched.octets
	p.Of, p.OfOctets = max(p.Of, p.Messages), max(p.OfOctets, p.Octets)
	p.Rate, p.Left = 0, 0
	if took := now.Sub(p.Since).Seconds(); took >= 1 && p.Octets > 0 {
		p.Rate = float64(p.Octets) / took
		p.Left = time.Duration(float64(p.OfOctets-p.Octets) / p.Rate * float64(time.Second))
	}
	a.now.Progress = &p
	a.now.Backlog = max(p.Of-p.Messages, 0)
}

// end notes how a poll ended.
func (a *account) end(e event.Done, t trouble.Trouble, now time.Time) {
	if !a.began.IsZero() {
		a.now.Session.Took = now.Sub(a.began)
	}
	a.phase, a.now.Progress, a.began = phaseIdle, nil, time.Time{}
	if t.Class == trouble.Stopped {
		return // which says nothing of the account
	}
	a.checked.polled = true
	a.now.Polled = now
	visited := t.Class == "" || t.Step == "messages" // the visit went well, whatever it left
	a.now.Strip.push(tickOf(max(e.Counts.Attachments, a.fetched.files), !visited))
	if visited {
		a.now.Worked, a.now.Since, a.now.Failures = now, time.Time{}, 0
		a.now.Backlog, a.now.TooLarge = e.Counts.Left, e.Counts.TooLarge
		a.failure, a.partial = nil, a.partial.noted(t, now)
		return
	}
	if a.now.Failures++; a.now.Since.IsZero() {
		a.now.Since = now
	}
	a.failure = a.failure.noted(t, now)
}

// noted returns f, nil for none, with one failure more. It returns nil if the class is "".
func (f *failure) noted(t trouble.Trouble, now time.Time) *failure {
	if t.Class == "" {
		return nil
	}
	if f == nil || t.Class != f.Class || t.Step != f.Step || t.Host != f.Host {
		f = &failure{Since: now}
	}
	f.take(t)
	f.Last = now
	f.Times++
	return f
}

// take makes a trouble the failure's.
func (f *failure) take(t trouble.Trouble) {
	f.Trouble, f.key = t, string(t.Class)+"/"+t.Step+"/"+t.Host
}

// worst is what keeps the account from working, or else what a poll has left; nil for none.
func (a *account) worst() *failure {
	if a.failure != nil {
		return a.failure
	}
	return a.partial
}

// silentSince is since when the account has had no success: since its last one, or else since its
// failures began.
func (a *account) silentSince() time.Time {
	if !a.now.Worked.IsZero() && a.now.Worked.Before(a.now.Since) {
		return a.now.Worked
	}
	return a.now.Since
}
