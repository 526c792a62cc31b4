package quarantine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/foreign"
)

// Errors of a [Desk].
var (
	// ErrNotFound: the message is not in quarantine, or not any more.
	ErrNotFound = errors.New("no such message is in quarantine")
	// ErrUnderWay: what was asked for is not done yet, as the account is being polled or the
	// message is large. It is done afterwards, and nobody need ask again.
	ErrUnderWay = errors.New("it is done as soon as the poll under way is over")
	// ErrBusy: too many messages wait for what was asked for them, or attachd is stopping.
	ErrBusy = errors.New("too much waits to be done already: try again later")
)

// The bounds of a Desk.
const (
	deskPatience = 3 * time.Second // for an answer
	deskWaiting  = 200             // messages that may wait
	deskAtOnce   = 2               // messages that are worked on
)

// Action is what a person asks for.
type Action string

// The actions.
const (
	Retry Action = "retry"
	Drop  Action = "drop"
)

// Outcome is what an action came to.
type Outcome struct {
	// Files is how many files were delivered now.
	Files int
	// Stays says that the message is in quarantine still.
	Stays bool
	// Text says it in words, and why the message stays.
	Text string
}

// Desk works on the messages in quarantine within a running attachd. Fill in the exported fields,
// then call Run. Its methods may be called from many goroutines.
//
// An account that is being polled is waited for, and the account's next poll waits until the work
// is done. Work that takes longer than a moment goes on behind the answer [ErrUnderWay]. What waits
// is lost when attachd stops: the message is in quarantine as before.
type Desk struct {
	Access Access
	// Config returns the configuration in force: a retry is made under its limits.
	Config func() *config.Config
	Log    zerolog.Logger
	// Done, unless nil, is called with the outcome of each action, after its answer or before.
	Done func(m Message, what Action, by string, outcome Outcome, err error)

	begin sync.Once
	jobs  chan *job

	mu      sync.Mutex
	pending map[place]*job // guarded by mu
}

// place is where a message lies.
type place struct{ account, id string }

// job is an action under way.
type job struct {
	place
	message Message
	what    Action
	by      string
	done    chan struct{} // closed when outcome and err are set
	outcome Outcome
	err     error
}

func (d *Desk) init() {
	d.begin.Do(func() { d.jobs, d.pending = make(chan *job, deskWaiting), make(map[place]*job) })
}

// Run does what was asked for, until ctx ends and all that was begun is done or given up.
func (d *Desk) Run(ctx context.Context) {
	d.init()
	slots := make(chan struct{}, deskAtOnce)
	var all sync.WaitGroup
	defer all.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-d.jobs:
			all.Go(func() { d.do(ctx, slots, j) })
		}
	}
}

// List returns what is in quarantine of all accounts of the configuration, the newest first.
func (d *Desk) List(ctx context.Context) ([]Message, error) {
	led := d.Access.Ledger()
	counts, err := led.QuarantineCounts(ctx)
	if err != nil || len(counts) == 0 {
		return nil, err
	}
	var accounts []config.Account
	configured := d.Config().Accounts
	for i := range configured { // without copying thousands of them
		if counts[configured[i].Name] > 0 {
			accounts = append(accounts, configured[i])
		}
	}
	all, err := read(ctx, led, accounts)
	// An ID begins with the time.
	slices.SortFunc(all, func(a, b Message) int { return cmp.Compare(b.ID(), a.ID()) })
	return all, err
}

// Find returns one message by its account and its ID, or fails with [ErrNotFound].
func (d *Desk) Find(ctx context.Context, account, id string) (Message, error) {
	configured := d.Config().Accounts
	for i := range configured {
		if configured[i].Name != account {
			continue
		}
		all, err := read(ctx, d.Access.Ledger(), configured[i:i+1])
		if err != nil {
			return Message{}, err
		}
		for _, m := range all {
			if m.ID() == id {
				return m, nil
			}
		}
	}
	return Message{}, ErrNotFound
}

// Pending returns what is under way for a message, "" for nothing.
func (d *Desk) Pending(account, id string) Action {
	d.init()
	d.mu.Lock()
	defer d.mu.Unlock()
	if j := d.pending[place{account, id}]; j != nil {
		return j.what
	}
	return ""
}

