package webtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/extractor/digest"
)

// History is a history in memory. Its fields may be filled before it is used.
type History struct {
	Items    []history.Item // by ID
	Left     []history.LeftOut
	Groups   []history.LeftOutGroup // of every account
	Failures []history.Trouble      // of every account
	Err      error                  // of every reading

	mu        sync.Mutex
	searches  int
	decisions []history.Decision
	sessions  map[[32]byte]session
}

type session struct {
	token [32]byte
	until time.Time
}

// NewHistory makes a history with some files, troubles and things left out.
func NewHistory() *History {
	h := &History{sessions: make(map[[32]byte]session)}
	for i, name := range []string{
		"google.example.org!example.org!1764201600!1764287999.zip", "zaehler-17.jpg", "納品書-2026-11.pdf",
		"Scan_20261127_1421.png", "factur-x.xml", "Rechnung März (Nr. 4711).pdf", "PO-88213.pdf",
	} {
		h.Add(history.Item{
			At: Now.Add(time.Duration(i-7) * 7 * time.Minute), Account: []string{"invoices", "orders", "scans"}[i%3],
			UIDL: fmt.Sprintf("uidl-%d", i/2), Message: int64(1 + i/2), Name: name, Path: "2026/11/" + name, SenderName: "Supplier Billing",
			Sender: "billing@supplier.example.org", Subject: "Ihre Rechnung für März", Kind: history.KindPDF, MediaType: "application/pdf",
			Size: 184213, Digest: digest.Of(digest.Own, []byte(name)), Original: name,
		})
	}
	h.Failures = []history.Trouble{
		{
			ID: 2, Account: "orders", Host: "mail.shop.example.org:995", Step: "login", Class: "login_refused", Times: 5,
			Text:  `log in to mail.shop.example.org:995 as orders@shop.example.org: server refused PASS: "-ERR [AUTH] Authentication failed"`,
			First: Now.Add(-80 * time.Minute), Last: Now.Add(-7 * time.Minute),
		},
		{
			ID: 1, Account: "orders", Host: "mail.shop.example.org:995", Step: "connect", Class: "silent", Times: 4,
			Text:  "connect to mail.shop.example.org:995: dial: dial tcp 198.51.100.24:995: connect: connection refused",
			First: Now.Add(-8 * 24 * time.Hour), Last: Now.Add(-8*24*time.Hour + 31*time.Minute), Over: Now.Add(-8*24*time.Hour + 35*time.Minute),
		},
	}
	h.Groups = []history.LeftOutGroup{{
		Why: "the rule exclude: {type: image/*, max_size: 20KiB} takes it", Key: "exclude/1", Place: "attachd.yaml:9",
		Names: []string{"image001.png", "logo.gif"}, Count: 212, Last: Now.Add(-90 * time.Minute),
	}}
	return h
}

// Add adds a file with the next ID, which it returns.
func (h *History) Add(i history.Item) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	i.ID = int64(len(h.Items) + 1)
	h.Items = append(h.Items, i)
	return i.ID
}

// Search finds files, the newest first.
func (h *History) Search(_ context.Context, s history.Search) (found history.Found, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.searches++
	if h.Err != nil {
		return found, h.Err
	}
	limit := s.Limit
	if limit == 0 {
		limit = 50
	}
	has := func(text, part string) bool { return strings.Contains(strings.ToLower(text), strings.ToLower(part)) }
	var all []history.Item
	for _, i := range slices.Backward(h.Items) {
		if has(i.Name, s.Name) && (has(i.Sender, s.Sender) || has(i.SenderName, s.Sender)) && has(i.Subject, s.Subject) &&
			(s.Account == "" || s.Account == i.Account) && (s.Kind == "" || s.Kind == i.Kind) &&
			!i.At.Before(s.Since) && (s.Until.IsZero() || i.At.Before(s.Until)) {
			all = append(all, i)
		}
	}
	for _, i := range all {
		switch {
		case s.After != 0 && i.ID <= s.After:
			found.Older = true
		case s.Before != 0 && i.ID >= s.Before:
			found.Newer = true
		default:
			found.Items = append(found.Items, i)
		}
	}
	if len(found.Items) > limit {
		if s.After != 0 { // the ones next to it
			found.Items, found.Newer = found.Items[len(found.Items)-limit:], true
		} else {
			found.Items, found.Older = found.Items[:limit], true
		}
	}
	return found, nil
}

