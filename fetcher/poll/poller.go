package poll

import (
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Poller is what the visits of one process share. Fill in the exported fields before the first
// visit. Its methods may be called from many goroutines at once.
type Poller struct {
	Log zerolog.Logger
	// Now tells the time; nil is time.Now.
	Now func() time.Time
	// Observe, unless nil, is called during visits, from many goroutines at once.
	Observe func(event.Event)
	// ReadEnvelope, unless nil, reads the sender and the subject from a message's header, for
	// the log.
	ReadEnvelope func(header []byte) ledger.Envelope
	// Polled reports whether an account of this name is polled. nil reports that none is.
	Polled func(account string) bool
	// Memory is how many bytes of memory the process is to keep to, 0 for no limit. Visits that
	// together would exceed their part of it do with less.
	Memory int64

	certificates certificateWarnings
	promised     promised
	together     takers
	memory       budget
	expiry       reminders // accounts warned that the server deletes by itself
	withoutUIDL  reminders // by account: that messages without a UIDL are fetched at every poll
	undeleted    reminders // accounts warned that the server does not delete

	mu    sync.Mutex
	broke map[brokenBy]int // guarded by mu: how often each fallback helped
}

func (r *Poller) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

func (r *Poller) observe(e event.Event) {
	if r.Observe != nil {
		r.Observe(e)
	}
}

func (r *Poller) polled(account string) bool { return r.Polled != nil && r.Polled(account) }

// log returns the log of an account.
func (r *Poller) log(account string) zerolog.Logger {
	return r.Log.With().Str("account", account).Logger()
}

// envelope reads the sender and the subject from a header.
func (r *Poller) envelope(header []byte) ledger.Envelope {
	if r.ReadEnvelope == nil {
		return ledger.Envelope{}
	}
	return r.ReadEnvelope(header)
}

// Delivery returns what delivers an account's messages to a sink, by the account's policies.
func (r *Poller) Delivery(a *Account, led delivery.Ledger, sink delivery.Sink) *delivery.Delivery {
	d := &delivery.Delivery{
		Account: a.Name, Policy: a.delivery(), Ledger: led, Sink: sink, Log: r.log(a.Name), Now: r.now,
	}
	if r.Observe != nil {
		r.tell(d)
	}
	return d
}

// tell has a delivery send events.
func (r *Poller) tell(d *delivery.Delivery) {
	account := d.Account
	d.File = func(m *ledger.Message, a ledger.Attachment) {
		r.Observe(event.Delivered{Account: account, UIDL: m.UIDL, Octets: m.Size, Envelope: m.Envelope, Attachment: a, Repairs: a.Repairs})
	}
	d.LeftOut = func(m *ledger.Message, l ledger.LeftOut, stays bool) {
		r.Observe(leftOut(account, m, l, stays))
	}
	d.Kept = func(m *ledger.Message) {
		r.Observe(event.Quarantined{Account: account, UIDL: m.UIDL, Envelope: m.Envelope, Reason: m.Reason, Delivered: m.State != ledger.Quarantined})
	}
}

func leftOut(account string, m *ledger.Message, l ledger.LeftOut, stays bool) event.LeftOut {
	return event.LeftOut{
		Account: account, UIDL: m.UIDL, Octets: m.Size, Envelope: m.Envelope, Name: l.Name, Size: l.Size, Why: l.Why, Setting: l.Setting,
		More: l.More, Stays: stays,
	}
}

// Past is what the earlier visits found out about one account, for the next one. The zero Past
// is that of an account without a visit. It belongs to one visit at a time.
type Past struct {
	spared      map[ledger.Key]time.Time // until when not to delete: the line broke
	envelopes   envelopes                // of messages that may be deleted
	oversized   map[string]int64         // octets by UIDL of messages left because of their size
	unfetchable said                     // the last warning of messages that can't be fetched
	nameless    int                      // messages without a UIDL that were told to be before the start
	consumed    bool                     // see consume
}

// Held is what visits have claimed and not given back.
type Held struct {
	// Promised is the octets on the disk that visits were allotted and have not used.
	Promised int64
	// Listings is the bytes of memory for long listings.
	Listings int64
	// Staged is the bytes of memory for messages that are staged.
	Staged int64
}

// Held returns what all visits together hold now: nothing if none is under way.
func (r *Poller) Held() (h Held) {
	r.promised.mu.Lock()
	h.Promised = r.promised.octets
	r.promised.mu.Unlock()
	r.memory.mu.Lock()
	defer r.memory.mu.Unlock()
	h.Listings, h.Staged = r.memory.listings, r.memory.staged
	return h
}
