package daemon

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/cmd/attachd/quarantine"
	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/trouble"
	"github.com/attachd/attachd/config"
)

// openHistory opens the history. A folder that can't be written gets none: it then lies among the
// temporary files, and is gone at the end.
func (s *services) openHistory(ctx context.Context) *history.History {
	c, log := s.options.Config, s.options.Log
	o := history.Options{
		Path: c.History.Path, Log: log, Ledger: s.app.Ledger(), Search: c.HTTP.Search, Items: c.History.Items, Keep: c.History.Keep,
		Classify: s.classify, Place: func(account, key string) string { return s.config().AccountKeyPlace(account, key) },
	}
	h, err := history.Open(ctx, o)
	if err == nil {
		h.Configured(names(c)) // accounts may have gone while no attachd ran
		return h
	}
	log.Error().Err(err).Msg("history can't be opened: this one lasts until attachd stops")
	dir, err := os.MkdirTemp("", "attachd-history-")
	if err == nil {
		o.Path = filepath.Join(dir, "history")
		context.AfterFunc(ctx, func() { _ = os.RemoveAll(dir) })
		h, err = history.Open(ctx, o)
	}
	if err != nil {
		log.Error().Err(err).Msg("attachd keeps no history")
		return nil
	}
	return h
}

// classify sorts the failure of an account's poll.
func (s *services) classify(account string, err error) (host, step, class, text string) {
	s.mu.Lock()
	addr := s.addrs[account]
	s.mu.Unlock()
	t := trouble.Of(addr, err)
	return t.Host, t.Step, string(t.Class), t.Text
}

// addresses are the servers of all accounts, as "host:port".
func addresses(c *config.Config) map[string]string {
	all := make(map[string]string, len(c.Accounts))
	for i := range c.Accounts {
		a := &c.Accounts[i]
		all[a.Name] = net.JoinHostPort(a.Host, strconv.Itoa(a.Port))
	}
	return all
}

// historyFile is how the history's file is.
func (s *services) historyFile() status.File {
	if s.history == nil {
		return status.File{Path: s.options.Config.History.Path, Err: "it can't be opened"}
	}
	f := status.File{Path: s.history.Path(), Size: s.history.Size(), Note: s.history.Note()}
	if err := s.history.Err(); err != nil {
		f.Err = err.Error()
	}
	return f
}

// restore tells the board what was before this process began. With many accounts that takes
// seconds, which nothing waits for.
func (s *services) restore(ctx context.Context) {
	log := s.options.Log
	past := status.Past{Polled: make(map[string]time.Time), Mail: make(map[string]time.Time), TooLarge: make(map[string]int)}
	if s.history != nil {
		var err error
		if past.Polls, err = s.history.LastPolls(ctx, status.StripLength); err != nil {
			log.Debug().Err(err).Msg("polls of before are not known")
		}
		if past.Open, err = s.history.OpenTroubles(ctx); err != nil {
			log.Debug().Err(err).Msg("troubles of before are not known")
		}
	}
	led := s.app.Ledger()
	summaries, err := led.Summaries(ctx)
	if err != nil {
		log.Debug().Err(err).Msg("deliveries of before are not known")
	}
	for _, of := range summaries {
		past.Mail[of.Account], past.TooLarge[of.Account] = of.Newest, of.TooLarge
		if at, err := led.LastPoll(ctx, of.Account); err == nil {
			past.Polled[of.Account] = at
		}
	}
	if ctx.Err() == nil {
		s.board.Restore(past)
	}
}

// held returns what is in quarantine of an account.
func (s *services) held(ctx context.Context, account string) ([]status.Held, error) {
	records, err := s.app.Ledger().Quarantined(ctx, account)
	if err != nil {
		return nil, err
	}
	all := make([]status.Held, len(records))
	for i, r := range records {
		all[i] = status.Held{From: r.From, Subject: r.Subject, Size: r.Size, Reason: r.Reason, At: r.FirstSeen}
	}
	return all, nil
}

// decided keeps what somebody had done with a message in quarantine.
func (s *services) decided(m quarantine.Message, what quarantine.Action, by string, outcome quarantine.Outcome, err error) {
	if s.history == nil {
		return
	}
	s.history.Decide(quarantine.Decision(time.Now(), m, what, by, outcome, err))
}
