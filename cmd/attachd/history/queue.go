package history

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/ledger"
)

// The bounds of the queue. Each file takes a kilobyte or two.
const (
	maxFiles = 8192  // files; what is beyond comes from the state later
	maxPolls = 16384 // polls, and what was left out; the oldest make room
	maxActs  = 4096  // decisions
)

// A batch is written when it has so many records, or its first one is so old.
const (
	batchSize = 500
	batchAge  = 2 * time.Second
)

// The bounds of foreign texts, in bytes.
const (
	maxName  = ledger.MaxName
	maxText  = ledger.MaxText
	maxError = 16 << 10
)

// file is a file that was delivered.
type file struct {
	at            time.Time
	account, uidl string
	octets        int64 // of the message, see Item.Message
	envelope      ledger.Envelope
	attachment    ledger.Attachment
	repairs       []string
}

// visit is a poll that ended.
type visit struct {
	account string
	at      time.Time
	took    time.Duration
	counts  event.Counts
	files   int
	bytes   int64
	err     error
}

// leftOut is what came to no file.
type leftOut struct {
	at    time.Time
	event event.LeftOut
}

// accounts are the names that the configuration has.
type accounts struct {
	at    time.Time
	names []string
}

// queue is what waits to be written. Nobody waits for it.
type queue struct {
	wake chan struct{} // of one slot: there is something
	full chan struct{} // of one slot: there is a whole batch
	done chan struct{} // closed when nothing more comes

	mu      sync.Mutex
	room    room            // guarded by mu
	files   []file          // guarded by mu
	others  []any           // guarded by mu: visit and leftOut
	acts    []any           // guarded by mu: Decision and accounts
	dropped int64           // guarded by mu
	missing bool            // guarded by mu: files were dropped
	closed  bool            // guarded by mu
	polls   map[string]*run // guarded by mu: those under way, by account
}

// room is how many records of each kind fit.
type room struct{ files, polls, acts int }

// run is a poll under way.
type run struct {
	began time.Time
	files int
	bytes int64
}

func (q *queue) init() {
	q.wake, q.full = make(chan struct{}, 1), make(chan struct{}, 1)
	q.done = make(chan struct{})
	q.room = room{maxFiles, maxPolls, maxActs}
	q.polls = make(map[string]*run)
}

// Observe takes an event of a poll. It keeps what a history keeps, and returns at once.
func (h *History) Observe(e event.Event) {
	now := time.Now()
	switch e := e.(type) {
	case event.Started:
		h.queue.begin(e.Account, now)
	case event.Delivered:
		if e.Attachment.Sidecar || e.Attachment.Quarantine {
			return
		}
		h.queue.file(file{at: now, account: e.Account, uidl: e.UIDL, octets: e.Octets, envelope: e.Envelope, attachment: e.Attachment, repairs: e.Repairs})
	case event.LeftOut:
		h.queue.other(leftOut{now, e})
	case event.Done:
		h.queue.end(visit{account: e.Account, at: cmp.Or(e.At, now), counts: e.Counts, err: e.Err})
	}
}

// Decide keeps what a person decided or did. At is now unless it is given, ID is not looked at.
func (h *History) Decide(d Decision) {
	if d.At.IsZero() {
		d.At = time.Now()
	}
	h.queue.act(d)
}

// Configured says which accounts there are now. The troubles of all others are over.
func (h *History) Configured(names []string) { h.queue.act(accounts{time.Now(), names}) }

func (q *queue) begin(account string, at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.polls[account] = &run{began: at}
}

// end keeps a poll, unless it was only told to stop.
func (q *queue) end(v visit) {
	q.mu.Lock()
	if r := q.polls[v.account]; r != nil {
		v.took, v.files, v.bytes = v.at.Sub(r.began), r.files, r.bytes
		delete(q.polls, v.account)
	}
	q.mu.Unlock()
	if errors.Is(v.err, context.Canceled) {
		return
	}
	q.other(v)
}

func (q *queue) file(f file) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if r := q.polls[f.account]; r != nil {
		r.files++
		r.bytes += f.attachment.Size
	}
	if len(q.files) >= q.room.files {
		q.missing = true
		return
	}
	q.files = append(q.files, f)
	q.tell()
}

func (q *queue) other(r any) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.others = q.bound(append(q.others, r), q.room.polls)
	q.tell()
}

func (q *queue) act(r any) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.acts = q.bound(append(q.acts, r), q.room.acts)
	q.tell()
}

// bound drops the oldest records beyond a number.
func (q *queue) bound(records []any, most int) []any {
	if over := len(records) - most; over > 0 {
		q.dropped += int64(over)
		clear(records[:over])
		records = records[over:]
	}
	return records
}

// tell wakes the writer. Its caller has the lock.
func (q *queue) tell() {
	notify(q.wake)
	if len(q.files)+len(q.others)+len(q.acts) >= batchSize {
		notify(q.full)
	}
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// close has the writer write what is there, and end.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		close(q.done)
	}
	q.closed = true
	notify(q.wake)
	notify(q.full)
}

func (q *queue) lost() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

// take returns up to batchSize records, files first, and whether there are more. missing says that
// files were dropped since the last call.
func (q *queue) take() (records []any, more, missing, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.files), batchSize)
	for _, f := range q.files[:n] {
		records = append(records, f)
	}
	clear(q.files[:n])
	q.files = q.files[n:]
	for _, from := range []*[]any{&q.acts, &q.others} {
		n := min(len(*from), batchSize-len(records))
		records = append(records, (*from)[:n]...)
		clear((*from)[:n])
		*from = (*from)[n:]
	}
	missing, q.missing = q.missing, false
	more = len(q.files)+len(q.others)+len(q.acts) > 0
	return records, more, missing, q.closed
}
