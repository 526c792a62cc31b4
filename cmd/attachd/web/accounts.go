package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/words"
)

// perPage is how many rows a page has.
const perPage = 50

// accountList is a page of accounts.
type accountList struct {
	Sentence string       `json:"sentence"` // "1 needs you, 2 are failing, …"
	Total    int          `json:"total"`    // accounts in all
	Matching int          `json:"matching"` // of them, those that were asked for
	First    int          `json:"first"`    // the number of the first row among these, 0 for none
	Accounts []accountRow `json:"accounts"`
	Next     string       `json:"next,omitempty"` // the address of the next page, "" for none
	Previous string       `json:"previous,omitempty"`

	Query  string   `json:"query,omitempty"`
	State  string   `json:"state,omitempty"`
	Sort   string   `json:"sort"`
	States []choice `json:"-"`
	Orders []choice `json:"-"`
}

// choice is one value that a form offers.
type choice struct{ Value, Text string }

// stateOrder is the states as people look at them.
var stateOrder = []status.State{
	status.NeedsYou, status.Failing, status.Waiting, status.Polling, status.Fine, status.New, status.Off,
}

// slug is a state as addresses have it: "needs-you".
func slug(s status.State) string { return strings.ReplaceAll(string(s), " ", "-") }

// stateRank orders states, those that need attention first.
func stateRank(s status.State) int {
	if i := slices.Index(stateOrder, s); i >= 0 {
		return i
	}
	return len(stateOrder)
}

// listing is an account in a list that is sorted.
type listing struct {
	*status.Account
	lower string // its name, as names are sorted without regard to case
}

func listingOf(a *status.Account) listing { return listing{a, strings.ToLower(a.Name)} }

// order is one way to sort accounts. Names decide where it does not.
type order struct {
	key, text string
	compare   func(a, b listing) int
}

// then sorts by names what the order leaves equal.
func (o order) then(a, b listing) int {
	if c := o.compare(a, b); c != 0 {
		return c
	}
	return cmp.Or(strings.Compare(a.lower, b.lower), strings.Compare(a.Name, b.Name))
}

// orNever puts what has no time behind all that has one.
func orNever(t time.Time) time.Time {
	if t.IsZero() {
		return time.Unix(1<<40, 0)
	}
	return t
}

var orders = []order{
	{"trouble", "trouble first", func(a, b listing) int {
		if c := cmp.Compare(stateRank(a.State), stateRank(b.State)); c != 0 {
			return c
		}
		return orNever(a.Since).Compare(orNever(b.Since))
	}},
	{"name", "name", func(_, _ listing) int { return 0 }},
	// What never succeeded went without success for the longest time, but what is off or new is
	// not waited for.
	{"success", "longest without success", func(a, b listing) int {
		idle := func(a listing) int {
			if a.State == status.Off || a.State == status.New {
				return 1
			}
			return 0
		}
		if c := cmp.Compare(idle(a), idle(b)); c != 0 {
			return c
		}
		return a.Worked.Compare(b.Worked)
	}},
	{"backlog", "largest backlog", func(a, b listing) int { return cmp.Compare(b.Backlog, a.Backlog) }},
}

// byName sorts names as people do, without regard to case.
func byName(a, b string) int {
	return cmp.Or(strings.Compare(strings.ToLower(a), strings.ToLower(b)), strings.Compare(a, b))
}

func (s *Server) accountsRoutes() {
	s.view("/accounts", s.accounts)
	s.action("/accounts/poll", form{back: "/accounts", do: s.pollAll})
}

func (s *Server) accounts(r *http.Request) (*View, error) {
	now := s.options.Board.Snapshot()
	query := r.URL.Query()
	list := accountList{
		Sentence: countStates(now), Total: len(now.Accounts), Accounts: []accountRow{},
		Query: strings.TrimSpace(query.Get("q")), State: query.Get("state"), Sort: query.Get("sort"),
	}
	sorting := orders[0]
	if i := slices.IndexFunc(orders, func(o order) bool { return o.key == list.Sort }); i >= 0 {
		sorting = orders[i]
	}
	list.Sort = sorting.key
	if list.State != "" && !slices.ContainsFunc(stateOrder, func(st status.State) bool { return slug(st) == list.State }) {
		return nil, refuse(http.StatusBadRequest, "“"+list.State+"” is no state.", "The states are needs-you, failing, waiting, polling, fine, new and off.")
	}
	list.offer()
	found := matching(s.sorted.by(now, sorting), list.Query, list.State)
	list.Matching = len(found)
	from, to := window(found, now.Accounts, sorting.then, query.Get("after"), query.Get("before"))
	for _, a := range found[from:to] {
		list.Accounts = append(list.Accounts, s.accountRow(a.Account))
	}
	if from < to {
		list.First = from + 1
	}
	page := *r.URL
	if to < len(found) && to > from {
		list.Next = turned(page, "after", found[to-1].Name)
	}
	if from > 0 && to > from {
		list.Previous = turned(page, "before", found[from].Name)
	}
	return &View{Template: "accounts", Title: "Accounts", Nav: "accounts", Data: list, Twin: true}, nil
}

