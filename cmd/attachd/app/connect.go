package app

import (
	"context"

	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/session"
)

// connected are the accounts that RunOnce polls, with connections on the way to their servers.
type connected struct {
	accounts []fetcher.Account
	early    []*session.Early
}

// connect has the servers dialed while the state opens. Accounts that would have to wait for each
// other are dialed in their turns.
func connect(ctx context.Context, o Options) *connected {
	c := &connected{accounts: wiring.Accounts(o.Config, o.Hooks.Sink)}
	hosts := make(map[string]int)
	for i := range c.accounts {
		hosts[c.accounts[i].Addr]++
		if i >= o.Config.MaxConcurrent || hosts[c.accounts[i].Addr] > o.Config.MaxPerHost {
			return c
		}
	}
	for i := range c.accounts {
		a := &c.accounts[i]
		early := a.Connect(ctx, o.Log.With().Str("account", a.Name).Logger())
		a.OpenSession = early.Open
		c.early = append(c.early, early)
	}
	return c
}

// close ends the connections that no poll has taken.
func (c *connected) close() {
	if c == nil {
		return
	}
	for _, early := range c.early {
		early.Close()
	}
}
