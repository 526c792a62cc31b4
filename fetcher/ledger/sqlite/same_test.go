package sqlite

import (
	"crypto/sha256"
	"slices"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// TestSame: a message is one that was delivered by its Message-ID, its header and its attachments; where a header is not known, by the Message-ID
// or, without one, by the UIDL.
func TestSame(t *testing.T) {
	t.Parallel()
	l, ctx := open(t), t.Context()
	made := func(uidl, id, header string, attachments int) *ledger.Message {
		m := message(uidl, 10, attachments)
		for i := range m.Attachments {
			m.Attachments[i].SHA256 = sha256.Sum256([]byte{byte(i)})
		}
		if m.MessageID = id; header != "" {
			m.Header = sha256.Sum256([]byte(header))
		}
		return m
	}
	group := []*ledger.Message{made("named", "id", "header", 1), made("plain", "", "plain header", 1), made("old", "old id", "", 1), made("bare", "", "", 1)}
	check(t, l.Stage(ctx, "hans", group))
	check(t, l.Delivered(ctx, "hans", group, time.Now()))
	for name, tt := range map[string]struct {
		message *ledger.Message
		want    []string
	}{
		"the same":                          {made("x", "id", "header", 1), []string{"named"}},
		"sent again":                        {made("x", "id", "another header", 1), nil},
		"of an unknown header":              {made("x", "id", "", 1), []string{"named"}},
		"another Message-ID":                {made("x", "other", "header", 1), nil},
		"an attachment more":                {made("x", "id", "header", 2), nil},
		"no attachments":                    {made("x", "id", "header", 0), nil},
		"no Message-ID":                     {made("x", "", "plain header", 1), []string{"plain"}},
		"no Message-ID, sent again":         {made("x", "", "another header", 1), nil},
		"no Message-ID, an older record":    {made("bare", "", "another header", 1), []string{"bare"}},
		"no Message-ID, nor any header":     {made("x", "", "", 1), nil},
		"by the UIDL alone":                 {made("bare", "", "", 1), []string{"bare"}},
		"a record without a header":         {made("x", "old id", "any header", 1), []string{"old"}},
		"the header, but a Message-ID":      {made("x", "id", "plain header", 1), nil},
		"one UIDL, and another's header":    {made("plain", "", "header", 1), nil},
		"one UIDL, and a header of its own": {made("named", "id", "new header", 1), nil},
	} {
		same, err := l.Same(ctx, "hans", []*ledger.Message{tt.message})
		var uidls []string
		for _, k := range same[tt.message] {
			uidls = append(uidls, k.UIDL)
		}
		if err != nil || !slices.Equal(uidls, tt.want) {
			t.Errorf("%s: %q, %v, want %q", name, uidls, err, tt.want)
		}
	}
	known, err := l.Known(ctx, "hans", []ledger.Identity{group[0].Identity(), group[2].Identity(), {MessageID: "other"}, {Header: sha256.Sum256(nil)}, {}})
	if err != nil || len(known.Headers) != 1 || !known.Headers[group[0].Header] || len(known.MessageIDs) != 2 || known.MessageIDs["id"] || !known.MessageIDs["old id"] {
		t.Errorf("known: %v, %v", known, err)
	}
	if nameless, err := l.Nameless(ctx, "hans"); nameless || err != nil {
		t.Errorf("nameless: %t, %v", nameless, err)
	}
	digest := []*ledger.Message{made("\x00sha256-1", "", "", 1)}
	check(t, l.Stage(ctx, "hans", digest))
	check(t, l.Delivered(ctx, "hans", digest, time.Now()))
	if nameless, err := l.Nameless(ctx, "hans"); !nameless || err != nil {
		t.Errorf("nameless: %t, %v", nameless, err)
	}
}

// TestDeletedInVain: the ledger counts how often a message was listed although its deletion was confirmed. What failed before it was delivered
// does not count.
func TestDeletedInVain(t *testing.T) {
	t.Parallel()
	l, ctx := open(t), t.Context()
	m := []*ledger.Message{message("a", 10, 1)}
	check(t, l.Failed(ctx, "hans", m[0].Key, "refused", time.Now()))
	check(t, l.Failed(ctx, "hans", m[0].Key, "refused", time.Now()))
	check(t, l.Stage(ctx, "hans", m))
	check(t, l.Delivered(ctx, "hans", m, time.Now()))
	for want := range 3 {
		check(t, l.Found(ctx, "hans", keysOf(m), time.Time{})) // which counts nothing
		check(t, l.DeletePending(ctx, "hans", keysOf(m)))
		check(t, l.Deleted(ctx, "hans", keysOf(m)))
		records, err := l.Lookup(ctx, "hans", []string{"a"})
		if err != nil || len(records) != 1 || records[0].Attempts != want || records[0].State != ledger.Deleted {
			t.Errorf("%+v, %v, want %d", records, err, want)
		}
		check(t, l.Found(ctx, "hans", keysOf(m), time.Time{}))
	}
}
