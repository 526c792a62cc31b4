package poll

import (
	"sync"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
)

// envelopesMost bounds what a poll remembers, for the lines of what it deletes. Beyond it they have the UIDL alone, which the
// line of the delivery has, too.
const envelopesMost = 10_000

// envelopes remembers those of messages that may be deleted, until a poll of the account ends well: the answer to a QUIT that was lost
// is known by the next one. A nil one remembers nothing.
type envelopes struct {
	mu  sync.Mutex
	all map[ledger.Key]delivery.Envelope // guarded by mu
}

func (v *envelopes) remember(k ledger.Key, is delivery.Envelope) {
	if v == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.all == nil {
		v.all = make(map[ledger.Key]delivery.Envelope)
	}
	if len(v.all) < envelopesMost {
		v.all[k] = is
	}
}

// rename has what was remembered of one key known by another.
func (v *envelopes) rename(from, to ledger.Key) {
	is := v.of(from)
	if is == (delivery.Envelope{}) {
		return
	}
	v.mu.Lock()
	delete(v.all, from)
	v.mu.Unlock()
	v.remember(to, is)
}

func (v *envelopes) clear() {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.all)
}

func (v *envelopes) of(k ledger.Key) delivery.Envelope {
	if v == nil {
		return delivery.Envelope{}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.all[k]
}
