package poll

import "time"

// sizes is what is known of the sizes that a server lists. Most are octets as they come. Other
// servers count LF as the line end, estimate (Exchange, a tenth too many), count what RETR
// leaves out, or make sizes up.
type sizes struct {
	// exact means that an earlier visit found the sizes to be octets as they come.
	exact bool
	// exactly means that a message of this visit had exactly its listed size.
	exactly bool
	// differ means that a message of this visit had another size than listed.
	differ bool
	// wrong means that a listed size is no count of the message's octets, however lines and
	// dots are counted.
	wrong bool
}

// known reports whether a message had exactly its listed size, in this visit or before.
func (s *sizes) known() bool { return s.exact || s.exactly }

const (
	// exactAgain is how often it is recorded that a server's sizes are right.
	exactAgain = 24 * time.Hour
	// exactLasts is how long that is believed: the server may be another one some day.
	exactLasts = 30 * 24 * time.Hour
	// exactLeast is how many octets may be missing where the sizes are known to be right, or
	// the slack if that is more. So few may be a header field that the server counts and does
	// not send.
	exactLeast = 32
	// truncatedLeast is how many octets must be missing where the sizes are no help: servers
	// count a message that is hardly there in many ways.
	truncatedLeast = 128
	// unknownLeast is how many octets may be missing where nothing is known of the server,
	// which may count fields of its own.
	unknownLeast = 1 << 10
	// madeUp is how many messages of one listed size and different lengths show that the size
	// is made up.
	madeUp = 3
)

// note learns from messages that have come what the listed sizes are worth. An empty message
// tells nothing. A shorter one may be truncated, unless it has its end.
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

// truncated reports whether so few octets of a message came that it must be truncated, as far
// as the sizes can tell.
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
