package ledgertest

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/ledger"
)

// testLookup asks for more UIDLs than a chunk, among them 8-bit, over-long and twin ones.
func testLookup(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	odd := []string{"\x80\xff\xfe", "a\x00b", "a\x00c", "ä", strings.Repeat("x", 1024), "'; DROP TABLE message; --", ""}
	var group []*ledger.Message
	var uidls []string
	for _, u := range odd {
		group = append(group, Message(u, 7, 0))
		uidls = append(uidls, u)
	}
	for i := range 1700 {
		u := fmt.Sprintf("%08x", i)
		uidls = append(uidls, u, "absent-"+u)
		group = append(group, Message(u, int64(i), 0))
		if i%100 == 0 {
			group = append(group, Message(u, 1<<40, 0)) // the UIDL was used again
		}
	}
	check(t, l.Stage(ctx, "hans", group))
	records, err := l.Lookup(ctx, "hans", uidls)
	check(t, err)
	got := make(map[ledger.Key]bool)
	for _, r := range records {
		if got[r.Key] {
			t.Errorf("%q came twice", r.UIDL)
		}
		got[r.Key] = true
	}
	for _, m := range group {
		if !got[m.Key] {
			t.Errorf("%q (%d) was not found", m.UIDL, m.Size)
		}
	}
	if len(got) != len(group) {
		t.Errorf("%d records, want %d", len(got), len(group))
	}
	for _, u := range odd {
		if records, err := l.Lookup(ctx, "hans", []string{u}); err != nil || len(records) != 1 || records[0].UIDL != u {
			t.Errorf("UIDL %q gave %+v, %v", u, records, err)
		}
	}
	if records, err := l.Lookup(ctx, "eva", uidls); err != nil || len(records) != 0 {
		t.Errorf("another account knows %d, %v", len(records), err)
	}
}

// testGone: a message that was deleted is known again by its header, its Message-ID and its
// attachments, and only by all of these.
func testGone(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	made := func(id, header string, attachments int) *ledger.Message {
		m := Message("a", 10, attachments)
		m.MessageID, m.Header = id, sha256.Sum256([]byte(header))
		return m
	}
	group := []*ledger.Message{made("id", "header", 2)}
	plain := made("", "plain header", 2)
	plain.UIDL = "plain"
	group = append(group, plain)
	check(t, l.Stage(ctx, "hans", group))
	check(t, l.Delivered(ctx, "hans", group, time.Now()))
	if gone, err := l.Gone(ctx, "hans", group); len(gone) > 0 || err != nil {
		t.Errorf("gone before it is deleted: %v, %v", gone, err)
	}
	check(t, l.DeletePending(ctx, "hans", keysOf(group)))
	check(t, l.Deleted(ctx, "hans", keysOf(group)))
	withoutDigest := made("id", "", 2)
	withoutDigest.Header = [32]byte{}
	for name, tt := range map[string]struct {
		account string
		message *ledger.Message
		want    bool
	}{
		"the same":             {"hans", made("id", "header", 2), true},
		"of another account":   {"eva", made("id", "header", 2), false},
		"sent again":           {"hans", made("id", "another header", 2), false},
		"an attachment less":   {"hans", made("id", "header", 1), false},
		"no attachments":       {"hans", made("id", "header", 0), false},
		"another Message-ID":   {"hans", made("other", "header", 2), false},
		"no Message-ID":        {"hans", made("", "header", 2), false},
		"without one before":   {"hans", made("id", "plain header", 2), false},
		"of an unknown header": {"hans", withoutDigest, false},
	} {
		gone, err := l.Gone(ctx, tt.account, []*ledger.Message{Message("b", 10, 1), tt.message})
		want := make(map[*ledger.Message]ledger.Key)
		if tt.want {
			want[tt.message] = group[0].Key
		}
		if err != nil || !maps.Equal(gone, want) {
			t.Errorf("%s: %v, %v, want %v", name, gone, err, want)
		}
	}
}

// testSidecarsDoNotCount: a message is the same whatever its sidecars say. They name its UIDL.
func testSidecarsDoNotCount(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	made := func(uidl string, path string) *ledger.Message {
		m := Message(uidl, 10, 2)
		m.MessageID = "id"
		for i, a := range m.Attachments {
			a.Path = path + a.Path[1:] // behind the UIDL
			m.Attachments[i] = a
		}
		sidecar := ledger.Attachment{StagingID: uidl + "-s", Path: m.Attachments[1].Path + ".json", Digests: digest.Of(digest.Own, []byte(uidl)).Set(), Sidecar: true}
		m.Attachments = slices.Insert(m.Attachments, 1, sidecar)
		return m
	}
	before := made("a", "a")
	check(t, l.Stage(ctx, "hans", []*ledger.Message{before}))
	check(t, l.Delivered(ctx, "hans", []*ledger.Message{before}, time.Now()))
	again := made("b", "b")
	for i, a := range before.Attachments {
		if !a.Sidecar {
			again.Attachments[i].Digests = a.Digests
		}
	}
	was := map[*ledger.Message]ledger.Key{again: before.Key}
	if is, err := l.Is(ctx, "hans", was); !is[again] || err != nil {
		t.Errorf("the same: %v, %v", is, err)
	}
	if same, err := l.Same(ctx, "hans", []*ledger.Message{again}); len(same[again]) != 1 || err != nil {
		t.Errorf("the same: %v, %v", same, err)
	}
	again.Attachments[2].Digests = digest.Of(digest.Own, []byte("another")).Set()
	if is, err := l.Is(ctx, "hans", was); is[again] || err != nil {
		t.Errorf("another: %v, %v", is, err)
	}
}

