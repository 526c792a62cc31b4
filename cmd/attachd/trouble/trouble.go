package trouble

import (
	"maps"
	"slices"
	"sync"
)

// Class is a kind of failure. Failures of one class have the same meaning and the same remedy. Its
// text is stable: metrics and the history keep it.
type Class string

// Owner says who is to mend a failure.
type Owner int

// The owners.
const (
	// Itself: attachd tries again, and there is nothing to do unless it lasts.
	Itself Owner = iota
	// Server: the server asked to be left alone for a while, or another session has the mailbox.
	Server
	// Person: nothing helps but somebody.
	Person
)

// Trouble is one failure, sorted.
type Trouble struct {
	Host  string // "host:port", or "" where no server is concerned
	Step  string // connect, tls, login, list, retrieve, delete, secret, state, output, messages
	Class Class
	Text  string // the whole error, safe to print
}

// Advice is what a class says to people.
type Advice struct {
	Owner   Owner
	Heading string // "Login refused"
	Short   string // for a row, at most four words: "login refused"
	Meaning string // what it means, one or two sentences
	Todo    string // what to do, or what attachd does by itself
}

// row is a class in the table.
type row struct {
	result string // see [Class.Result]
	step   string // "" if the error tells
	advice Advice
}

// table returns every class. It is made when it is asked for: the start of a command does not wait
// for it.
var table = sync.OnceValue(func() map[Class]row {
	all := make(map[Class]row)
	for _, part := range []map[Class]row{logins, connections, servers, storage, observed} {
		maps.Copy(all, part)
	}
	return all
})

// Classes returns every class, in the order of their texts.
func Classes() []Class { return slices.Sorted(maps.Keys(table())) }

// Result is the class in one word out of few, for a metric: "ok" for no failure, then auth, dns,
// connect, tls, timeout, in_use, throttled, server, protocol, storage, state, mailbox, messages,
// config, stopped, other. A class that is not in the table is "other".
func (c Class) Result() string {
	if c == "" {
		return "ok"
	}
	if r, ok := table()[c]; ok {
		return r.result
	}
	return "other"
}

// Results returns every value of [Class.Result], in order.
func Results() []string {
	all := map[string]bool{"ok": true}
	for _, r := range table() {
		all[r.result] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// general holds the advice of each class in general terms, made like table.
var general = sync.OnceValue(func() map[Class]Advice {
	all := make(map[Class]Advice)
	for class := range table() {
		all[class] = class.AdviceFor(Subject{})
	}
	return all
})

// Advice returns what the class says to people, in general terms: see [Class.AdviceFor]. It is
// cheap.
func (c Class) Advice() Advice {
	all := general()
	if a, ok := all[c]; ok {
		return a
	}
	return all[Other]
}
