package daemon

import (
	"context"
	"sync"
	"time"

	"github.com/attachd/attachd/cmd/attachd/health"
	"github.com/attachd/attachd/cmd/attachd/trouble"
	"github.com/attachd/attachd/cmd/attachd/version"
	"github.com/attachd/attachd/cmd/attachd/web"
	"github.com/attachd/attachd/config"
)

// page is the page as the configuration has it. A new configuration closes it and opens another.
type page struct {
	services *services
	own      *web.Server // answers attachd's own commands, whatever the configuration says

	mu     sync.Mutex
	closes context.CancelFunc // guarded by mu: ends the page that is open
}

func newPage(ctx context.Context, s *services) *page {
	p := &page{services: s}
	var err error
	if p.own, err = web.New(ctx, p.options(config.HTTP{})); err != nil {
		// Nothing but the files within the program can be wrong then.
		s.options.Log.Error().Err(err).Msg("page can't be made")
	}
	return p
}

// renew closes the page, which run opens again with the configuration in force.
func (p *page) renew() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closes != nil {
		p.closes()
	}
}

// run keeps the page open until ctx ends.
func (p *page) run(ctx context.Context) {
	const key = "page"
	for ctx.Err() == nil {
		open, closes := context.WithCancel(ctx)
		p.mu.Lock()
		p.closes = closes
		p.mu.Unlock()
		p.services.insist(open, key, trouble.PageFails, "page can't be opened", func(ctx context.Context) error {
			server, err := web.New(ctx, p.options(p.services.config().HTTP))
			if err != nil {
				return err
			}
			p.services.board.Over(key)
			if err := server.Run(ctx); err != nil {
				return err
			}
			<-ctx.Done() // without a listener there is nothing to serve
			return nil
		})
		closes()
	}
}

func (p *page) options(h config.HTTP) web.Options {
	s := p.services
	o := web.Options{
		Listen: h.Listen, Hosts: h.Hosts, CertFile: h.CertFile, KeyFile: h.KeyFile,
		Board: s.board, Actions: s, Config: s.config, Quarantine: s.desk,
		Probes: web.Probes{
			Live: health.Live(s.beat, time.Now), Ready: health.Ready(s.stopping, s.options.Log, s.checks()...),
			Metrics: s.metrics.Handler(), MetricsOpen: h.MetricsOpen, Profile: h.PProf,
		},
		Log: s.options.Log, Version: version.Full(),
	}
	if !h.Token.IsZero() {
		o.Token = func(ctx context.Context) (string, error) {
			secret, err := h.Token.Resolve(ctx)
			return string(secret), err
		}
	}
	if s.history != nil {
		o.History = s.history
	}
	return o
}
