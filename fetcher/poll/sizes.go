package poll

import (
	"bytes"
	"regexp"
)

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
	// exactLeast is how many octets more than the slack must be missing where sizes are known to be right. Fewer than a line has
	// may be of a field that the server has added.
	exactLeast = 32
	// shortLeast is how many must be missing elsewhere: a message that is hardly there may be counted in many ways.
	shortLeast = 128
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

// areShort reports whether so few octets came of a message that it has been cut, as far as the sizes can tell.
func (s *sizes) areShort(r received) bool {
	size, missing := r.entry.Size, r.entry.Size-r.octets
	switch {
	case r.whole, missing <= max(r.slack, exactLeast):
		return false
	case s.known() && s.wrong:
		return missing >= shortLeast && r.octets < size/2
	case s.known():
		return true
	case s.wrong:
		return false
	case r.octets == 0:
		return missing >= shortLeast && !s.differ
	}
	return missing > unknownLeast
}

// mostTail is how much of the end of a message is looked at: a line with the longest boundary (RFC 2046 section 5.1.1) and empty ones.
const mostTail = 128

// tailReader follows a message for what tells whether it has come to its end.
type tailReader struct {
	slack int64 // lines, each of which may be counted an octet longer or shorter, and dots that may have been stuffed
	tail  []byte
}

func (e *tailReader) write(p []byte) {
	if len(p) == 0 {
		return
	}
	e.slack += int64(bytes.Count(p, []byte("\n")) + bytes.Count(p, []byte("\n.")))
	if p[0] == '.' && (len(e.tail) == 0 || e.tail[len(e.tail)-1] == '\n') {
		e.slack++
	}
	p = p[max(len(p)-mostTail, 0):]
	if drop := len(e.tail) + len(p) - mostTail; drop > 0 {
		e.tail = e.tail[:copy(e.tail, e.tail[drop:])]
	}
	e.tail = append(e.tail, p...)
}

var (
	contentType = regexp.MustCompile(`(?im)^content-type[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*`)
	boundary    = regexp.MustCompile(`(?i)[;\s]boundary=(?:"([^"\r\n]+)"|([^\s";]+))`)
)

// whole reports whether a message ends with the delimiter that closes it. No server that breaks off sends that.
func (e *tailReader) whole(header []byte) bool {
	last := bytes.TrimRight(e.tail, " \t\r\n")
	if !bytes.HasSuffix(last, []byte("--")) {
		return false
	}
	if end := bytes.Index(header, []byte("\n\r\n")); end >= 0 {
		header = header[:end]
	} else if end := bytes.Index(header, []byte("\n\n")); end >= 0 {
		header = header[:end]
	}
	is := boundary.FindSubmatch(contentType.Find(header))
	if is == nil {
		return false
	}
	return bytes.HasSuffix(last, append(append(append([]byte("\n--"), is[1]...), is[2]...), "--"...))
}
