package identity

import (
	"context"

	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Standing is what the ledger makes of a message that was retrieved.
type Standing int

// The standings of a message.
const (
	// Unknown is to be delivered.
	Unknown Standing = iota
	// Settled was delivered before.
	Settled
	// Kept is in quarantine: neither delivered nor deleted.
	Kept
	// PutBack was delivered before and deleted, and is there again under another UIDL.
	PutBack
)

// Read is what was read of a message.
type Read struct {
	Octets int64
	// Digest is SHA-256 of its bytes, where [Matcher.NeedsDigest] asks for it.
	Digest []byte
	// Header is its header, and perhaps more.
	Header []byte
}

// NeedsDigest reports whether a message is told from others by the digest of its bytes.
func (x *Matcher) NeedsDigest(e Entry) bool { return e.IsNameless() || x.missing.byBytes }

// Identify finds out which message it is that was retrieved and staged as m, which
// gets the key that it is known by. Of one that was delivered under another key, m
// keeps what it needs, and drop is what was staged in vain.
func (x *Matcher) Identify(ctx context.Context, e Entry, read Read, m *ledger.Message) (is Standing, drop []ledger.Attachment, err error) {
	if e.IsNameless() {
		if is, err = x.nameIt(ctx, e, read, m); err != nil || is != Unknown {
			return is, nil, err
		}
	}
	return x.recognize(ctx, e, read, m)
}

// recognize finds out whether a message is one that was delivered. One that was is settled where it is
// known under this key; under another one, its attachments are left out.
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

// standingOf is the standing of a message whose UIDL has these records.
func standingOf(records []ledger.Record, size int64) Standing {
	switch r, _ := ledger.Match(records, size); r.State {
	case "", ledger.Failed:
		return Unknown
	case ledger.Quarantined:
		return Kept
	}
	return Settled
}
