package poll

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/identity"
)

// boundedReader reads a message from the server. It counts the octets, gives up on a message
// without end, and remembers whether the line failed.
type boundedReader struct {
	r      io.Reader
	n      int64
	listed int64 // octets, as LIST says
	max    int64
	err    error // of the line, or of a message that is too long
	header *identity.HeaderReader
	tail   tailReader
	hashes digest.Hashes // of all that is read, where digests are wanted
}

func (p *poll) bounded(e identity.Entry, r io.Reader) *boundedReader {
	p.fetch.begun++
	p.fetch.header.Reset()
	return &boundedReader{r: r, listed: e.Size, max: outgrown(e.Size, p.Account.maxMessage()), header: &p.fetch.header}
}

// outgrown returns how many octets to read at most of a message of a listed size: a server that
// never ends one would fill the disk. Sizes are wrong on many servers, though not by so much;
// some servers give none, or 0.
func outgrown(listed, most int64) int64 {
	if listed <= 0 || listed > most/outgrownFactor {
		return most
	}
	return min(most, max(outgrownFactor*listed, outgrownLeast))
}

const (
	outgrownFactor = 4
	outgrownLeast  = 64 << 20
)

func (b *boundedReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if endless := b.count(p[:n]); endless != nil {
		return n, endless
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

// WriteTo implements [io.WriterTo]. The blocks of a store that hands out its own go to w without a
// copy.
func (b *boundedReader) WriteTo(w io.Writer) (int64, error) {
	from, ok := b.r.(io.WriterTo)
	if !ok {
		return io.Copy(w, struct{ io.Reader }{b})
	}
	to := meter{read: b, w: w}
	n, err := from.WriteTo(&to)
	if err != nil && !to.failed {
		b.err = err
	}
	return n, err
}

// meter is where a message goes, behind what boundedReader learns of it.
type meter struct {
	read   *boundedReader
	w      io.Writer
	failed bool // it is no fault of the line
}

func (m *meter) Write(p []byte) (n int, err error) {
	if err = m.read.count(p); err == nil {
		n, err = m.w.Write(p)
	}
	m.failed = m.failed || err != nil
	return n, err
}

// count takes note of what was read. Its error says that the message is too long.
func (b *boundedReader) count(p []byte) error {
	b.header.Write(p)
	b.tail.write(p)
	b.n += int64(len(p))
	b.hashes.Write(p)
	if b.n > b.max {
		b.err = fmt.Errorf("message does not end within %d octets, and LIST says %d", b.max, b.listed)
		return b.err
	}
	return nil
}

// mostTail is how many octets of a message's end are looked at: a line with the longest
// boundary (RFC 2046 section 5.1.1) and empty lines.
const mostTail = 128

// tailReader keeps what tells whether a message has come to its end.
type tailReader struct {
	// slack is how many octets a server may count more or less: one for each line, and one for
	// each dot that may have been stuffed.
	slack int64
	tail  []byte // the last octets, mostTail at most
}

func (e *tailReader) write(p []byte) {
	if len(p) == 0 {
		return
	}
	e.slack += int64(bytes.Count(p, newline))
	if p[0] == '.' && (len(e.tail) == 0 || e.tail[len(e.tail)-1] == '\n') {
		e.slack++
	}
	// Dots are fewer than lines, and base64 has none.
	for from := 1; from < len(p); {
		i := bytes.IndexByte(p[from:], '.')
		if i < 0 {
			break
		}
		if from += i + 1; p[from-2] == '\n' {
			e.slack++
		}
	}
	p = p[max(len(p)-mostTail, 0):]
	if drop := len(e.tail) + len(p) - mostTail; drop > 0 {
		e.tail = e.tail[:copy(e.tail, e.tail[drop:])]
	}
	e.tail = append(e.tail, p...)
}

var (
	newline  = []byte("\n")
	boundary = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)[;\s]boundary=(?:"([^"\r\n]+)"|([^\s";]+))`) })
)

// contentType returns the first Content-Type of a header, folded as it is, nil for none.
func contentType(header []byte) []byte {
	const name = "content-type"
	for rest := header; len(rest) > 0; {
		line := rest
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			line = rest[:i+1]
		}
		if len(line) <= len(name) || !strings.EqualFold(string(line[:len(name)]), name) || !bytes.HasPrefix(bytes.TrimLeft(line[len(name):], " \t"), []byte(":")) {
			rest = rest[len(line):]
			continue
		}
		end := len(line)
		for end < len(rest) && (rest[end] == ' ' || rest[end] == '\t') {
			i := bytes.IndexByte(rest[end:], '\n') + 1
			if i == 0 {
				i = len(rest) - end
			}
			end += i
		}
		return rest[:end]
	}
	return nil
}

// whole reports whether a message ends with the closing delimiter of its boundary (RFC 2046
// section 5.1.1). A message that the server breaks off does not.
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
	is := boundary().FindSubmatch(contentType(header))
	if is == nil {
		return false
	}
	return bytes.HasSuffix(last, append(append(append([]byte("\n--"), is[1]...), is[2]...), "--"...))
}
