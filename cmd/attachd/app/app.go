package app

import (
	"context"
	"errors"
	"sync"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/version"
	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// Options say what to run.
type Options struct {
	// Config is what to poll and where it goes. It is not changed.
	Config *config.Config
	// Path is the file that Config was loaded from. Only Run needs it, which watches it.
	Path string
	// Log takes what happens. The zero value logs nothing.
	Log zerolog.Logger
	// Observe, if set, is called as polls go along, from many goroutines at once.
	Observe func(event.Event)
	// Once says that RunOnce is to follow: servers are dialed while the state opens.
	Once bool
	// Service, unless nil, is told how far Run is.
	Service Service
	// Hooks are for tests.
	Hooks Hooks
}

// Service follows Run. Its methods are called one at a time, and Run waits for them.
type Service interface {
	// Ready says that polls run by the configuration.
	Ready()
	// Reloading says that the configuration is being loaded again. Ready follows, whatever comes
	// of it.
	Reloading()
	// Configured takes a configuration that is in force from now on, and what is doubtful about it,
	// before the first event of a poll by it. The one of the start is not among them.
	Configured(c *config.Config, warnings []config.Warning)
	// Refused takes why a newer configuration is not in force: [config.Problems] for its faults.
	Refused(err error)
	// Stopping says that Run ends.
	Stopping()
}

// nobody is a Service that is not there.
type nobody struct{}

func (nobody) Ready()                                      {}
func (nobody) Reloading()                                  {}
func (nobody) Configured(*config.Config, []config.Warning) {}
func (nobody) Refused(error)                               {}
func (nobody) Stopping()                                   {}

// Hooks are asked before each step of a delivery. Tests use them to fail a step, or to end the
// process at it. The zero value asks nobody.
type Hooks struct {
	Sink   sink.Hook
	Ledger sqlite.Hook
	Stall  func() bool // whether the scheduler is to stand still, see fetcher.Supervisor
}

// App is attachd with its state open. Call Run or RunOnce, once, and then Close.
type App struct {
	options    Options
	ledger     *sqlite.Ledger
	supervisor *fetcher.Supervisor
	once       *connected           // nil unless Options.Once
	release    func() error         // lets others replace the state file
	reloads    chan struct{}        // of one slot: many reasons to reload are one reload
	asked      chan chan<- reloaded // for who waits for the result of a reload
}

// Open opens the state, which it makes if there is none, and wires the fetcher to the folders.
func Open(ctx context.Context, o Options) (*App, error) {
	if o.Service == nil {
		o.Service = nobody{}
	}
	a := &App{options: o, reloads: make(chan struct{}, 1), asked: make(chan chan<- reloaded)}
	if o.Once {
		a.once = connect(ctx, o)
	}
	if err := a.open(ctx); err != nil {
		a.once.close()
		return nil, err
	}
	return a, nil
}

// open opens the state.
func (a *App) open(ctx context.Context) (err error) {
	o := &a.options
	if a.release, err = sqlite.Share(o.Config.State); err != nil {
		return err
	}
	if a.ledger, err = sqlite.Open(ctx, o.Config.State, sqlite.WithHook(o.Hooks.Ledger)); err != nil {
		return errors.Join(err, a.release())
	}
	a.supervisor = NewSupervisor(*o, a.ledger)
	return nil
}

// Close closes the state. Run and RunOnce must have returned.
func (a *App) Close() error {
	a.once.close()
	return errors.Join(a.ledger.Close(), a.release())
}

// Ledger is the state, for commands that read and change it beside the polls.
func (a *App) Ledger() *sqlite.Ledger { return a.ledger }

// Account turns one account of the configuration into the fetcher's, enabled or not.
func (a *App) Account(c config.Account) fetcher.Account {
	return wiring.Account(a.options.Config, c, a.options.Hooks.Sink)
}

// OpenQuarantine opens the quarantine of an account of c, enabled or not, and waits for a poll of
// this process to end. The account is not polled until it is closed.
func (a *App) OpenQuarantine(ctx context.Context, c *config.Config, account config.Account) (*delivery.Quarantine, error) {
	return a.supervisor.OpenQuarantine(ctx, wiring.Account(c, account, a.options.Hooks.Sink))
}

// Supervisor is what polls, for commands that take an account for themselves.
func (a *App) Supervisor() *fetcher.Supervisor { return a.supervisor }

// record is the state as the fetcher knows it.
type record struct{ *sqlite.Ledger }

// Fenced returns the state for who has leases.
func (r record) Fenced(leases ...*ledger.Lease) fetcher.Ledger {
	return record{r.Ledger.Fenced(leases...)}
}

// NewSupervisor wires the fetcher to a ledger and to the accounts' folders, for a state file that
// Open does not take, as it is being replaced.
func NewSupervisor(o Options, led *sqlite.Ledger) *fetcher.Supervisor {
	return &fetcher.Supervisor{
		Ledger:        record{led},
		MaxConcurrent: o.Config.MaxConcurrent,
		MaxPerHost:    o.Config.MaxPerHost,
		Memory:        memory(),
		Log:           o.Log,
		Observe:       o.Observe,
		ReadEnvelope:  wiring.ReadEnvelope,
		Stall:         o.Hooks.Stall,
	}
}

// Outcome is what polling every account once came to.
type Outcome struct {
	// Accounts is how many were polled.
	Accounts int
	// Failed has an error for each account that failed, with its name in the text. All of them are
	// logged.
	Failed []error
	// Quarantined is how many messages of these accounts are in quarantine, from this and earlier
	// polls.
	Quarantined int
}

// RunOnce polls every enabled account once. The error concerns the state alone: what failed of the
// accounts is in the outcome.
func (a *App) RunOnce(ctx context.Context) (*Outcome, error) {
	if a.once == nil {
		a.once = &connected{accounts: wiring.Accounts(a.options.Config, a.options.Hooks.Sink)}
	}
	accounts := a.once.accounts
	a.announceDeletions(ctx, false, accounts...)
	o := &Outcome{Accounts: len(accounts), Failed: a.supervisor.RunOnce(ctx, accounts)}
	// Also after a signal, or what is in quarantine would go unsaid.
	counts, err := a.ledger.QuarantineCounts(context.WithoutCancel(ctx))
	for _, account := range accounts {
		o.Quarantined += counts[account.Name]
	}
	return o, err
}

// Run polls the accounts at their intervals and follows the configuration, until ctx ends.
func (a *App) Run(ctx context.Context) {
	c, log := a.options.Config, a.options.Log
	accounts := wiring.Accounts(c, a.options.Hooks.Sink)
	a.announceDeletions(ctx, false, accounts...)
	log.Info().Str("version", version.Full()).Int("accounts", len(accounts)).Str("output", c.Output).Msg("attachd started")
	sets := make(chan []fetcher.Account)
	var parts sync.WaitGroup
	parts.Go(func() { a.supervisor.Run(ctx, sets) })
	r := &reloader{app: a, current: c, sets: sets}
	r.apply(ctx, accounts)
	if ctx.Err() == nil {
		a.options.Service.Ready()
	}
	r.run(ctx)
	a.options.Service.Stopping()
	parts.Wait()
	log.Info().Msg("attachd stopped")
}

// ReloadNow has Run load the configuration again, and returns what is doubtful about it when the
// accounts follow it. The error says why nothing was changed: [config.Problems] for a file with
// faults. Both are logged as well. ctx bounds the time, also if Run is not there to do it.
func (a *App) ReloadNow(ctx context.Context) ([]config.Warning, error) {
	answer := make(chan reloaded, 1) // who asks may be gone when the answer comes
	select {
	case a.asked <- answer:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case r := <-answer:
		return r.warnings, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// PollNow ends an account's wait for its next poll, see [fetcher.Supervisor.PollNow].
func (a *App) PollNow(account string) bool { return a.supervisor.PollNow(account) }

// Reload has Run load the configuration again soon.
func (a *App) Reload() {
	select {
	case a.reloads <- struct{}{}:
	default: // it is due already
	}
}