// testSame: a message is one that was delivered by its Message-ID, its header and its attachments;
// where a header is not known, by the Message-ID or, without one, by the UIDL.
func testSame(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	made := func(uidl, id, header string, attachments int) *ledger.Message {
		m := Message(uidl, 10, attachments)
		for i := range m.Attachments {
			m.Attachments[i].Digests = digest.Of(digest.Own, []byte{byte(i)}).Set()
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

// testAtOnce: many questions are answered as one by one.
func testAtOnce(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	var group, asked []*ledger.Message
	for i := range 1200 {
		m := Message(fmt.Sprint(i), 10, 1)
		if i%2 == 0 {
			m.Header = sha256.Sum256([]byte(m.UIDL))
		}
		if i%3 == 0 {
			m.MessageID = ""
		}
		group = append(group, m)
		moved := *m
		moved.UIDL = "moved-" + m.UIDL
		asked = append(asked, &moved, Message("new-"+m.UIDL, 10, 1))
	}
	deliver(t, l, group...)

	identities, err := l.Identities(ctx, "hans", append(keysOf(group), ledger.Key{UIDL: "0", Size: 11}, ledger.Key{UIDL: "unheard of"}))
	check(t, err)
	same, err := l.Same(ctx, "hans", asked)
	check(t, err)
	was := make(map[*ledger.Message]ledger.Key)
	var contents []ledger.Content
	for i, m := range asked {
		was[m] = group[i/2].Key
		contents = append(contents, m.Attachments[0].Content())
	}
	resent, renamed, moved := *group[2], *group[3], *group[2]
	resent.Header[0]++
	renamed.MessageID, renamed.Header = "<another@example.org>", group[2].Header
	was[&resent], was[&renamed], was[&moved] = group[2].Key, group[3].Key, ledger.Key{UIDL: "2", Size: 11}
	is, err := l.Is(ctx, "hans", was)
	check(t, err)
	if is[&resent] || is[&renamed] || is[&moved] {
		t.Errorf("another header is the same: %v, another Message-ID: %v, another size: %v", is[&resent], is[&renamed], is[&moved])
	}
	received, err := l.Received(ctx, "hans", contents)
	check(t, err)
	found := 0
	for i, m := range group {
		moved, other := asked[2*i], asked[2*i+1]
		if identity, ok := identities[m.Key]; identity != m.Identity() || ok != (identity != (ledger.Identity{})) {
			t.Errorf("%s: identity %v, %v, want %v", m.UIDL, identity, ok, m.Identity())
		}
		// Without a Message-ID and a header nothing but the UIDL tells.
		if want := m.Identity() != (ledger.Identity{}); slices.Equal(same[moved], []ledger.Key{m.Key}) != want || len(same[other]) != 0 {
			t.Errorf("%s: moved: %v, want it %v; another: %v", m.UIDL, same[moved], want, same[other])
		}
		if !is[moved] || is[other] || !received[moved.Attachments[0].Content()] || received[other.Attachments[0].Content()] {
			t.Errorf("%s: is %v, another is %v", m.UIDL, is[moved], is[other])
		}
		found += len(same[moved])
	}
	if found != 1000 || len(is) != len(group) || len(received) != len(group) {
		t.Errorf("%d are the same, %d are, %d were received", found, len(is), len(received))
	}
}

// testOthers: a message that shares UIDL and size with another one is found beside it.
func testOthers(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	var group []*ledger.Message
	for i := range 1200 {
		group = append(group, Message(fmt.Sprint(i), 10, 1))
	}
	deliver(t, l, group...)
	twins := []*ledger.Message{Message("7\x00mark-a", 10, 1), Message("8\x00mark", 10, 1), Message("9\x00mark-a", 11, 1), Message("10\x00other", 10, 1)}
	deliver(t, l, twins...)
	others, err := l.Others(ctx, "hans", keysOf(group), "\x00mark")
	if want := map[ledger.Key]bool{group[7].Key: true}; err != nil || !maps.Equal(others, want) {
		t.Errorf("others beside %v, %v, want %v", others, err, want)
	}
	if named, err := l.NamesUIDLs(ctx, "hans"); err != nil || !named {
		t.Errorf("UIDLs are of the server: %v, %v", named, err)
	}
	if n, err := l.DeliveredCount(ctx, "hans"); err != nil || n != len(group)+len(twins) {
		t.Errorf("%d delivered, %v", n, err)
	}
}

// testNothing: a question about nothing has no answer, and no error.
func testNothing(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	deliver(t, l, Message("a", 10, 1))
	for what, empty := range map[string]func() (int, error){
		"identities": func() (int, error) { all, err := l.Identities(ctx, "hans", nil); return len(all), err },
		"same":       func() (int, error) { all, err := l.Same(ctx, "hans", nil); return len(all), err },
		"is":         func() (int, error) { all, err := l.Is(ctx, "hans", nil); return len(all), err },
		"others":     func() (int, error) { all, err := l.Others(ctx, "hans", nil, "x"); return len(all), err },
		"received":   func() (int, error) { all, err := l.Received(ctx, "hans", nil); return len(all), err },
	} {
		if n, err := empty(); n != 0 || err != nil {
			t.Errorf("%s of nothing: %d, %v", what, n, err)
		}
	}
}
