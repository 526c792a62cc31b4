// Package ledgertest holds what every ledger owes: [Ledger] lists the methods, and [Test] checks
// what they do. An implementation runs it in a test of its own:
//
//	func TestLedger(t *testing.T) {
//		ledgertest.Test(t, func(t *testing.T, dir string) ledgertest.Ledger { ... })
//	}
//
// What an implementation promises beyond that, such as what it makes of a damaged file, is for its
// own tests.
package ledgertest

import (
	"fmt"
	"testing"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Open opens the ledger that is kept in a folder, and makes it if there is none. Opened again,
// after Close, it knows what it knew. The folder is the test's own.
type Open func(t *testing.T, dir string) Ledger

// Test checks an implementation. The tests run in parallel, each in folders of its own.
func Test(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"delivery": testDelivery, "transitions": testTransitions, "refused group": testRefusedGroup, "failures": testFailures,
		"long names": testLongNames, "envelope": testEnvelope, "concurrent accounts": testConcurrentAccounts, "cancelled": testCancelled,
		"lookup": testLookup, "gone": testGone, "sidecars do not count": testSidecarsDoNotCount, "same": testSame, "at once": testAtOnce,
		"others": testOthers, "nothing": testNothing, "kinds": testKinds,
		"many deletions": testManyDeletions, "deleted in vain": testDeletedInVain, "missed": testMissed, "due": testDue, "spare": testSpare,
		"kept copy": testKeptCopy, "retried": testRetried, "expired": testExpired,
		"mailbox": testMailbox, "too large": testTooLarge, "owner": testOwner, "destination": testDestination, "known until": testKnownUntil, "summaries": testSummaries,
		"host": testHost, "rename": testRename, "adopt and forget": testAdoptAndForget,
		"start": testStart, "skipped": testSkipped,
		"lease": testLease, "fence": testFence, "last poll": testLastPoll,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

// Message makes a message with n attachments, all of them distinct by its UIDL.
func Message(uidl string, size int64, n int) *ledger.Message {
	m := &ledger.Message{Key: ledger.Key{UIDL: uidl, Size: size}, State: ledger.Delivered, MessageID: "<" + uidl + "@example.org>"}
	for i := range n {
		name := fmt.Sprintf("%s-%d.pdf", uidl, i)
		m.Attachments = append(m.Attachments, ledger.Attachment{
			StagingID: "id-" + name, Path: name, OriginalName: "=" + name, MediaType: "application/pdf", Size: size / 2, Digests: digest.Of(digest.Own, []byte(name)).Set(),
		})
	}
	return m
}

// fresh opens a new ledger, which is closed with the test.
func fresh(t *testing.T, open Open) Ledger {
	t.Helper()
	l := open(t, t.TempDir())
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func state(t testing.TB, l Ledger, account string, k ledger.Key) ledger.State {
	t.Helper()
	records, err := l.Lookup(t.Context(), account, []string{k.UIDL})
	check(t, err)
	for _, r := range records {
		if r.Key == k {
			return r.State
		}
	}
	return ""
}

// records returns what is known of messages of the account hans, by their UIDLs.
func records(t testing.TB, l Ledger, uidls ...string) map[string]ledger.Record {
	t.Helper()
	all, err := l.Lookup(t.Context(), "hans", uidls)
	check(t, err)
	byUIDL := make(map[string]ledger.Record)
	for _, r := range all {
		byUIDL[r.UIDL] = r
	}
	return byUIDL
}

func keysOf(group []*ledger.Message) []ledger.Key {
	keys := make([]ledger.Key, len(group))
	for i, m := range group {
		keys[i] = m.Key
	}
	return keys
}

// deliver stages messages of the account hans and records them as delivered.
func deliver(t testing.TB, l Ledger, group ...*ledger.Message) {
	t.Helper()
	check(t, l.Stage(t.Context(), "hans", group))
	check(t, l.Delivered(t.Context(), "hans", group, delivered))
}
