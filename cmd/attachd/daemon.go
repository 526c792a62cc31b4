package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
	"github.com/attachd/attachd/fetcher/proxy"
	"github.com/attachd/attachd/fetcher/session"
)

// daemon holds the parts that live as long as the process, wired together.
type daemon struct {
	ledger     *sqlite.Ledger
	supervisor *fetcher.Supervisor
	release    func() error // of the state file, which nobody replaces meanwhile
}

// What is asked at each step of a delivery. Tests set them, to fail a step or to end
// the process at it; the program itself never does.
var (
	sinkHook   sink.Hook
	ledgerHook sqlite.Hook
)

// newDaemon opens the state and wires the fetcher to the folders.
func newDaemon(ctx context.Context, c *config.Config, log zerolog.Logger, observe func(fetcher.Event)) (*daemon, error) {
	release, err := fetcher.ShareState(lockDir(c))
	if err != nil {
		return nil, err
	}
	led, err := sqlite.Open(ctx, c.State)
	if err != nil {
		return nil, errors.Join(err, release())
	}
	led.SetHook(ledgerHook)
	return &daemon{ledger: led, supervisor: newSupervisor(c, led, log, observe), release: release}, nil
}

func newSupervisor(c *config.Config, led *sqlite.Ledger, log zerolog.Logger, observe func(fetcher.Event)) *fetcher.Supervisor {
	return &fetcher.Supervisor{
		Ledger:   led,
		OpenSink: openSink,

		FindDestination: func(a fetcher.Account) (fetcher.Destination, error) {
			return findDestination(a.Version.(settings).Account)
		},

		LockDir:       lockDir(c),
		MaxConcurrent: c.MaxConcurrent,
		MaxPerHost:    c.MaxPerHost,
		Memory:        memory(),
		Log:           log,
		Observe:       observe,
		ReadEnvelope:  readEnvelope,
	}
}

// lockDir holds the locks of the state file and of the accounts in it.
func lockDir(c *config.Config) string { return c.State + ".locks" }

func (d *daemon) close() error { return errors.Join(d.ledger.Close(), d.release()) }

// settings is what of the configuration makes an account what it is. It is
// comparable: an account is started anew when it changes.
type settings struct {
	config.Account
	options sinkOptions
}

type sinkOptions struct {
	sink   sink.Options
	limits extractor.Limits
}

// accounts turns the enabled accounts of the configuration into the fetcher's.
func accounts(c *config.Config) []fetcher.Account {
	var all []fetcher.Account
	own := make(clientTokens)
	for _, a := range c.Accounts {
		if a.Enabled {
			all = append(all, account(c, a, own))
		}
	}
	return all
}

func account(c *config.Config, a config.Account, own clientTokens) fetcher.Account {
	version := settings{a, sinkOptions{
		sink:   sink.Options{FileMode: c.FileMode, MinFree: int64(a.Policy.MinFree), Hook: sinkHook},
		limits: limits(c),
	}}
	return fetcher.Account{
		Name:           a.Name,
		Endpoint:       endpoint(c, a, own),
		Interval:       a.Interval,
		Jitter:         a.Jitter,
		Delete:         a.After == config.AfterDelete,
		DeleteAfter:    a.DeleteAfter,
		DeleteEmpty:    a.Policy.Delete == config.DeleteAll,
		SkipDuplicates: a.Duplicates == config.DuplicatesSkip,

		MaxMessageSize:  int64(a.Policy.MaxMessageSize),
		Oversize:        map[config.Oversize]fetcher.Oversize{config.OversizeSkip: fetcher.OversizeSkip, config.OversizeRaw: fetcher.OversizeRaw}[a.Policy.Oversize],
		MaxMessages:     a.Policy.MaxMessages,
		MaxBytes:        int64(a.Policy.MaxBytes),
		CommitDeletions: a.Policy.CommitDeletions,
		MinFree:         int64(a.Policy.MinFree),

		QuarantineAge:   a.Quarantine.MaxAge,
		QuarantineBytes: int64(a.Quarantine.MaxBytes),

		FetchChangedUIDLs: a.Policy.UIDLChange == config.UIDLChangeFetch,

		Attempts: a.Attempts,
		Version:  version,
	}
}