// Do takes a message apart again, or removes it for good. by says who asks, for the record. The
// error is [ErrNotFound], [ErrUnderWay], [ErrBusy], or says that the account can't be worked on. A
// retry that leaves the message in quarantine is no error: the outcome says why.
//
// Asked twice for one message, it is done once: the second answer is that of the first.
func (d *Desk) Do(ctx context.Context, account, id string, what Action, by string) (Outcome, error) {
	d.init()
	m, err := d.Find(ctx, account, id)
	if err != nil {
		return Outcome{}, err
	}
	j, err := d.ask(&job{place: place{account, id}, message: m, what: what, by: by, done: make(chan struct{})})
	if err != nil {
		return Outcome{}, err
	}
	late := time.NewTimer(deskPatience)
	defer late.Stop()
	select {
	case <-j.done:
		return j.outcome, j.err
	case <-late.C:
		return Outcome{}, ErrUnderWay
	case <-ctx.Done():
		return Outcome{}, ctx.Err()
	}
}

// ask hands a job to Run, unless there is one for the message already, which it returns then.
func (d *Desk) ask(j *job) (*job, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if before := d.pending[j.place]; before != nil {
		if before.what != j.what {
			return nil, ErrUnderWay
		}
		return before, nil
	}
	if len(d.pending) >= deskWaiting {
		return nil, ErrBusy
	}
	d.pending[j.place] = j
	d.jobs <- j // there is room for all that are pending
	return j, nil
}

// do does one job.
func (d *Desk) do(ctx context.Context, slots chan struct{}, j *job) {
	j.outcome, j.err = d.work(ctx, slots, j)
	if j.err != nil {
		d.Log.Warn().Str("account", j.account).Str("id", j.id).Str("what", string(j.what)).Err(j.err).Msg("quarantine not worked on")
	} else {
		d.Log.Info().Str("account", j.account).Str("id", j.id).Str("what", string(j.what)).Str("outcome", j.outcome.Text).Msg("quarantine worked on")
	}
	if d.Done != nil {
		d.Done(j.message, j.what, j.by, j.outcome, j.err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.pending, j.place)
	close(j.done)
}

// work waits for the account and acts on the message.
func (d *Desk) work(ctx context.Context, slots chan struct{}, j *job) (_ Outcome, err error) {
	c := d.Config() // as it is now: limits may have been raised
	i := slices.IndexFunc(c.Accounts, func(a config.Account) bool { return a.Name == j.account })
	if i < 0 {
		return Outcome{}, fmt.Errorf("the configuration has no account %s any more", j.account)
	}
	q, err := d.Access.OpenQuarantine(ctx, c, c.Accounts[i])
	if err != nil {
		return Outcome{}, err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		return Outcome{}, ctx.Err()
	}
	records, err := q.Messages(ctx)
	if err != nil {
		return Outcome{}, err
	}
	for _, record := range records {
		if m := (Message{Account: c.Accounts[i], Record: record}); m.ID() == j.id {
			return act(ctx, q, m, j.what)
		}
	}
	return Outcome{}, ErrNotFound
}

// act does what was asked for with an account that is held.
func act(ctx context.Context, q *delivery.Quarantine, m Message, what Action) (Outcome, error) {
	if what == Drop {
		if err := q.Drop(ctx, m.Record); err != nil {
			return Outcome{}, fmt.Errorf("remove the message: %w", err)
		}
		return Outcome{Text: "removed"}, nil
	}
	again, err := q.Retry(ctx, m.Record)
	if ctx.Err() != nil {
		return Outcome{}, ctx.Err()
	}
	o := Outcome{}
	if again != nil {
		for _, a := range again.Attachments {
			if a.StagingID != "" && !a.Sidecar && !a.Quarantine {
				o.Files++
			}
		}
		o.Text = "delivered: " + count(o.Files)
	}
	switch {
	case errors.Is(err, delivery.ErrStillDoubtful), again == nil && err != nil:
		o.Stays, o.Text = true, foreign.FirstLine(err.Error())
	case err != nil: // the files are delivered, and the copy could not be removed
		return o, err
	}
	return o, nil
}

func count(files int) string {
	if files == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", files)
}