// Searches is how often Search was called.
func (h *History) Searches() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.searches
}

// Item returns a file.
func (h *History) Item(_ context.Context, id int64) (*history.Item, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.Err != nil {
		return nil, h.Err
	}
	if id < 1 || id > int64(len(h.Items)) {
		return nil, history.ErrNotFound
	}
	i := h.Items[id-1]
	return &i, nil
}

// OfMessage returns what became of a message's files.
func (h *History) OfMessage(_ context.Context, account string, message int64) (items []history.Item, left []history.LeftOut, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, i := range h.Items {
		if i.Account == account && i.Message == message {
			items = append(items, i)
		}
	}
	for _, l := range h.Left {
		if l.Account == account && l.Message == message {
			left = append(left, l)
		}
	}
	return items, left, h.Err
}

// Polls returns n polls of an account: one of five brought files, the last ones failed.
func (h *History) Polls(_ context.Context, _ string, n int) (polls []history.Poll, err error) {
	for i := range n {
		p := history.Poll{At: Now.Add(time.Duration(-i) * 5 * time.Minute), Took: 800 * time.Millisecond}
		switch {
		case i < 3:
			p.Trouble = 2
		case i%5 == 0:
			p.Messages, p.Files, p.Bytes = 1, 1+i%4, 184213
		}
		polls = append(polls, p)
	}
	return polls, h.Err
}

// Troubles returns the troubles, whatever the account.
func (h *History) Troubles(_ context.Context, _ string, _ time.Time, limit int) ([]history.Trouble, error) {
	return h.Failures[:min(limit, len(h.Failures))], h.Err
}

// LeftOutSince returns the groups, whatever the account.
func (h *History) LeftOutSince(context.Context, string, time.Time) ([]history.LeftOutGroup, error) {
	return h.Groups, h.Err
}

// Hours returns what came in n hours, and nothing for those without anything.
func (h *History) Hours(_ context.Context, from time.Time, n int) (came []history.Came, err error) {
	for i := range n {
		if i%3 == 0 {
			came = append(came, history.Came{Start: from.Add(time.Duration(i) * time.Hour), Files: 1 + i%5, Bytes: 3e6, PollsFailed: i / 20})
		}
	}
	return came, h.Err
}

// Days returns what came in n days.
func (h *History) Days(_ context.Context, from time.Time, n int) (came []history.Came, err error) {
	for i := range n {
		came = append(came, history.Came{Start: from.AddDate(0, 0, i), Files: 40 + i*7%50, Bytes: 140e6})
	}
	return came, h.Err
}

// Totals returns the same for every account.
func (h *History) Totals(context.Context, string) (history.Totals, error) {
	return history.Totals{Files: 18322, Bytes: 41.7e9, Since: Now.AddDate(-1, -9, 0)}, h.Err
}

// Decide keeps a decision.
func (h *History) Decide(d history.Decision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d.ID = int64(len(h.decisions) + 1)
	h.decisions = append(h.decisions, d)
}

// Decisions returns decisions, the newest first.
func (h *History) Decisions(_ context.Context, since time.Time, what []string, limit int) (found []history.Decision, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range slices.Backward(h.decisions) {
		if len(found) < limit && !d.At.Before(since) && (len(what) == 0 || slices.Contains(what, d.What)) {
			found = append(found, d)
		}
	}
	return found, h.Err
}

// SaveSession keeps a session.
func (h *History) SaveSession(hash, token [32]byte, until time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions[hash] = session{token, until}
	return nil
}

// Sessions returns the sessions of a token.
func (h *History) Sessions(_ context.Context, token [32]byte) (map[[32]byte]time.Time, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	found := make(map[[32]byte]time.Time)
	for hash, s := range h.sessions {
		if s.token == token {
			found[hash] = s.until
		}
	}
	return found, nil
}

// DropSession forgets a session.
func (h *History) DropSession(hash [32]byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sessions, hash)
	return nil
}
