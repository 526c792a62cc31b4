package web

import (
	"context"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/config"
)

// Options say what a [Server] shows and where it listens.
type Options struct {
	// Listen are the addresses: "host:port", or "unix:/path". None is no page.
	Listen []string
	// Token returns the token that is asked for. Nil asks for none. It is called again from time to
	// time: a new token ends all sessions.
	Token func(context.Context) (string, error)
	// Hosts are the names that requests may have in Host, besides localhost, Hostname and any IP
	// address.
	Hosts []string
	// CertFile and KeyFile make TCP addresses speak TLS; both or none. They are read again when
	// they change.
	CertFile, KeyFile string

	Board   Board
	History History
	Actions Actions
	// Config returns the configuration that is in force. Nil leaves it out.
	Config func() *config.Config
	// Quarantine may be nil: there is nothing in it then.
	Quarantine Quarantine

	Probes Probes

	Log     zerolog.Logger
	Version string
	// Hostname is what the page calls this machine, and a name that requests may have in Host (with
	// .local behind it, too, if it has no dot); empty means what the system calls it.
	Hostname string
	// Zone is that of all times shown; nil means time.Local.
	Zone *time.Location
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Probes are what other programs ask for. Those that are nil are not served.
type Probes struct {
	Live, Ready http.Handler // /livez and /readyz: no token, any Host
	Metrics     http.Handler // /metrics
	MetricsOpen bool         // /metrics asks for no token
	Profile     bool         // /debug/pprof, which always asks for the token
}

// Board tells how things stand. [status.Board] is one.
type Board interface {
	// Snapshot is how things stand now. It costs next to nothing.
	Snapshot() *status.Snapshot
}

// History tells how things were, and keeps what was decided. [history.History] is one.
type History interface {
	Search(ctx context.Context, s history.Search) (history.Found, error)
	Item(ctx context.Context, id int64) (*history.Item, error)
	OfMessage(ctx context.Context, account string, message int64) ([]history.Item, []history.LeftOut, error)
	Decisions(ctx context.Context, since time.Time, what []string, limit int) ([]history.Decision, error)
	Polls(ctx context.Context, account string, n int) ([]history.Poll, error)
	Troubles(ctx context.Context, account string, since time.Time, limit int) ([]history.Trouble, error)
	LeftOutSince(ctx context.Context, account string, since time.Time) ([]history.LeftOutGroup, error)
	Hours(ctx context.Context, from time.Time, n int) ([]history.Came, error)
	Days(ctx context.Context, from time.Time, n int) ([]history.Came, error)
	Totals(ctx context.Context, account string) (history.Totals, error)
	Decide(d history.Decision)

	Sessions
}

// Sessions keeps the sessions of signed-in browsers over restarts. Hash is that of a session's ID,
// token that of the token which it was opened with.
type Sessions interface {
	SaveSession(hash, token [32]byte, until time.Time) error
	Sessions(ctx context.Context, token [32]byte) (map[[32]byte]time.Time, error)
	DropSession(hash [32]byte) error
}

// Actions does what forms ask for.
type Actions interface {
	// PollNow ends an account's wait for its next poll. Limits and a server's LOGIN-DELAY hold all
	// the same. It reports whether an account of this name is polled at all.
	PollNow(account string) bool
	// Reload has the configuration read again, and fails if what it says is not taken.
	Reload(ctx context.Context) error
}
