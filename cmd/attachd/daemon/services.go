package daemon

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"sync"
	"time"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/control"
	"github.com/attachd/attachd/cmd/attachd/health"
	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/cmd/attachd/metrics"
	"github.com/attachd/attachd/cmd/attachd/notify"
	"github.com/attachd/attachd/cmd/attachd/quarantine"
	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/systemd"
	"github.com/attachd/attachd/cmd/attachd/trouble"
	"github.com/attachd/attachd/cmd/attachd/version"
	"github.com/attachd/attachd/cmd/attachd/web"
	"github.com/attachd/attachd/config"
)

// noticesSuffix makes the state's path that of the file which keeps what was told.
const noticesSuffix = ".notices"

// services are what runs beside the polls.
type services struct {
	options  Options
	once     bool            // polls are made once
	stopping context.Context // ends when attachd is asked to stop
	socket   net.Listener    // beside the state; nil if it can't be had yet
	app      *app.App
	board    *status.Board
	history  *history.History // nil if no file for it can be written
	notifier *notify.Notifier
	metrics  *metrics.Metrics
	manager  *systemd.Notifier
	desk     *quarantine.Desk
	page     *page

	mu      sync.Mutex
	current *config.Config    // guarded by mu
	addrs   map[string]string // guarded by mu: see addresses
}

// open makes the services, before the first event comes.
func (s *services) open(ctx context.Context, a *app.App) {
	c, log := s.options.Config, s.options.Log
	s.app = a
	var err error
	told, record := c, c.State+noticesSuffix
	if s.socket, err = control.Listen(ctx, c.State); errors.Is(err, control.ErrRunning) {
		// Two processes that write a history would each miss what the other one wrote.
		log.Warn().Err(err).Msg("this attachd keeps no history")
		if s.once { // what it told, the other one would tell again
			quiet := *c
			quiet.Notify.To, quiet.Ping = nil, config.SecretRef{}
			told, record = &quiet, ""
		}
	} else {
		s.history = s.openHistory(ctx)
	}
	s.board = status.NewBoard(status.Options{
		Path: s.options.Path, Version: version.Full(), Log: log, Beat: s.beat,
		Counts: a.Ledger().QuarantineCounts, Held: s.held, History: s.historyFile,
	})
	s.board.Configured(c, texts(s.options.Warnings))
	s.desk = &quarantine.Desk{Access: a, Config: s.config, Log: log, Done: s.decided}
	s.notifier, err = notify.New(notify.Options{
		Config: told, Board: s.board, StatePath: record, Log: log, Shoutrrr: s.options.Shoutrrr, Once: s.once,
	})
	if err != nil {
		log.Warn().Err(err).Msg("what was told before is not known: notices may repeat")
	}
	s.metrics = s.newMetrics()
	s.page = newPage(ctx, s)
}

// newMetrics makes the metrics of all services.
func (s *services) newMetrics() *metrics.Metrics {
	o := metrics.Options{
		Snapshot: s.board.Snapshot,
		Told: func() metrics.Told {
			n := s.notifier.Stats()
			return metrics.Told{
				Sent: n.Sent, Failed: n.Failed, Dropped: n.Dropped, PingsSent: n.Pings.Sent, PingsFailed: n.Pings.Failed, PingsLost: n.Pings.Lost,
			}
		},
	}
	if s.history != nil {
		o.HistoryDropped = s.history.Dropped
	}
	m := metrics.New(o)
	m.Configured(s.options.Config)
	return m
}

// close ends what takes the events of the last polls.
func (s *services) close() {
	if s.history == nil {
		return
	}
	if err := s.history.Close(); err != nil {
		s.options.Log.Warn().Err(err).Msg("history not closed cleanly")
	}
}

// run runs the services until ctx ends.
func (s *services) run(ctx context.Context) {
	var parts sync.WaitGroup
	defer parts.Wait()
	for _, part := range []func(context.Context){
		s.restore, s.board.Run, s.notifier.Run, s.desk.Run, s.tell, s.listen, s.page.run, s.watchFolders,
		func(ctx context.Context) { s.manager.Run(ctx, s.beat) },
	} {
		parts.Go(func() { part(ctx) })
	}
}

