package poll

import "time"

// sizes is what is known of the sizes that a server lists. Most are octets as they come; some are counted with LF for a line
// end, are estimates (of Exchange, a tenth too many), count what RETR leaves out, or are made up.
type sizes struct {
	// exact says that they are known to be octets as they come, exactly that a message of this poll was as long as listed.
	exact, exactly bool
	differ         bool // one was not
	wrong          bool // one is no count of what the message has, however lines and dots are counted
}

// known reports whether a message has been exactly as long as listed, in this poll or before.
func (s *sizes) known() bool { return s.exact || s.exactly }

const (
	// exactAgain is how often it is noted that a server's sizes are right, exactLasts for how long that is
	// believed: the server may be another one some day.
	exactAgain = 24 * time.Hour
	exactLasts = 30 * 24 * time.Hour
	// exactLeast is how many octets more than the slack must be missing where sizes are known to be right. Fewer than a line has
	// may be of a field that the server has added.
	exactLeast = 32
	// truncatedLeast is how many must be missing elsewhere: a message that is hardly there may be counted in many ways.
	truncatedLeast = 128
	// unknownLeast is how many must be missing where nothing is known of the server, as it may count fields of its own.
	unknownLeast = 1 << 10
	// madeUp is how many messages of one size, and of other lengths, show that it is none.
	madeUp = 3
)

// note finds out from messages that have come whether the sizes mean something. Of an empty one nobody can tell, and one that
// is shorter may have been cut, unless it has its end.
func (s *sizes) note(batch []received) {
	same, lengths := len(batch) >= madeUp, false
	for _, r := range batch {
		same = same && r.entry.Size == batch[0].entry.Size
		lengths = lengths || r.octets != batch[0].octets
		if r.octets == 0 {
			continue
		}
		s.exactly = s.exactly || r.octets == r.entry.Size
		s.differ = s.differ || r.octets != r.entry.Size
		s.wrong = s.wrong || r.octets-r.entry.Size > r.slack || r.whole && r.entry.Size-r.octets > r.slack
	}
	s.wrong = s.wrong || same && lengths
}

// truncated reports whether so few octets came of a message that it has been cut, as far as the sizes can tell.
func (s *sizes) truncated(r received) bool {
	size, missing := r.entry.Size, r.entry.Size-r.octets
	switch {
	case r.whole, missing <= max(r.slack, exactLeast):
		return false
	case s.known() && s.wrong:
		return missing >= truncatedLeast && r.octets < size/2
	case s.known():
		return true
	case s.wrong:
		return false
	case r.octets == 0:
		return missing >= truncatedLeast && !s.differ
	}
	return missing > unknownLeast
}
