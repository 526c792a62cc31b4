package tnef

// maxField is the longest field that a scanner gathers.
const maxField = 24

// taker takes bytes as they come.
type taker interface{ write(p []byte) error }

// value takes a value as it comes.
type value interface {
	taker
	// end ends the value. Unless it is whole, its last bytes are missing.
	end(whole bool) error
}

// scanner splits what is written to it into fields, whatever the blocks are. T knows the
// format: its methods are the states, and each says which field comes next.
type scanner[T any] struct {
	owner *T

	need  int // bytes of a short field, never 0
	next  func(*T, []byte) error
	held  [maxField]byte // the beginning of a short field, until the rest comes
	nHeld int

	left int64 // bytes of a long field, which comes first
	to   taker // where its bytes go; nil for nowhere
	done func(*T) error
}

// expect makes the next field one of need bytes, 1 to maxField. next takes it.
func (s *scanner[T]) expect(need int, next func(*T, []byte) error) {
	s.need, s.next = need, next
}

// pass gives the next n bytes to a taker; nil for none. Then it calls done, which says which
// field comes behind them.
func (s *scanner[T]) pass(n int64, to taker, done func(*T) error) error {
	if n == 0 {
		return done(s.owner)
	}
	s.left, s.to, s.done = n, to, done
	return nil
}

func (s *scanner[T]) write(p []byte) error {
	for len(p) > 0 {
		var err error
		if s.left > 0 {
			n := int(min(s.left, int64(len(p))))
			if s.to != nil {
				if err := s.to.write(p[:n]); err != nil {
					return err
				}
			}
			p = p[n:]
			if s.left -= int64(n); s.left == 0 {
				err = s.done(s.owner)
			}
		} else if s.nHeld == 0 && len(p) >= s.need {
			field := p[:s.need]
			p = p[s.need:]
			err = s.next(s.owner, field)
		} else {
			n := copy(s.held[s.nHeld:s.need], p)
			p = p[n:]
			if s.nHeld += n; s.nHeld == s.need {
				s.nHeld = 0
				err = s.next(s.owner, s.held[:s.need])
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
