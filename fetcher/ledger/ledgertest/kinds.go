package ledgertest

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/ledger"
)

// testKinds: what was recorded by a digest of another kind is found by a message that has one of
// that kind, too, and by nothing else.
func testKinds(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	made := func(uidl string, digests ...digest.Digest) *ledger.Message {
		m := Message(uidl, 10, 1)
		m.MessageID, m.Header = "id", [32]byte{1}
		m.Attachments[0].Digests = digest.Set{}
		for _, d := range digests {
			m.Attachments[0].Digests.Add(d)
		}
		return m
	}
	own, other := digest.Of(digest.Own, []byte("a")), digest.Of(digest.Other, []byte("a"))
	deliver(t, l, made("new", own))
	deliver(t, l, Message(ledger.DigestUIDL(own), 10, 1))
	files, keys, err := l.Kinds(ctx, "hans")
	if err != nil || len(files)+len(keys) != 0 {
		t.Errorf("of the own kind alone: files by %v, keys by %v, %v", files, keys, err)
	}
	old := made("old", other)
	deliver(t, l, old)
	deliver(t, l, Message(ledger.DigestUIDL(other), 10, 1))
	files, keys, err = l.Kinds(ctx, "hans")
	if err != nil || !slices.Equal(files, []digest.Kind{digest.Other}) || !slices.Equal(keys, files) {
		t.Errorf("files by %v, keys by %v, %v", files, keys, err)
	}
	sized, err := l.Sized(ctx, "hans", digest.Other, []int64{4, 5, 6})
	if err != nil || !maps.Equal(sized, map[int64]bool{5: true}) {
		t.Errorf("sizes %v, %v", sized, err)
	}
	if files, keys, err = l.Kinds(ctx, "nobody"); err != nil || len(files)+len(keys) != 0 {
		t.Errorf("of nobody: files by %v, keys by %v, %v", files, keys, err)
	}

	blind, both := made("b", digest.Of(digest.Own, []byte("b"))), made("c", own, other)
	wrong := made("d", digest.Of(digest.Own, []byte("b")), digest.Of(digest.Other, []byte("b")))
	asked := []*ledger.Message{blind, both, wrong}
	same, err := l.Same(ctx, "hans", asked)
	check(t, err)
	if len(same[blind])+len(same[wrong]) != 0 || len(same[both]) != 2 {
		t.Errorf("the same: %v", same)
	}
	was := map[*ledger.Message]ledger.Key{blind: old.Key, both: old.Key, wrong: old.Key}
	is, err := l.Is(ctx, "hans", was)
	check(t, err)
	if is[blind] || is[wrong] || !is[both] {
		t.Errorf("is: %v", is)
	}
	contents := slices.Collect(both.Attachments[0].Contents())
	received, err := l.Received(ctx, "hans", append(contents, slices.Collect(wrong.Attachments[0].Contents())...))
	if err != nil || len(received) != 2 || !received[contents[0]] || !received[contents[1]] {
		t.Errorf("received %v, %v", received, err)
	}
	check(t, l.DeletePending(ctx, "hans", []ledger.Key{old.Key}))
	check(t, l.Deleted(ctx, "hans", []ledger.Key{old.Key}))
	gone, err := l.Gone(ctx, "hans", asked)
	if err != nil || len(gone) != 1 || gone[both] != old.Key {
		t.Errorf("gone: %v, %v", gone, err)
	}

	// A record stays of its kind, whatever becomes of the message.
	deliverAs := made("kept", other)
	deliverAs.State, deliverAs.Attachments[0].Quarantine = ledger.Quarantined, true
	check(t, l.Stage(ctx, "hans", []*ledger.Message{deliverAs}))
	check(t, l.Delivered(ctx, "hans", []*ledger.Message{deliverAs}, time.Now()))
	kept, err := l.Quarantined(ctx, "hans")
	check(t, err)
	if len(kept) != 1 || kept[0].Attachments[0].Digests != other.Set() {
		t.Errorf("in quarantine: %+v", kept)
	}
}
