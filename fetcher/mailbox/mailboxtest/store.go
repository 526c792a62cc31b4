// Package mailboxtest holds a mail store in memory, for tests of code that visits one. It speaks no
// protocol. It does what [mailbox.Mailbox] says, with the traits that a test gives it.
//
// # Guarantees
//
//   - A session sees the mailbox as it was when the session began, and numbers its messages from 1.
//   - A deleted message is gone when Delete has returned nil.
//   - A session that is closed deletes nothing.
//   - With [mailbox.Traits.Consumes], Quit and Delete also remove what the session retrieved.
//   - With [mailbox.Traits.Batches], a session sees only the oldest messages, see [Store.Oldest].
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
	// Key is the message's key, "" for a message without one.
	Key string
	// Raw is the whole message.
	Raw string
}

// Store is a mail store in memory. Fill in the exported fields before the first session.
// Its methods may be called from many goroutines at once.
type Store struct {
	Traits mailbox.Traits
	// Oldest is how many messages a session sees with Traits.Batches.
	Oldest int
	// Backwards makes messages and headers come in the opposite order of the questions.
	Backwards bool
	// Refuse, unless nil, is called before each request with the name of the method, such as
	// "Retrieve", and the message's number, 0 for none. A [Refusal] refuses that request alone. Any
	// other error ends the session.
	Refuse func(request string, number int) error

	mu       sync.Mutex
	messages []Message // guarded by mu, as is all below; oldest first
	asked    []string
	open     int
}

// Add puts messages into the store, as the newest.
func (s *Store) Add(messages ...Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, messages...)
}

// Messages returns the messages in the store, oldest first.
func (s *Store) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Asked returns the requests of all sessions since the last call of Asked, such as "Retrieve 2".
func (s *Store) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

// Open begins a session. It fails with a [Refusal] while another one is open: a session locks the
// maildrop (RFC 1939 section 4).
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

// ask notes a request and returns the error of Refuse.
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

// end ends a session and removes messages from the store.
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
	// Text is the reason in words.
	Text string
	// InUse is what Busy reports.
	InUse bool
	// Slower is what Throttled reports.
	Slower bool
	// Never is what Lasting reports.
	Never bool
	// Passes is what Passing reports.
	Passes bool
}

// Error returns "store said: TEXT".
func (r *Refusal) Error() string { return "store said: " + r.Text }

// Busy reports InUse.
func (r *Refusal) Busy() bool { return r.InUse }

// Throttled reports Slower.
func (r *Refusal) Throttled() bool { return r.Slower }

// Wait returns 0: the text is not searched for a time.
func (r *Refusal) Wait() time.Duration { return 0 }

// Unexplained reports true if no field is set.
func (r *Refusal) Unexplained() bool { return !r.Trouble() && !r.Slower }

// Trouble reports whether InUse, Never or Passes is set.
func (r *Refusal) Trouble() bool { return r.InUse || r.Never || r.Passes }

// Passing reports Passes.
func (r *Refusal) Passing() bool { return r.Passes }

// Lasting reports Never.
func (r *Refusal) Lasting() bool { return r.Never }

// header returns the header of a message, including the empty line.
func header(raw string) string {
	for _, end := range []string{"\r\n\r\n", "\n\n"} {
		if i := strings.Index(raw, end); i >= 0 {
			return raw[:i+len(end)]
		}
	}
	return raw
}
