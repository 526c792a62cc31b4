package poll

import (
	"time"

	"github.com/attachd/attachd/fetcher/identity"
)

// A batch is retrieved before any of it is committed. Its bounds limit what is lost, and fetched
// again, when a server falls out of step, the process is stopped or the power fails.
const (
	batchMessages = 256
	batchOctets   = 8 << 20
	batchTime     = 2 * time.Second
	batchParts    = 16 // of the time that a session has left: a batch takes one at most

	// The first batches are small: nobody knows yet how long a message takes. The very first one
	// also shows what the server's sizes are worth, so it has several messages, except in a session
	// that may end before they have come: every session must get on. As long as none has come, each
	// has twice as many messages as the one before, up to a quarter of the most.
	firstMessages = 8
	firstOctets   = 1 << 20
	nextOctets    = 512 << 10
	firstTime     = time.Minute // of the session for each message of the first batch
	nextTime      = time.Second // of the session for each message of those behind it
)

// pace sizes batches by the time that those before took. On a slow line a batch of a fixed size
// would keep all files back for minutes.
type pace struct {
	left     time.Duration // of the session's time, at the beginning
	messages int           // of the next batch at most
	octets   int64         // of it, unless one message has more
	since    time.Time     // when the batch before had come
	known    bool          // a batch has come
}

func newPace(now time.Time, left time.Duration) pace {
	return pace{left: left, messages: int(max(1, min(firstMessages, left/firstTime))), octets: firstOctets, since: now}
}

// batch returns how many of the entries make the next batch.
func (p *pace) batch(entries []identity.Entry) int {
	n := 1
	for octets := entries[0].Size; n < min(len(entries), p.messages); n++ {
		if octets += max(entries[n].Size, 0); octets > p.octets {
			break
		}
	}
	if !p.known {
		most := max(1, min(batchMessages/4, p.left/nextTime))
		p.messages, p.octets = min(2*p.messages, int(most)), nextOctets
	}
	return n
}

// came notes that a batch has come: the next one is to take batchTime, or less in a short session.
func (p *pace) came(messages int, octets int64, now time.Time) {
	took := max(now.Sub(p.since), time.Microsecond)
	share := float64(min(batchTime, p.left/batchParts)) / float64(took)
	p.messages = int(min(batchMessages, max(1, float64(messages)*share)))
	p.octets = int64(min(batchOctets, float64(octets)*share))
	p.since, p.known = now, true
}
