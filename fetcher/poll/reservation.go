package poll

import (
	"sync"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/identity"
)

// promised is the room on the disk, in octets, that sessions were allotted and have not used
// yet. It counts for all accounts together, because their folders are on one disk as a rule:
// otherwise several sessions would count on the same room.
type promised struct {
	mu     sync.Mutex
	octets int64 // guarded by mu
}

// giveRoom gives back room of this session that is used by now, or not needed any more.
func (p *poll) giveRoom(octets int64) {
	octets = min(max(octets, 0), p.share.octets)
	p.share.octets -= octets
	promised := &p.poller.promised
	promised.mu.Lock()
	defer promised.mu.Unlock()
	promised.octets -= octets
}

// listed returns the octets of a message by LIST, 0 if they are not known.
func (p *poll) listed(e identity.Entry) int64 {
	if e.Size > p.Account.maxMessage() {
		return 0 // no message is that large: the server counts in its own way
	}
	return max(e.Size, 0)
}

// takes returns the octets that a message may take on the disk: those that stay, and those of a
// copy that is there while the message is read. There is one such copy at a time.
func (p *poll) takes(e identity.Entry) (stays, copied int64) {
	size, a := p.listed(e), p.Account
	switch oversize := a.MaxMessageSize > 0 && e.Size > a.MaxMessageSize; {
	case oversize:
		return size, 0
	case a.Copies == delivery.CopiesAlways:
		return 2 * size, 0
	case a.Copies == delivery.CopiesInDoubt:
		return size, size
	}
	return size, 0
}
