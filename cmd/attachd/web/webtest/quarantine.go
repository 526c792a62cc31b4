package webtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/quarantine"
	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Quarantine is a quarantine in memory, whose messages lie in the folders of a [House].
type Quarantine struct {
	// Outcome and Err are what Do answers with. Unless it is an error or stays, the message is gone
	// then.
	Outcome quarantine.Outcome
	Err     error

	house *House

	mu       sync.Mutex
	messages []quarantine.Message // guarded by mu
	pending  map[string]quarantine.Action
}

// NewQuarantine makes an empty quarantine.
func NewQuarantine(h *House) *Quarantine {
	return &Quarantine{house: h, pending: make(map[string]quarantine.Action)}
}

// Put puts a message into quarantine and returns its ID.
func (q *Quarantine) Put(t testing.TB, account int, raw []byte, change ...func(*ledger.Message)) string {
	t.Helper()
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.messages)
	at := Now.Add(-time.Duration(n+1) * 3 * time.Hour)
	id := fmt.Sprintf("%s-%016x", at.UTC().Format("20060102T150405Z"), n)
	a := q.house.Config.Accounts[account]
	path := ".quarantine/" + id + ".eml"
	place := q.house.Place(a.Name, path)
	if err := os.MkdirAll(filepath.Dir(place), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(place, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	m := &ledger.Message{
		Key: ledger.Key{UIDL: fmt.Sprintf("kept-%d", n), Size: int64(len(raw))}, State: ledger.Quarantined, Delivered: at, Attempts: 1,
		Reason:      "message unpacks to more than 200 times its size",
		Envelope:    ledger.Envelope{From: "Gateway <gateway@meters.example.org>", Subject: "Ablesung Objekt 17"},
		Attachments: []ledger.Attachment{{Path: path, Size: int64(len(raw)), Digests: digest.Of(digest.Own, raw).Set(), Quarantine: true}},
	}
	for _, c := range change {
		c(m)
	}
	q.messages = append(q.messages, quarantine.Message{Account: a, Record: m})
	return id
}

// List returns the messages.
func (q *Quarantine) List(context.Context) ([]quarantine.Message, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.messages), nil
}

// Find returns one message.
func (q *Quarantine) Find(_ context.Context, account, id string) (quarantine.Message, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.messages {
		if m.Account.Name == account && m.ID() == id {
			return m, nil
		}
	}
	return quarantine.Message{}, quarantine.ErrNotFound
}

// SetPending says that something is under way for a message.
func (q *Quarantine) SetPending(account, id string, what quarantine.Action) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pending[account+"/"+id] = what
}

// Pending returns what was set.
func (q *Quarantine) Pending(account, id string) quarantine.Action {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.pending[account+"/"+id]
}

// Do answers as it was told to, and tells the history what it did.
func (q *Quarantine) Do(ctx context.Context, account, id string, what quarantine.Action, by string) (quarantine.Outcome, error) {
	m, err := q.Find(ctx, account, id)
	if err != nil {
		return quarantine.Outcome{}, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.Err != nil {
		return quarantine.Outcome{}, q.Err
	}
	q.house.History.Decide(quarantine.Decision(Now, m, what, by, q.Outcome, nil))
	if !q.Outcome.Stays {
		q.messages = slices.DeleteFunc(q.messages, func(o quarantine.Message) bool { return o.Record == m.Record })
	}
	return q.Outcome, nil
}
