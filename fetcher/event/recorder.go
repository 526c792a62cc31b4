package event

import (
	"maps"
	"sync"
	"time"
)

// Phase says what an account does at the moment.
type Phase string

// The phases of an account, in order.
const (
	// PhaseWaiting means that a poll is due and waits for a slot.
	PhaseWaiting Phase = "waiting"
	// PhasePolling means that the poll has begun.
	PhasePolling Phase = "polling"
	// PhaseRetrieving means that the poll has listed the mailbox.
	PhaseRetrieving Phase = "retrieving"
	// PhaseIdle means that the account waits for the time of its next poll.
	PhaseIdle Phase = "idle"
)

// Status is the present state of one account, with the result of its last poll.
type Status struct {
	Phase Phase
	// Since is when the phase began.
	Since time.Time
	// Next is when the next poll is due, zero while one is under way.
	Next time.Time
	// Failures is how many polls in a row have failed.
	Failures int
	// Err is the failure of the last poll, nil without one.
	Err error
	// Polled is when the last poll ended, zero before the first.
	Polled time.Time
	// Worked is when the last poll without a failure ended, zero before the first.
	Worked time.Time
	// Last is the result of the last poll.
	Last Counts
	// Now is what the poll under way has come to so far.
	Now Counts
	// New is how many messages the poll under way retrieves.
	New int
	// Octets is the size of these messages by the server's claim.
	Octets int64
	// Read is how many octets of them have come.
	Read int64
}

// Recorder keeps the status of every account, from the events that it is given. The zero Recorder
// is ready for use. Its methods may be called from many goroutines at once.
type Recorder struct {
	// Clock returns the time; nil means time.Now.
	Clock func() time.Time

	mu       sync.Mutex
	accounts map[string]Status // guarded by mu
}

// Observe takes one event. It is meant for Supervisor.Observe of package fetcher.
func (r *Recorder) Observe(e Event) {
	now := time.Now
	if r.Clock != nil {
		now = r.Clock
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.accounts == nil {
		r.accounts = make(map[string]Status)
	}
	name := Account(e)
	s := r.accounts[name]
	s.take(e, now())
	r.accounts[name] = s
}

// take changes a status by one event.
func (s *Status) take(e Event, now time.Time) {
	enter := func(p Phase) {
		if s.Phase != p {
			s.Phase, s.Since = p, now
		}
	}
	switch e := e.(type) {
	case Waiting:
		enter(PhaseWaiting)
		s.Next = time.Time{}
	case Started:
		enter(PhasePolling)
		s.Now, s.New, s.Octets, s.Read = Counts{}, 0, 0, 0
	case Listed:
		enter(PhaseRetrieving)
		// A poll of several sessions lists what is left each time.
		s.New, s.Octets = s.Now.Messages+e.New, s.Read+max(e.Octets, 0)
	case Retrieved:
		s.Now.Messages++
		s.Read += e.Octets
	case Delivered:
		s.Now.Attachments++
	case Deleted:
		s.Now.Deleted += e.Messages
	case Done:
		enter(PhaseIdle)
		s.Last, s.Now, s.Err, s.Polled = e.Counts, Counts{}, e.Err, now
		if e.Err == nil {
			s.Worked = now
		}
	case Scheduled:
		enter(PhaseIdle)
		s.Next, s.Failures = e.Next, e.Failures
	}
}

// Statuses returns the status of each account that had an event, by the account's name.
func (r *Recorder) Statuses() map[string]Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.accounts)
}

// Keep forgets the accounts that are not in names. Call it when a reload has removed accounts.
func (r *Recorder) Keep(names map[string]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.accounts, func(name string, _ Status) bool { return !names[name] })
}

// Account returns the name of the account that an event is about.
func Account(e Event) string {
	switch e := e.(type) {
	case Waiting:
		return e.Account
	case Started:
		return e.Account
	case LoggedIn:
		return e.Account
	case Listed:
		return e.Account
	case Retrieved:
		return e.Account
	case Delivered:
		return e.Account
	case LeftOut:
		return e.Account
	case Quarantined:
		return e.Account
	case Deleted:
		return e.Account
	case Done:
		return e.Account
	case Scheduled:
		return e.Account
	}
	return ""
}
