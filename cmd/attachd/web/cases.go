package web

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/words"
)

// Bounds of what a page says of one kind of thing.
const (
	maxCases = 5
	maxNames = 3
)

// trouble is one cause of trouble, as pages show it.
type trouble struct {
	Key      string    `json:"key"`
	Class    string    `json:"class"`
	NeedsYou bool      `json:"needs_you"`
	Heading  string    `json:"heading"`
	Host     string    `json:"host,omitempty"`
	Accounts []string  `json:"accounts,omitempty"` // the first three
	Affected int       `json:"affected"`           // accounts in all
	Said     []string  `json:"said,omitempty"`
	Meaning  string    `json:"meaning,omitempty"`
	Todo     string    `json:"todo,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Last     time.Time `json:"last,omitzero"`
	Next     time.Time `json:"next,omitzero"`
	Worked   time.Time `json:"worked,omitzero"` // when one of its accounts worked last
	Attempts int       `json:"attempts,omitempty"`
	Link     string    `json:"link,omitempty"`
	// Where says in which part of the page it is decided.
	Where string `json:"where,omitempty"`
}

func troubleOf(c status.Case) trouble {
	return trouble{
		Key: c.Key, Class: string(c.Class), NeedsYou: c.NeedsYou, Heading: c.Heading, Host: c.Host,
		Accounts: c.Accounts[:min(len(c.Accounts), maxNames)], Affected: len(c.Accounts),
		Said: c.Said, Meaning: c.Meaning, Todo: c.Todo, Since: c.Since, Last: c.Last, Next: c.Next, Worked: c.Worked,
		Attempts: c.Attempts, Link: c.Link, Where: place(c),
	}
}

// troublesOf are the first cases, and how many there are beyond.
func troublesOf(cases []status.Case) (first []trouble, more int) {
	first = []trouble{}
	for _, c := range cases[:min(len(cases), maxCases)] {
		first = append(first, troubleOf(c))
	}
	return first, len(cases) - len(first)
}

// Mark is the shape of a case.
func (t trouble) Mark() string {
	switch {
	case t.NeedsYou:
		return "bad"
	case t.Attempts == 0:
		return "wait"
	}
	return "fail"
}

// Rest is the heading within a sentence: "login refused".
func (t trouble) Rest() string { return lower(t.Heading) }

// Others is how many accounts have it besides those that are named.
func (t trouble) Others() int { return t.Affected - len(t.Accounts) }

// PollText is what the button says that polls all accounts of it.
func (t trouble) PollText() string {
	if t.Affected == 2 {
		return "Poll both now"
	}
	return "Poll all " + words.Number(int64(t.Affected)) + " now"
}

// Pollable says that a poll may help: a login that a person has mended, a server that is back.
func (t trouble) Pollable() bool { return t.Where == "accounts" || t.Where == "" && t.Affected > 0 }

// lower makes a text go on in a sentence, unless it begins with an abbreviation.
func lower(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	second, _ := utf8.DecodeRuneInString(s[n:])
	if !unicode.IsUpper(first) || unicode.IsUpper(second) {
		return s
	}
	return strings.ToLower(string(first)) + s[n:]
}
