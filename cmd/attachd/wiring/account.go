package wiring

import (
	"context"
	"hash/maphash"
	"net"
	"strconv"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/proxy"
	"github.com/attachd/attachd/fetcher/session"
)

// LockDir is the folder of the locks of the state file and of the accounts in it.
func LockDir(c *config.Config) string { return sqlite.LockFolder(c.State) }

// settings are what an account's files depend on. Accounts of a set that are alike in it share one:
// most are, and with ten thousand of them copies would take more than all else that a sleeping
// account needs.
type settings struct {
	files  config.Files
	after  config.After
	sink   sink.Options
	limits extractor.Limits
}

// settingsOf are those of the accounts of a set.
type settingsOf map[settings]*settings

// of returns those of an account.
func (all settingsOf) of(c *config.Config, a *config.Account) *settings {
	s := settings{a.Files, a.After, sink.Options{
		FileMode: a.FileMode, DirMode: a.FolderMode, Group: string(a.Group), MinFree: int64(a.Policy.MinFree),
	}, limits(c)}
	if all[s] == nil {
		all[s] = &s
	}
	return all[s]
}

// seeds are those of this process.
var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

// version returns 128 bits that change with the part of the configuration that an account depends
// on. The fetcher starts an account anew when they change. A copy of that part would take most of
// the memory of an account that sleeps.
func version(a *config.Account, s *settings) (v [2]uint64) {
	of := struct {
		config.Account
		settings
	}{*a, *s}
	for i, seed := range seeds {
		v[i] = maphash.Comparable(seed, of)
	}
	return v
}

// Accounts turns the enabled accounts of the configuration into the fetcher's, in their order.
// Those that share the credentials of one OAuth client share its token. The hook, nil for none, is
// asked before each step of a sink.
func Accounts(c *config.Config, hook sink.Hook) []fetcher.Account {
	enabled, own := c.Enabled(), newShared()
	all := make([]fetcher.Account, len(enabled))
	for i, a := range enabled {
		all[i] = account(c, a, own, hook)
	}
	return all
}

// Account turns one account of the configuration into the fetcher's, enabled or not.
func Account(c *config.Config, a config.Account, hook sink.Hook) fetcher.Account {
	return account(c, &a, newShared(), hook)
}

// account holds on to nothing of c: a loop that a reload leaves running would keep the whole of an
// old configuration.
func account(c *config.Config, a *config.Account, own shared, hook sink.Hook) fetcher.Account {
	with := own.settings.of(c, a)
	return fetcher.Account{
		Account: poll.Account{
			Name:     a.Name,
			Endpoint: endpoint(c, a, own),
			Output:   with.output(a.Name, a.Output, hook),
			Deletion: poll.Deletion{
				Delete:          a.After == config.AfterDelete,
				DeleteAfter:     a.DeleteAfter,
				DeleteEmpty:     a.Policy.Delete == config.DeleteAll,
				CommitDeletions: a.Policy.CommitDeletions,
			},
			Limits: poll.Limits{
				MaxMessageSize: int64(a.Policy.MaxMessageSize),
				Oversize:       map[config.Oversize]poll.Oversize{config.OversizeSkip: poll.OversizeSkip, config.OversizeRaw: poll.OversizeRaw}[a.Policy.Oversize],
				MaxMessages:    a.Policy.MaxMessages,
				MaxBytes:       int64(a.Policy.MaxBytes),
			},
			Quarantine:        poll.Quarantine{QuarantineAge: a.Quarantine.MaxAge, QuarantineBytes: int64(a.Quarantine.MaxBytes)},
			Start:             identity.Start{Now: a.Start.Now, Within: a.Start.Within},
			Interval:          a.Interval,
			SkipDuplicates:    a.Duplicates == config.DuplicatesSkip,
			Attempts:          a.Attempts,
			FetchChangedUIDLs: a.Policy.UIDLChange == config.UIDLChangeFetch,
		},
		Jitter:  a.Jitter,
		Version: version(a, with),
	}
}

// endpoint says how the account's mailbox is reached.
func endpoint(c *config.Config, a *config.Account, own shared) session.Endpoint {
	password := a.Password
	return session.Endpoint{
		Addr:     net.JoinHostPort(a.Host, strconv.Itoa(a.Port)),
		Username: a.Username,
		Password: func(ctx context.Context) (string, error) { s, err := password.Resolve(ctx); return string(s), err },
		Auth:     session.Auth(a.Auth),
		Token:    tokens(c, a, own.tokens),
		Dial:     dialer(a.Proxy),
		Security: map[config.TLSMode]session.Security{config.TLSImplicit: session.Implicit, config.TLSStartTLS: session.StartTLS, config.TLSNone: session.Plaintext}[a.TLS.Mode],
		TLS:      own.servers.of(a).Config,
		Timeouts: session.Timeouts{
			Dial: a.Timeouts.Dial, TLS: a.Timeouts.TLS, Greeting: a.Timeouts.Greeting,
			Reply: a.Timeouts.Reply, Idle: a.Timeouts.Idle, Session: a.Timeouts.Session,
		},
	}
}

// dialer makes connections through the proxy, nil without one.
func dialer(p config.Proxy) func(ctx context.Context, network, addr string) (net.Conn, error) {
	if p.IsZero() {
		return nil
	}
	d := &proxy.Dialer{Scheme: p.Scheme, Addr: p.Addr, Username: p.Username, Password: func() string { return string(p.Password()) }, Name: p.String()}
	return d.DialContext
}
