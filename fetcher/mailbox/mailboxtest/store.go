// Package mailboxtest holds a mail store in memory, for tests of whoever visits one. It
// speaks no protocol: what it does is what [mailbox.Mailbox] says, with the traits that
// a test gives it.
//
// # Guarantees
//
// A session sees the mailbox as it was when the session began, and numbers its messages
// from 1. What Delete deletes is gone once Delete has returned nil, and nothing is
// deleted by a session that is closed. With [mailbox.Traits.Consumes], what was
// retrieved is gone after Quit and Delete. With [mailbox.Traits.Batches], a session
// sees the oldest messages only, see [Store.Oldest].
package mailboxtest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/attachd/attachd/fetcher/mailbox"
)

// Message is one message of a store.
type Message struct {
	// Key names it; "" is a message for which the store has none of use.
	Key string
	Raw string
}

// Store is a mail store in memory. Fill in the exported fields before the first session.
// Its methods may be called from many goroutines at once.
type Store struct {
	Traits mailbox.Traits
	// Oldest is how many messages a session sees, with Traits.Batches.
	Oldest int
	// Backwards has messages and headers come in the opposite order of the questions.
	Backwards bool
	// Refuse, unless nil, is asked before each request, by its name ("Retrieve", "Delete"
	// ...) and with the message's number, 0 for none. A [Refusal] refuses that request
	// alone; another error ends the session.
	Refuse func(request string, number int) error

	mu       sync.Mutex
	messages []Message // guarded by mu, as is all below; oldest first
	asked    []string
	open     int
}

// Add puts messages into the store, behind the others.
func (s *Store) Add(messages ...Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, messages...)
}

// Messages returns what is in the store.
func (s *Store) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Asked returns what sessions have asked since the last call, as "Retrieve 2".
func (s *Store) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

// Open begins a session. It fails while another one is open, as a maildrop is locked by
// its session (RFC 1939 section 4).
func (s *Store) Open() (mailbox.Mailbox, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open > 0 {
		return nil, &Refusal{Text: "mailbox is locked", InUse: true}
	}
	s.open++
	sees := slices.Clone(s.messages)
	if s.Traits.Batches && len(sees) > s.Oldest {
		sees = sees[:s.Oldest]
	}
	return &session{store: s, sees: sees}, nil
}

// ask notes a request, and returns the error that it fails with.
func (s *Store) ask(request string, number int) error {
	s.mu.Lock()
	line := request
	if number != 0 {
		line += fmt.Sprint(" ", number)
	}
	s.asked = append(s.asked, line)
	s.mu.Unlock()
	if s.Refuse == nil {
		return nil
	}
	return s.Refuse(request, number)
}

// end ends a session, and takes messages out of the store.
func (s *Store) end(gone []Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	for _, m := range gone {
		if i := slices.Index(s.messages, m); i >= 0 {
			s.messages = slices.Delete(s.messages, i, i+1)
		}
	}
}

// Refusal is a [mailbox.Refusal].
type Refusal struct {
	Text string
	// InUse, Slower, Never and Passes are what Busy, Throttled, Lasting and Passing say.
	InUse, Slower, Never, Passes bool
}

// Error returns the text.
func (r *Refusal) Error() string { return "store said: " + r.Text }

// Busy reports InUse.
func (r *Refusal) Busy() bool { return r.InUse }

// Throttled reports Slower.
func (r *Refusal) Throttled() bool { return r.Slower }

// Temporary reports whether the refusal is not for ever.
func (r *Refusal) Temporary() bool { return !r.Never }

// Wait returns 0: no text is read for a time.
func (r *Refusal) Wait() time.Duration { return 0 }

// Unexplained reports whether nothing says why.
func (r *Refusal) Unexplained() bool { return !r.Trouble() && !r.Slower }

// Trouble reports whether it is about the store, and not about what was asked.
func (r *Refusal) Trouble() bool { return r.InUse || r.Never || r.Passes }

// Passing reports Passes.
func (r *Refusal) Passing() bool { return r.Passes }

// Lasting reports Never.
func (r *Refusal) Lasting() bool { return r.Never }

// header returns the header of a message, with the empty line behind it.
func header(raw string) string {
	for _, end := range []string{"\r\n\r\n", "\n\n"} {
		if i := strings.Index(raw, end); i >= 0 {
			return raw[:i+len(end)]
		}
	}
	return raw
}
