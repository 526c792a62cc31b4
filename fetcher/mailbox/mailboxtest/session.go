package mailboxtest

import (
	"errors"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/attachd/attachd/fetcher/mailbox"
)

// session is one session with a store.
type session struct {
	store     *Store
	sees      []Message
	retrieved []Message
	ended     bool
}

var errEnded = errors.New("session has ended")

// ask notes a request and returns the store's error. An error that is no refusal ends the session.
func (s *session) ask(request string, number int) error {
	if s.ended {
		return errEnded
	}
	err := s.store.ask(request, number)
	if _, refused := mailbox.Refused(err); err != nil && !refused {
		s.Close()
	}
	return err
}

func (s *session) Traits() mailbox.Traits { return s.store.Traits }

func (s *session) Stat() (messages int, octets int64, err error) {
	if err := s.ask("Stat", 0); err != nil {
		return 0, 0, err
	}
	for _, m := range s.sees {
		octets += int64(len(m.Raw))
	}
	return len(s.sees), octets, nil
}

func (s *session) Keys(fn func(number int, key string) error) (odd []string, err error) {
	if err := s.ask("Keys", 0); err != nil {
		return nil, err
	}
	for i, m := range s.sees {
		if err := fn(i+1, m.Key); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (s *session) Key(number int) (string, error) {
	if err := s.ask("Key", number); err != nil {
		return "", err
	}
	return s.sees[number-1].Key, nil
}

func (s *session) Sizes(fn func(number int, octets int64) error) (odd []string, err error) {
	if err := s.ask("Sizes", 0); err != nil {
		return nil, err
	}
	for i, m := range s.sees {
		if err := fn(i+1, int64(len(m.Raw))); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (s *session) Headers(numbers iter.Seq[int], fn func(number int, header io.Reader, err error) error) error {
	return s.each("Headers", numbers, func(m Message) string { return header(m.Raw) }, fn)
}

func (s *session) Retrieve(numbers iter.Seq[int], _ func(number int) int64, fn func(number int, body io.Reader, err error) error) error {
	return s.each("Retrieve", numbers, func(m Message) string {
		s.retrieved = append(s.retrieved, m)
		return m.Raw
	}, fn)
}

// each calls fn with a part of each message. Messages never come cut, so [mailbox.Confirm] always
// succeeds.
func (s *session) each(request string, numbers iter.Seq[int], of func(Message) string, fn func(number int, text io.Reader, err error) error) error {
	var batch []int
	for n := range numbers {
		if n != mailbox.Confirm {
			if batch = append(batch, n); s.store.Backwards {
				continue
			}
		}
		if err := s.answer(request, batch, of, fn); err != nil {
			return err
		}
		batch = batch[:0]
		if n == mailbox.Confirm {
			if err := fn(n, nil, nil); err != nil {
				s.Close()
				return err
			}
		}
	}
	return s.answer(request, batch, of, fn)
}

// answer answers questions about messages, the last one first.
func (s *session) answer(request string, batch []int, of func(Message) string, fn func(number int, text io.Reader, err error) error) error {
	for _, n := range slices.Backward(batch) {
		var text io.Reader
		refused := s.ask(request, n)
		if s.ended {
			return refused
		}
		if refused == nil {
			text = strings.NewReader(of(s.sees[n-1]))
		}
		if err := fn(n, text, refused); err != nil {
			s.Close()
			return err
		}
	}
	return nil
}

func (s *session) Delete(numbers iter.Seq[int], fn func(number int, err error)) error {
	var gone []Message
	for n := range numbers {
		err := s.ask("Delete", n)
		if s.ended {
			return err
		}
		if err == nil {
			gone = append(gone, s.sees[n-1])
		}
		fn(n, err)
	}
	return s.quit(gone)
}

func (s *session) Quit() error { return s.quit(nil) }

func (s *session) quit(gone []Message) error {
	if err := s.ask("Quit", 0); err != nil {
		s.Close()
		return err
	}
	if s.store.Traits.Consumes {
		gone = append(gone, s.retrieved...)
	}
	s.ended = true
	s.store.end(gone)
	return nil
}

func (s *session) Ends() time.Time { return time.Time{} }

func (s *session) Until(time.Time) {}

func (s *session) Close() error {
	if !s.ended {
		s.ended = true
		s.store.end(nil)
	}
	return nil
}
