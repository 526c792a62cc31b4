package notify

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/notify/outbound"
	"github.com/attachd/attachd/cmd/attachd/notify/ping"
	"github.com/attachd/attachd/cmd/attachd/notify/send"
	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/event"
)

const (
	// lookEvery is how often the snapshot is looked at.
	lookEvery = 10 * time.Second
	// lastWords is how long a notice on its way has after attachd was told to stop.
	lastWords = 3 * time.Second
	// onceWords is the same for polls that are made once: no later try of this process comes.
	onceWords = 30 * time.Second
)

// Board knows how things stand. It is told of receivers that notices do not reach.
type Board interface {
	Snapshot() *status.Snapshot
	Report(key string, r status.Report)
	Over(key string)
}

// Options say what to watch and whom to tell.
type Options struct {
	// Config is the first configuration: see [Notifier.Configure].
	Config *config.Config
	// Board knows how things stand.
	Board Board
	// StatePath is the file that keeps what was told over a restart; "" keeps nothing.
	StatePath string
	Log       zerolog.Logger
	// Shoutrrr is the command that runs [send.RunShoutrrr], with its arguments.
	Shoutrrr []string
	// Zone is where the readers live; nil is the zone of this machine.
	Zone *time.Location
	// Machine is its name; "" asks the machine.
	Machine string
	// Once is for polls that are made once: what they came to is looked at when Run is to end, and
	// not before. What is due goes out then and waits for nothing, as nobody would send it later.
	Once bool
	// Transport makes HTTP requests, for tests; nil is the network.
	Transport http.RoundTripper
}

// Notifier watches, tells and pings. Use [New], and call Run once. Its other methods may be called
// from many goroutines at once.
type Notifier struct {
	options Options
	client  *outbound.Client
	pinger  *ping.Pinger
	started time.Time
	sending sync.WaitGroup
	keeper  *keeper
	config  atomic.Pointer[config.Config]

	mu        sync.Mutex
	receivers []*receiver
	seen      map[string]*book // of receivers that the configuration does not have, by what they are
	stats     Stats
}

// Stats counts since the start.
type Stats struct {
	Sent    int64 // notices that arrived
	Failed  int64 // tries to deliver one that failed
	Dropped int64 // ends of cases that no receiver will hear of
	Pings   ping.Stats
}

// New returns a notifier that has read what was told before. A file that cannot be read is an
// error; the notifier works all the same, and tells anew.
func New(o Options) (*Notifier, error) {
	if o.Zone == nil {
		o.Zone = time.Local
	}
	o.Machine = machine(o.Machine)
	n := &Notifier{options: o, client: outbound.New(o.Transport), started: time.Now(), keeper: newKeeper(o.StatePath, o.Log)}
	n.pinger = ping.New(ping.Options{Client: n.client, Log: o.Log, Words: n.words})
	books, err := readRecord(o.StatePath)
	n.seen = books
	n.Configure(o.Config)
	return n, err
}

func machine(name string) string {
	if name == "" {
		name, _ = os.Hostname()
	}
	return cmp.Or(name, "this machine")
}

// Configure takes a new configuration. A receiver that it has as before goes on with what it was
// told.
func (n *Notifier) Configure(c *config.Config) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.config.Store(c)
	before := n.receivers
	n.receivers = nil
	gone := make(map[string]bool)
	for _, r := range before {
		gone[r.key()] = r.reported
	}
	names := Names(c)
	have := make(map[string]int)
	for i, t := range c.Notify.To {
		id := identity(t)
		if have[id]++; have[id] > 1 {
			id += " #" + strconv.Itoa(have[id])
		}
		r := &receiver{id: id, name: names[i], book: n.seen[id]}
		for _, old := range before {
			if old.id == id {
				r = old
				r.name = names[i]
				delete(gone, r.key())
			}
		}
		if r.book == nil {
			r.book = &book{}
		}
		delete(n.seen, id)
		r.config = t
		r.target = send.New(t, send.Options{Client: n.client, Shoutrrr: n.options.Shoutrrr})
		n.receivers = append(n.receivers, r)
	}
	for key, reported := range gone {
		if reported {
			n.options.Board.Over(key)
		}
	}
	n.pinger.Configure(c)
}

// Observe takes an event of a poll, for pings. It takes no time.
func (n *Notifier) Observe(e event.Event) { n.pinger.Observe(e) }

// Polled says that all accounts were polled, where polls are made once: the URL for all accounts is
// told what they came to. Call it before the end of Run.
func (n *Notifier) Polled() { n.pinger.Conclude(n.options.Board.Snapshot()) }

// Stats returns the counts so far.
func (n *Notifier) Stats() Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.stats
	s.Pings = n.pinger.Stats()
	return s
}

// Failure is a receiver that notices do not reach.
type Failure struct {
	Name  string    // as attachd notify test takes it
	Since time.Time // of the first try that failed
	Error string    // of the last, safe to print
}

// Failures lists the receivers that notices do not reach.
func (n *Notifier) Failures() []Failure {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []Failure
	for _, r := range n.receivers {
		if r.failures > 0 {
			all = append(all, Failure{r.name, r.failing, r.err.Error()})
		}
	}
	return all
}

// Run watches, tells and pings until ctx ends. What could not be told is due again after the next
// start.
func (n *Notifier) Run(ctx context.Context) {
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { n.pinger.Run(ctx) })
	keeping, kept := context.WithCancel(context.WithoutCancel(ctx))
	defer kept()
	parts.Go(func() { n.keeper.run(keeping, n.books) })
	sending, give := context.WithCancel(context.WithoutCancel(ctx))
	defer give()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		if !n.options.Once {
			n.look(sending)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	n.look(sending) // at what the last polls came to
	// What is on its way may still arrive, or it would be told twice.
	wait := lastWords
	if n.options.Once {
		wait = onceWords
	}
	patience := time.AfterFunc(wait, give)
	defer patience.Stop()
	n.sending.Wait()
}

// look takes the present snapshot and does what is due.
func (n *Notifier) look(ctx context.Context) {
	s := n.options.Board.Snapshot()
	now := time.Now()
	n.pinger.Report(now, s)
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.receivers) == 0 {
		return
	}
	w := newWorld(s, n.config.Load().Notify, now, n.started, n.options.Zone)
	w.once = n.options.Once
	for _, r := range n.receivers {
		w.flying = r.flying
		r.book.update(w, w.views(s, r))
		n.tell(ctx, r, now)
	}
	n.stats.Dropped += int64(w.dropped)
	for _, r := range n.receivers {
		if r.book.changed {
			r.book.changed = false
			n.keeper.changed(false)
		}
	}
}

// books is what the file keeps, in its form.
func (n *Notifier) books() ([]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	books := make(map[string]*book)
	for _, r := range n.receivers {
		books[r.id] = r.book
	}
	return json.Marshal(record{recordVersion, books})
}
