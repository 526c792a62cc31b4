package daemon

import (
	"context"
	"sync"
	"time"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/fetcher/event"
)

// Once polls every enabled account once. Beside the polls it keeps the history, pings, and tells
// what is to be told, as a daemon does between two polls: for timers and cron. observe, unless nil,
// gets the events as well. Beside a daemon of the same state it leaves the history, the notices and
// the ping for all accounts to that one.
//
// As servers take long to answer, they are dialed while the state opens, and the services open
// while the polls begin. If ctx ends before the state is open, all accounts count as failed.
func Once(ctx context.Context, o Options, observe func(event.Event)) (outcome *app.Outcome, err error) {
	s := &services{options: o, current: o.Config, addrs: addresses(o.Config), stopping: ctx, once: true}
	events := newEarly(s.observe)
	a, err := app.Open(ctx, app.Options{Config: o.Config, Path: o.Path, Log: o.Log, Hooks: o.Hooks, Once: true, Observe: func(e event.Event) {
		events.observe(e)
		if observe != nil {
			observe(e)
		}
	}})
	if stopped(ctx, err) {
		o.Log.Warn().Msg("attachd was stopped while it started: no account was polled")
		return unpolled(&o, err), nil
	}
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := a.Close(); err != nil {
			o.Log.Error().Err(err).Msg("state not closed cleanly")
		}
	}()
	around, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var opening, telling, answering sync.WaitGroup
	opening.Go(func() {
		s.open(around, a)
		events.end()
		s.restore(around)
		telling.Go(func() { s.notifier.Run(around) })
		if s.socket != nil {
			answering.Go(func() { s.listen(around) })
		}
	})
	outcome, err = a.RunOnce(ctx)
	opening.Wait()
	s.board.Look(around)
	s.board.Refresh()
	if err == nil && ctx.Err() == nil {
		s.notifier.Polled()
	}
	end()
	answering.Wait() // who asks is told what the history has
	telling.Go(s.close)
	telling.Wait()
	return outcome, err
}

// beat says whether the scheduler moves. Polls that are made once have none, and move.
func (s *services) beat() time.Time {
	if s.once {
		return time.Now()
	}
	return s.app.Supervisor().Beat()
}
