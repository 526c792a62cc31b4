package event

import (
	"maps"
	"sync"
	"time"
)

// Phase is what an account does at the moment.
type Phase string

// The phases of an account, in their order.
const (
	// PhaseWaiting: its poll is due and waits for a slot.
	PhaseWaiting Phase = "waiting"
	// PhasePolling: its poll has begun, and PhaseRetrieving: it has listed the mailbox.
	PhasePolling    Phase = "polling"
	PhaseRetrieving Phase = "retrieving"
	// PhaseIdle: it sleeps until its next poll.
	PhaseIdle Phase = "idle"
)

// Status is what one account does, and what came of its last poll.
type Status struct {
	Phase Phase
	// Since is when that began, and Next when the next poll is due, zero while one is
	// under way.
	Since, Next time.Time
	// Failures is how many polls in a row failed, and Err why the last one did, nil when it
	// went well.
	Failures int
	Err      error
	// Polled is when the last poll ended, and Worked when the last one that went well
	// did; zero before the first.
	Polled, Worked time.Time
	// Last is what the last poll came to, and Now what the one under way has so far.
	Last, Now Counts
	// New messages, of so many Octets, are what the poll under way retrieves, as far as
	// the server says, and Read octets of them have come.
	New          int
	Octets, Read int64
}

// Recorder keeps what every account does now, from the events that it is given. The
// zero Recorder is ready. Its methods may be called from many goroutines at once.
type Recorder struct {
	// Clock tells the time; nil is time.Now.
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

// take changes a status as an event says.
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

// Statuses returns what every account does that was heard of, by name.
func (r *Recorder) Statuses() map[string]Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.accounts)
}

// Keep forgets the accounts that are not among names, as after a reload.
func (r *Recorder) Keep(names map[string]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.accounts, func(name string, _ Status) bool { return !names[name] })
}

// Account returns the account that an event is about.
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
	case Deleted:
		return e.Account
	case Done:
		return e.Account
	case Scheduled:
		return e.Account
	}
	return ""
}