// offer fills in what the form offers.
func (l *accountList) offer() {
	l.States = []choice{{"", "any"}}
	for _, st := range stateOrder {
		l.States = append(l.States, choice{slug(st), string(st)})
	}
	for _, o := range orders {
		l.Orders = append(l.Orders, choice{o.key, o.text})
	}
}

// sortedAccounts keeps the accounts of the last snapshot as they were sorted: many readers ask for
// the same within a second.
type sortedAccounts struct {
	mu     sync.Mutex
	of     *status.Snapshot
	orders map[string][]listing
}

// by returns all accounts in an order. The list is not to be changed.
func (c *sortedAccounts) by(s *status.Snapshot, o order) []listing {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of != s {
		c.of, c.orders = s, make(map[string][]listing)
	}
	all, ok := c.orders[o.key]
	if !ok {
		all = make([]listing, len(s.Accounts))
		for i := range all {
			all[i] = listingOf(&s.Accounts[i])
		}
		slices.SortFunc(all, o.then)
		c.orders[o.key] = all
	}
	return all
}

// matching returns the accounts in a state whose name, user or host holds a text, in their order.
func matching(all []listing, text, state string) []listing {
	if text == "" && state == "" {
		return all
	}
	found := make([]listing, 0, len(all))
	text = strings.ToLower(text)
	for _, a := range all {
		if state != "" && slug(a.State) != state {
			continue
		}
		if text == "" || holds(a.Name, text) || holds(a.User, text) || holds(a.Host, text) {
			found = append(found, a)
		}
	}
	return found
}

// holds reports whether s holds a text in lower case.
func holds(s, text string) bool { return strings.Contains(strings.ToLower(s), text) }

// window is which of the accounts found are shown: those behind the account named after, or those
// before the one named before. That account need not be among them any more: where it would be is
// known as long as it exists. The accounts are sorted by compare.
func window(found []listing, all []status.Account, compare func(a, b listing) int, after, before string) (from, to int) {
	named := func(name string) (listing, bool) {
		for i := range all {
			if all[i].Name == name && name != "" {
				return listingOf(&all[i]), true
			}
		}
		return listing{}, false
	}
	if a, ok := named(after); ok {
		at, there := slices.BinarySearchFunc(found, a, compare)
		if there {
			at++
		}
		return at, min(at+perPage, len(found))
	}
	if a, ok := named(before); ok {
		at, _ := slices.BinarySearchFunc(found, a, compare)
		if at > 0 {
			return max(at-perPage, 0), at
		}
	}
	return 0, min(perPage, len(found))
}

// turned is the address of another page of a list: the one behind or before an account.
func turned(u url.URL, direction, name string) string {
	query := u.Query()
	query.Del("after")
	query.Del("before")
	query.Del("done")
	query.Set(direction, name)
	u.RawQuery = query.Encode()
	return u.RequestURI()
}

// countStates says how many accounts are in each state: "1 needs you, 2 are failing and 8 are
// fine".
func countStates(s *status.Snapshot) string {
	verbs := map[status.State][2]string{
		status.NeedsYou: {"needs you", "need you"},
		status.Failing:  {"is failing", "are failing"},
		status.Waiting:  {"waits", "wait"},
		status.Polling:  {"is polling", "are polling"},
		status.Fine:     {"is fine", "are fine"},
		status.New:      {"is new", "are new"},
		status.Off:      {"is off", "are off"},
	}
	var parts []string
	for _, st := range stateOrder {
		if n := s.Count[st]; n == 1 {
			parts = append(parts, "1 "+verbs[st][0])
		} else if n > 1 {
			parts = append(parts, words.Number(int64(n))+" "+verbs[st][1])
		}
	}
	return words.List(parts, len(parts)+1)
}

// Last is the number of the last row.
func (l accountList) Last() int { return l.First + len(l.Accounts) - 1 }
