package console

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/attachd/attachd/fetcher/event"
)

// Progress shows on a terminal how far a run has come: messages, attachments, bytes, rate and the
// time left, in one line. It is also the writer for everything else on that terminal, so that other
// lines and the progress do not run into each other. Without a terminal it shows nothing and passes
// writes on.
//
// Its methods may be called from several goroutines at once.
type Progress struct {
	w     io.Writer
	width func() int // of the terminal, in columns; nil: no terminal
	now   func() time.Time

	mu                    sync.Mutex
	started, drawn        time.Time // guarded by mu, as is all below
	shown                 bool      // the line stands there
	total, octets         int64     // expected, and come
	messages, of, written int
}

// drawEvery is how often the line is drawn at most.
const drawEvery = 100 * time.Millisecond

// NewProgress shows the progress on w, if w is a terminal.
func NewProgress(w io.Writer) *Progress {
	p := &Progress{w: w, now: time.Now}
	if f, ok := w.(*os.File); ok && IsTerminal(f) {
		p.width = func() int {
			size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
			if err != nil || size.Col == 0 {
				return 80
			}
			return int(size.Col)
		}
	}
	return p
}

// Write passes on b, which should be whole lines, above the line.
func (p *Progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	return p.w.Write(b)
}

// clear takes the line away. A failure to do so concerns the looks alone.
func (p *Progress) clear() {
	if p.shown {
		_, _ = io.WriteString(p.w, "\r\x1b[K")
		p.shown, p.drawn = false, time.Time{}
	}
}

// Expect adds messages to what is to come, with their octets in all.
func (p *Progress) Expect(messages int, octets int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.of += messages
	p.total += octets
	if p.started.IsZero() && p.width != nil {
		p.started = p.now()
	}
}

// Message counts one message after it was read, with its octets and attachments.
func (p *Progress) Message(octets int64, attachments int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages++
	p.written += attachments
	p.octets += octets
	if p.width == nil {
		return
	}
	now := p.now()
	if p.started.IsZero() {
		p.started = now
	}
	if now.Sub(p.drawn) < drawEvery {
		return
	}
	line := p.line(now.Sub(p.started))
	_, _ = io.WriteString(p.w, "\r"+line[:min(len(line), max(p.width()-1, 0))]+"\x1b[K") // or it would break, and stay
	p.shown, p.drawn = true, now
}

// line returns what to show this long after the start. It is ASCII, so that bytes are columns.
func (p *Progress) line(took time.Duration) string {
	line := Count(p.messages, "message")
	if p.of > 0 {
		line = fmt.Sprintf("%d/%d messages", p.messages, p.of)
	}
	line += fmt.Sprintf(", %s, %s", Count(p.written, "attachment"), Bytes(p.octets))
	// LIST's octets are only a hint: a message may be longer.
	if p.total > p.octets {
		line += fmt.Sprintf(" of %s (%d%%)", Bytes(p.total), 100*p.octets/p.total)
	}
	if seconds := took.Seconds(); seconds >= 1 && p.octets > 0 {
		rate := float64(p.octets) / seconds
		line += ", " + Bytes(int64(rate)) + "/s"
		if p.total > p.octets {
			line += fmt.Sprintf(", %v left", time.Duration(float64(p.total-p.octets)/rate*float64(time.Second)).Round(time.Second))
		}
	}
	return line
}

// Done takes the line away for good. Writes are passed on afterwards, too.
func (p *Progress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.width = nil
}

// Observe counts what a poll reports. It fits the Observe of a [fetcher.Supervisor].
func (p *Progress) Observe(e event.Event) {
	switch e := e.(type) {
	case event.Listed:
		p.Expect(e.New, e.Octets)
	case event.Retrieved:
		p.Message(e.Octets, e.Attachments)
	}
}