// tell says to systemd in words how the accounts are.
func (s *services) tell(ctx context.Context) {
	changed, stop := s.board.Changed()
	defer stop()
	for {
		s.manager.Status(systemd.Words(s.board.Snapshot()))
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// What failed is tried again after againFirst, and after twice as long each time up to againLast.
const (
	againFirst = time.Second
	againLast  = 15 * time.Second
)

// insist calls fn until it ends without an error, or ctx ends. A failure is a trouble until the
// next try; fn ends it itself once it works.
func (s *services) insist(ctx context.Context, key string, class trouble.Class, message string, fn func(context.Context) error) {
	said := ""
	for wait := againFirst; ; wait = min(2*wait, againLast) {
		err := fn(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		if err.Error() != said {
			said = err.Error()
			s.options.Log.Error().Err(err).Msg(message)
		}
		s.board.Report(key, status.Report{Class: class, Said: []string{said}})
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// listen answers attachd's own commands at the socket beside the state.
func (s *services) listen(ctx context.Context) {
	const key = "socket"
	s.insist(ctx, key, trouble.SocketFails, "commands such as attachd status, reload and healthcheck don't find this daemon", func(ctx context.Context) error {
		l := s.socket
		if s.socket = nil; l == nil {
			var err error
			if l, err = control.Listen(ctx, s.options.Config.State); err != nil {
				return err
			}
		}
		s.board.Over(key)
		return control.Serve(ctx, l, control.Handler(s.reload, s.page.own.Control()), web.ErrorLog(s.options.Log, "socket: connection"))
	})
}

// reload loads the configuration for somebody who waits for the result.
func (s *services) reload(ctx context.Context) ([]string, error) {
	warnings, err := s.app.ReloadNow(ctx)
	return texts(warnings), err
}

// PollNow ends an account's wait for its next poll, for the page.
func (s *services) PollNow(account string) bool { return s.app.PollNow(account) }

// Reload loads the configuration, for the page.
func (s *services) Reload(ctx context.Context) error {
	_, err := s.app.ReloadNow(ctx)
	return err
}

// checks are what attachd needs to be ready.
func (s *services) checks() []health.Check {
	return []health.Check{
		{Name: "state", Test: health.Folders(func() []string { return []string{filepath.Dir(s.options.Config.State)} })},
		{Name: "output folders", Test: health.Folders(s.outputs)},
	}
}

// outputs are the folders that enabled accounts write to.
func (s *services) outputs() (folders []string) {
	for _, a := range s.config().Enabled() {
		folders = append(folders, a.Output)
	}
	return folders
}

// config returns the configuration in force.
func (s *services) config() *config.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// Ready says that polls run by the configuration.
func (s *services) Ready() { s.manager.Ready() }

// Reloading says that the configuration is being loaded.
func (s *services) Reloading() { s.manager.Reloading() }

// Stopping says that attachd ends.
func (s *services) Stopping() { s.manager.Stopping() }

// Refused takes why a newer configuration is not in force.
func (s *services) Refused(err error) {
	defer s.board.Refresh()
	problems, ok := errors.AsType[config.Problems](err)
	if !ok {
		s.board.Refused([]string{err.Error()})
		return
	}
	faults := make([]string, len(problems))
	for i, p := range problems {
		faults[i] = p.Error()
	}
	s.board.Refused(faults)
}

// Configured takes a configuration that is in force now.
func (s *services) Configured(c *config.Config, warnings []config.Warning) {
	s.mu.Lock()
	before := s.current
	s.current, s.addrs = c, addresses(c)
	s.mu.Unlock()
	s.board.Configured(c, texts(warnings))
	s.board.Refresh() // who asks after a reload is told of it
	s.notifier.Configure(c)
	s.metrics.Configured(c)
	if s.history != nil {
		s.history.Configured(names(c))
	}
	for _, key := range config.Changes(before, c) {
		if key == "http" {
			s.page.renew()
		}
	}
}

func texts(warnings []config.Warning) []string {
	all := make([]string, len(warnings))
	for i, w := range warnings {
		all[i] = w.String()
	}
	return all
}

// names are those of the enabled accounts: the troubles of others are over.
func names(c *config.Config) (all []string) {
	for _, a := range c.Enabled() {
		all = append(all, a.Name)
	}
	return all
}
