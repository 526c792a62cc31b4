package poll

import (
	"context"
	"fmt"
	"sync"

	"github.com/attachd/attachd/fetcher/ledger"
)

// share is what one poll has of it.
type share struct {
	octets  int64 // of what is promised
	listing int64 // bytes of memory
}

// budget bounds the memory of all polls together: a server, or who sends mail, can make each of them hold many times what an honest
// one does. A poll that finds it used up does with less or fails, and waits for no other, which may wait for it in turn. Whoever is
// the only one is given all it asks for, as all that it may hold is bounded.
type budget struct {
	mu       sync.Mutex
	limit    int64 // guarded by mu, as is all below: bytes that the process is to keep to
	listings int64
	staged   int64
}

const (
	// unlimitedMemory is what the process is taken to have where nobody says.
	unlimitedMemory = 2 << 30
	// Of that the listings of all polls may take one part in four, and what is known of staged messages one in eight.
	listingPart, stagedPart = 4, 8
	// ownListing is what each poll may hold of a listing without asking: 100,000 messages.
	ownListing = 8 << 20
)

// set says what the process is to keep to, 0 where nobody knows.
func (b *budget) set(limit int64) {
	if limit <= 0 || limit > unlimitedMemory {
		limit = unlimitedMemory
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit = limit
}

// take asks for n bytes of a part of it, of which mine are the asker's already.
func (b *budget) take(of *int64, mine, n, part int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if *of > mine && *of+n > b.limit/part {
		return false
	}
	*of += n
	return true
}

func (b *budget) give(of *int64, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	*of -= n
}

// holdListing asks for the memory of a listing of so many bytes, which may be needed twice while it grows.
func (p *poll) holdListing(bytes int64) error {
	more := 2*bytes - max(p.share.listing, ownListing)
	if more <= 0 {
		return nil
	}
	if b := &p.poller.memory; !b.take(&b.listings, max(p.share.listing-ownListing, 0), more, listingPart) {
		return fmt.Errorf("a list of more than %d MiB has no room in memory beside those of other accounts: it is read when they are done", bytes>>20)
	}
	p.share.listing = max(p.share.listing, ownListing) + more
	return nil
}

// giveListing gives back what holdListing took.
func (p *poll) giveListing() {
	if p.share.listing > 0 {
		p.poller.memory.give(&p.poller.memory.listings, p.share.listing-ownListing)
		p.share.listing = 0
	}
}

// weight is about what is held in memory of a message until it is committed.
func weight(m *ledger.Message) int64 {
	n := int64(1<<10 + len(m.From) + len(m.To) + len(m.Subject))
	for _, a := range m.Attachments {
		n += 512 + int64(2*len(a.Path)+len(a.OriginalName)+len(a.MediaType))
	}
	return n
}

// holds asks for the memory of one more message of a batch. Without it the message is put off, and with it those behind: the first
// of a batch always finds room, so that each poll gets on.
func (p *poll) holds(ctx context.Context, b *batch, m *ledger.Message) bool {
	n, memory := weight(m), &p.poller.memory
	if !memory.take(&memory.staged, 0, n, stagedPart) {
		if len(b.staged) > 0 {
			p.delivery.Discard(ctx, m.Attachments)
			b.putOff = true
			p.log.Warn().Int("number", b.entries[b.asked-1].Number).Int("held", len(b.staged)).Msg("messages are put off: those under way have too many attachments to be held in memory at once")
			return false
		}
		memory.give(&memory.staged, -n)
	}
	b.held += n
	return true
}

// giveBatch gives back what a batch holds.
func (p *poll) giveBatch(b *batch) {
	p.poller.memory.give(&p.poller.memory.staged, b.held)
	b.held = 0
}
