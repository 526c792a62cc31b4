package poll

import (
	"sync"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
)

// envelopesMost is how many envelopes an account's visits remember. Log lines of further
// deletions have the UIDL alone, which the line of the delivery has, too.
const envelopesMost = 10_000

// envelopes remembers who sent the messages that may be deleted, for the log. It does so until
// a visit ends well, because a deletion whose QUIT got no answer is logged by the next visit. A
// nil envelopes remembers nothing.
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

// rename moves what is remembered of one key to another.
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