// endpoint says how the account's mailbox is reached.
func endpoint(c *config.Config, a config.Account, own clientTokens) session.Endpoint {
	resumed := tls.NewLRUClientSessionCache(1) // saves a good part of the next poll's handshake
	return session.Endpoint{
		Addr:     net.JoinHostPort(a.Host, strconv.Itoa(a.Port)),
		Username: a.Username,
		Password: func(ctx context.Context) (string, error) { s, err := a.Password.Resolve(ctx); return string(s), err },
		Auth:     session.Auth(a.Auth),
		Token:    tokens(c, a, own),
		Dial:     dialer(a.Proxy),
		Security: map[config.TLSMode]session.Security{config.TLSImplicit: session.Implicit, config.TLSStartTLS: session.StartTLS, config.TLSNone: session.Plaintext}[a.TLS.Mode],
		TLS: func() (*tls.Config, error) {
			t, err := a.TLS.ClientConfig()
			if err == nil {
				t.ClientSessionCache = resumed
			}
			return t, err
		},
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

// openSink opens the folder of an account.
func openSink(a fetcher.Account) (fetcher.Sink, error) {
	s := a.Version.(settings)
	d, err := sink.Open(s.Output, s.options.sink)
	if err != nil {
		return nil, err
	}
	return &folder{Directory: d, account: s.Account, extract: extractOptions(s.Files, s.options.limits)}, nil
}

// folder is a sink.Directory as the fetcher sees it: it translates between the
// records of the two, which know nothing of each other.
type folder struct {
	*sink.Directory
	account config.Account
	extract extractor.Options
}

func (f *folder) Stage(ctx context.Context, uidl string, r io.Reader) (fetcher.Staged, error) {
	m, files, err := f.Directory.Stage(ctx, r, plan(f.account, f.extract, uidl))
	if isUnprocessable(err) {
		return fetcher.Staged{}, &fetcher.UnprocessableError{Err: err}
	}
	if err != nil {
		return fetcher.Staged{}, err
	}
	s := fetcher.Staged{MessageID: m.MessageID, Envelope: envelope(m)}
	for _, file := range files {
		s.Attachments = append(s.Attachments, record(file))
		s.RawKept = s.RawKept || file.Kind == sink.Raw || file.Kind == sink.Quarantined
		if file.Joined != "" {
			s.Joined = append(s.Joined, file.Joined)
		}
		if f := file.Attachment.Fragment; file.Kind == sink.Fragment && s.Waits == "" {
			s.Waits = describePiece(f)
			s.Attachments = slices.Insert(s.Attachments[:len(s.Attachments)-1], 0, record(file))
		}
	}
	problems := m.Problems
	for _, file := range files {
		problems = append(problems, file.Attachment.Problems...)
	}
	var doubts []extractor.Problem
	for _, problem := range problems {
		s.Problems = append(s.Problems, problem.String())
		if isDoubtful(problem) {
			doubts = append(doubts, problem)
		}
	}
	s.Doubtful, s.Reason = len(doubts) > 0, reasonOf(doubts)
	return s, nil
}

// isUnprocessable reports whether a message is at fault itself.
func isUnprocessable(err error) bool {
	_, limit := errors.AsType[*extractor.LimitError](err)
	_, pieces := errors.AsType[*sink.PiecesError](err)
	return limit || pieces
}

// describePiece says what a message waits for.
func describePiece(f *extractor.Fragment) string {
	of := ""
	if f.Total > 0 {
		of = fmt.Sprintf(" of %d", f.Total)
	}
	return fmt.Sprintf("piece %d%s of the message %q, which waits for the others", f.Number, of, f.ID)
}

func (f *folder) StageRaw(ctx context.Context, r io.Reader, folder, name string) (ledger.Attachment, error) {
	file, err := f.Directory.StageRaw(ctx, r, folder, name)
	if err != nil {
		return ledger.Attachment{}, err
	}
	return record(file), nil
}

func (f *folder) Sync(ctx context.Context, files []ledger.Attachment) error {
	return f.Directory.Sync(ctx, staged(files))
}

func (f *folder) Publish(a *ledger.Attachment) error {
	file := &sink.Staged{ID: a.StagingID, Path: a.Path}
	err := f.Directory.Publish(file)
	if errors.Is(err, sink.ErrGone) {
		return nil // it was published before a crash
	}
	if errors.Is(err, sink.ErrOtherFolder) {
		err = fmt.Errorf("%w (attachd state check says what to do)", err)
	}
	a.Path = file.Path
	return err
}

func (f *folder) Discard(files []ledger.Attachment) error { return f.Directory.Discard(staged(files)) }

func (f *folder) Sweep() (removed int, err error) {
	return f.Directory.Sweep(func(string) bool { return false })
}

func record(s *sink.Staged) ledger.Attachment {
	return ledger.Attachment{StagingID: s.ID, Path: s.Path, OriginalName: s.Attachment.OriginalName, MediaType: s.Attachment.MediaType, Size: s.Size, SHA256: s.SHA256, Sidecar: s.Kind == sink.Sidecar, Quarantine: s.Kind == sink.Quarantined}
}

func staged(files []ledger.Attachment) []*sink.Staged {
	all := make([]*sink.Staged, 0, len(files))
	for _, a := range files {
		if a.StagingID != "" {
			all = append(all, &sink.Staged{ID: a.StagingID, Path: a.Path})
		}
	}
	return all
}
