package identity

import (
	"context"
	"slices"

	"github.com/attachd/attachd/extractor/digest"
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
	// BeforeStart is a message that was on the server before the account's start: neither
	// delivered nor deleted.
	BeforeStart
)

// Read is what was read of a message.
type Read struct {
	// Octets is how many octets came, as RETR counts them.
	Octets int64
	// Digests are those of its bytes that [Matcher.Digests] asks for.
	Digests digest.Set
	// Header is its header, and perhaps more.
	Header []byte
}

// Digests returns the kinds of digests of the message's bytes that [Matcher.Identify] needs. Only a
// message without a UIDL, and one that may have been delivered without one, needs any. Other kinds
// than the own one are among them if messages of the account are known by these.
func (x *Matcher) Digests(ctx context.Context, e Entry) ([]digest.Kind, error) {
	if !e.IsNameless() && !x.missing.byBytes {
		return nil, nil
	}
	if x.missing.kinds == nil {
		_, keys, err := x.Ledger.Kinds(ctx, x.Account.Name)
		if err != nil {
			return nil, err
		}
		x.missing.kinds = append([]digest.Kind{digest.Own}, keys...)
	}
	return x.missing.kinds, nil
}

// NeedsHeader reports whether the header of a message decides what becomes of it, and the server
// did not give that ahead. It comes with the message: see ByHeader.
func (x *Matcher) NeedsHeader(number int) bool {
	_, headless := x.doubts.headless[number]
	return headless || x.doubts.undated[number]
}

// ByHeader returns the standing of such a message by its header, as if the server had given that
// ahead. It is Unknown if the header does not decide. One with nothing of its own does not.
func (x *Matcher) ByHeader(number int, header []byte) Standing {
	if was, headless := x.doubts.headless[number]; headless {
		if is := Identify(header); Same(was, is) && (is.MessageID != "" || dated(header)) {
			return Settled
		}
		return Unknown
	}
	if at, dates := arrival(header); dates && x.doubts.undated[number] && at.Before(x.doubts.before) {
		return BeforeStart
	}
	return Unknown
}

// Settle gives a message that is Settled by its header the key of the recorded one. Call it once
// the message has come to its end.
func (x *Matcher) Settle(number int) ledger.Key {
	was := x.doubts.same[number]
	x.Listing.rename(number, was.UIDL)
	return was
}

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
		var known Standing
		m.UIDL, known, err = x.recorded(ctx, otherUIDLs(before.UIDL, m.Identity(), m.Attachments), m.Size)
		if err != nil {
			return Unknown, nil, err
		}
		x.Listing.rename(e.Number, m.UIDL)
		x.Log.Warn().Str("uidl", foreign.UIDL(before.UIDL)).Msg("server uses a UIDL again for another message")
		if known != Unknown {
			return known, nil, nil
		}
	}
	if x.missing.some {
		drop, err := x.leaveOutMoved(ctx, e, read, m)
		return Unknown, drop, err
	}
	return Unknown, nil, nil
}

// recorded returns the first of the UIDLs under which a message of this size is recorded, and its
// standing. Without any it is the first of all, and Unknown. A message has several where digests of
// several kinds stand for it.
func (x *Matcher) recorded(ctx context.Context, uidls []string, size int64) (string, Standing, error) {
	records, err := x.Ledger.Lookup(ctx, x.Account.Name, uidls)
	if err != nil {
		return "", Unknown, err
	}
	for _, uidl := range uidls {
		if is := standingOf(under(records, uidl), size); is != Unknown {
			return uidl, is, nil
		}
	}
	return uidls[0], Unknown, nil
}

// under returns those of the records that are of a UIDL.
func under(records []ledger.Record, uidl string) []ledger.Record {
	return slices.DeleteFunc(slices.Clone(records), func(r ledger.Record) bool { return r.UIDL != uidl })
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
