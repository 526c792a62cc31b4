package poll

import (
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Poller is what the visits of one process share. Fill in the exported fields before
// the first one. Its methods may be called from many goroutines at once.
type Poller struct {
	Log zerolog.Logger
	// Now tells the time; nil is time.Now.
	Now func() time.Time
	// Observe, if set, is called as visits go along, from many goroutines at once.
	Observe func(event.Event)
	// ReadEnvelope, if set, reads the envelope of a message from its header, which may be cut short.
	ReadEnvelope func(header []byte) ledger.Envelope
	// Polled reports whether an account of this name is polled; nil is none.
	Polled func(account string) bool
	// Memory is how many bytes the process is to keep to, 0 for no limit. Visits that
	// would go beyond a good part of it together do with less.
	Memory int64

	certificates certificateWarnings
	promised     promised
	memory       budget
	expiry       reminders // by account: that the server deletes by itself
	undeleted    reminders // by account: that it does not delete

	mu    sync.Mutex
	broke map[brokenBy]int // guarded by mu
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

// log is the log of an account.
func (r *Poller) log(account string) zerolog.Logger {
	return r.Log.With().Str("account", account).Logger()
}

// envelope reads that of a header.
func (r *Poller) envelope(header []byte) ledger.Envelope {
	if r.ReadEnvelope == nil {
		return ledger.Envelope{}
	}
	return r.ReadEnvelope(header)
}

// Delivery returns what delivers to a sink as the account's policies say.
func (r *Poller) Delivery(a *Account, led delivery.Ledger, sink delivery.Sink) *delivery.Delivery {
	return &delivery.Delivery{
		Account: a.Name, Policy: a.delivery(), Ledger: led, Sink: sink, Log: r.log(a.Name), Now: r.now,
	}
}

// Past is what the visits before found out about one account, for the next one. The
// zero Past is that of an account that was not visited. It belongs to one visit at a
// time.
type Past struct {
	spared      map[ledger.Key]time.Time // until when these are not deleted, as the line broke at that
	envelopes   envelopes                // of what may be deleted
	oversized   map[string]int64         // what the last visit left for its size: octets by UIDL
	unfetchable said                     // what was said last of messages that can't be fetched
}

// Held is what visits have claimed and not given back.
type Held struct {
	// Promised are the octets on the disk that visits were allotted and have not used.
	Promised int64
	// Listings and Staged are bytes of memory: of long listings, and of what is known of
	// messages that are staged.
	Listings, Staged int64
}

// Held returns what all visits together hold at the moment: nothing when none is under way.
func (r *Poller) Held() (h Held) {
	r.promised.mu.Lock()
	h.Promised = r.promised.octets
	r.promised.mu.Unlock()
	r.memory.mu.Lock()
	defer r.memory.mu.Unlock()
	h.Listings, h.Staged = r.memory.listings, r.memory.staged
	return h
}
