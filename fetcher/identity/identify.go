package identity

import (
	"context"

	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Standing is what a retrieved message turned out to be.
type Standing int

// The standings of a message.
const (
	// Unknown is a message to be delivered.
	Unknown Standing = iota
	// Settled is a message that was delivered before.
	Settled
	// Kept is a message in quarantine: neither delivered nor deleted.
	Kept
	// PutBack is a message that was delivered and deleted before, and is listed again under
	// another UIDL.
	PutBack
)

// Read is what was read of a message.
type Read struct {
	// Octets is how many octets came, as RETR counts them.
	Octets int64
	// Digest is the SHA-256 of its bytes, where [Matcher.NeedsDigest] asks for it.
	Digest []byte
	// Header is its header, and perhaps more.
	Header []byte
}

// NeedsDigest reports whether [Matcher.Identify] needs the digest of the message's bytes.
func (x *Matcher) NeedsDigest(e Entry) bool { return e.IsNameless() || x.missing.byBytes }

// Identify finds out which message was retrieved and staged as m, and gives m its key. If it
// was delivered before under another key, m keeps what it needs, and drop are the attachments
// that were staged in vain. The caller discards these, and on an error all of m's.
func (x *Matcher) Identify(ctx context.Context, e Entry, read Read, m *ledger.Message) (is Standing, drop []ledger.Attachment, err error) {
	if e.IsNameless() {
		if is, err = x.nameByDigest(ctx, e, read, m); err != nil || is != Unknown {
			return is, nil, err
		}
	}
	return x.recognize(ctx, e, read, m)
}

// recognize finds out whether a message was delivered before. It is settled if it was delivered
// under this key; if it was under another one, its attachments are left out.
func (x *Matcher) recognize(ctx context.Context, e Entry, read Read, m *ledger.Message) (Standing, []ledger.Attachment, error) {
	if m.State != ledger.Delivered || m.Retried {
		return Unknown, nil, nil
	}
	if before, ok := x.doubts.same[e.Number]; ok {
		is, err := x.Ledger.Is(ctx, x.Account.Name, map[*ledger.Message]ledger.Key{m: before})
		if err != nil {
			return Unknown, nil, err
		}
		if is[m] {
			m.Key = before
			x.Listing.rename(e.Number, before.UIDL)
			return Settled, nil, nil
		}
		m.UIDL = OtherUIDL(before.UIDL, m.Identity(), m.Attachments)
		x.Listing.rename(e.Number, m.UIDL)
		x.Log.Warn().Str("uidl", foreign.UIDL(before.UIDL)).Msg("server uses a UIDL again for another message")
		records, err := x.Ledger.Lookup(ctx, x.Account.Name, []string{m.UIDL})
		if err != nil {
			return Unknown, nil, err
		}
		if known := standingOf(records, m.Size); known != Unknown {
			return known, nil, nil
		}
	}
	if x.missing.some {
		drop, err := x.leaveOutMoved(ctx, e, read, m)
		return Unknown, drop, err
	}
	return Unknown, nil, nil
}

// standingOf returns the standing of a message of this size, by the records of its UIDL.
func standingOf(records []ledger.Record, size int64) Standing {
	switch r, _ := ledger.Match(records, size); r.State {
	case "", ledger.Failed:
		return Unknown
	case ledger.Quarantined:
		return Kept
	}
	return Settled
}
