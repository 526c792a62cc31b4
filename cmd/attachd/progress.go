package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/attachd/attachd/fetcher"
)

// progress shows on a terminal how far a run has come: messages, attachments,
// bytes, rate and the time left. It is also the writer for what else goes to
// that terminal, so that lines and bar don't run into each other. Without a
// terminal it shows nothing and passes writes on.
type progress struct {
	w io.Writer

	mu                    sync.Mutex
	bar                   *progressbar.ProgressBar // guarded by mu; nil: no terminal
	total                 int64                    // octets expected
	messages, of, written int
}

func newProgress(w io.Writer) *progress {
	p := &progress{w: w}
	if isTerminal(w) {
		p.bar = progressbar.NewOptions64(-1,
			progressbar.OptionSetWriter(w),
			progressbar.OptionShowBytes(true),
			progressbar.OptionShowTotalBytes(true),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetWidth(24),
		)
	}
	return p
}

// Write passes on b, which should be whole lines, above the bar.
func (p *progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		// A bar that can't be cleared only costs its looks.
		_ = p.bar.Clear()
	}
	return p.w.Write(b)
}

// expect adds messages of so many octets in all to what is to come.
func (p *progress) expect(messages int, octets int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.of += messages
	p.total += octets
	if p.bar != nil && p.total > 0 {
		p.bar.ChangeMax64(p.total)
	}
}

// message counts one message that has been read.
func (p *progress) message(octets int64, attachments int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages++
	p.written += attachments
	if p.bar == nil {
		return
	}
	if p.of > 0 {
		p.bar.Describe(fmt.Sprintf("%d/%d messages, %d attachments", p.messages, p.of, p.written))
	} else {
		p.bar.Describe(fmt.Sprintf("%d messages, %d attachments", p.messages, p.written))
	}
	// LIST's octets are only a hint: a message may be longer.
	if p.bar.State().CurrentNum+octets > p.total && p.total > 0 {
		p.total = p.bar.State().CurrentNum + octets
		p.bar.ChangeMax64(p.total)
	}
	_ = p.bar.Add64(octets)
}

// done takes the bar away.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}

// observe is a fetcher.Supervisor's Observe.
func (p *progress) observe(e fetcher.Event) {
	switch e := e.(type) {
	case fetcher.Listed:
		p.expect(e.New, e.Octets)
	case fetcher.Retrieved:
		p.message(e.Octets, e.Attachments)
	}
}
