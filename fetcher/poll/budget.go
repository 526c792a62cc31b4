package poll

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
)

// share is what one session has claimed of what all visits share.
type share struct {
	octets  int64 // octets of the promised room on the disk
	listing int64 // bytes of memory for its listing
}

// budget bounds the memory of all visits together: a server, or whoever sends mail, can make
// each of them hold many times what honest ones need. A visit that finds the budget used up
// does with less or fails. It never waits for another visit, which might wait for it in turn. A
// visit that is alone gets all it asks for, because one visit's memory is bounded anyway.
type budget struct {
	mu       sync.Mutex
	limit    int64 // guarded by mu, as all below: bytes of memory of the process
	listings int64
	staged   int64
}

const (
	// unlimitedMemory is the memory, in bytes, to reckon with where there is no limit.
	unlimitedMemory = 2 << 30
	// The listings of all visits may take a fourth of the memory, and staged messages an
	// eighth.
	listingPart, stagedPart = 4, 8
	// ownListing is how many bytes of a listing each visit may hold without asking: about
	// 100,000 messages.
	ownListing = 8 << 20
)

// set sets the memory of the process in bytes, 0 for no limit.
func (b *budget) set(limit int64) {
	if limit <= 0 || limit > unlimitedMemory {
		limit = unlimitedMemory
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit = limit
}

// take claims n bytes of a part of the budget and reports whether there was room. mine are the
// bytes of it that the asker holds already.
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

// ErrNoMemory says that a mailbox's list has to wait for memory. A later visit reads it.
var ErrNoMemory = errors.New("no room in memory beside those of other accounts; it is read when they are done")

// holdListing claims the memory for a listing of so many bytes. It claims twice as much,
// because a growing slice is copied.
func (p *poll) holdListing(bytes int64) error {
	more := 2*bytes - max(p.share.listing, ownListing)
	if more <= 0 {
		return nil
	}
	if b := &p.poller.memory; !b.take(&b.listings, max(p.share.listing-ownListing, 0), more, listingPart) {
		return fmt.Errorf("hold a list of more than %d MiB: %w", bytes>>20, ErrNoMemory)
	}
	p.share.listing = max(p.share.listing, ownListing) + more
	return nil
}

// giveListing gives back what holdListing claimed.
func (p *poll) giveListing() {
	if p.share.listing > 0 {
		p.poller.memory.give(&p.poller.memory.listings, p.share.listing-ownListing)
		p.share.listing = 0
	}
}

// weight returns about how many bytes a message holds in memory until it is committed.
func weight(m *ledger.Message) int64 {
	n := int64(1<<10 + len(m.From) + len(m.To) + len(m.Subject))
	for _, a := range m.Attachments {
		n += 512 + int64(2*len(a.Path)+len(a.OriginalName)+len(a.MediaType))
		for _, text := range a.Repairs {
			n += 16 + int64(len(text))
		}
	}
	for _, l := range m.LeftOut {
		n += 128 + int64(len(l.Name)+len(l.Why))
	}
	return n
}

// holds claims the memory of one more message of a batch. If there is none, this message and
// those behind it are put off. The first message of a batch always gets it, so that each visit
// gets on.
func (p *poll) holds(ctx context.Context, b *batch, e identity.Entry, m *ledger.Message) bool {
	n, memory := weight(m), &p.poller.memory
	if !memory.take(&memory.staged, 0, n, stagedPart) {
		if len(b.staged) > 0 {
			p.delivery.Discard(ctx, m.Attachments)
			b.putOff = true
			p.log.Warn().Int("number", e.Number).Int("held", len(b.staged)).Msg("messages are put off: those under way have too many attachments to be held in memory at once")
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
