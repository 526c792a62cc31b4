package overview

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/attachd/attachd/cmd/attachd/control"
	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/cmd/attachd/quarantine"
	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/trouble"
	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/cmd/attachd/words"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// Records is the history. [history.Reader] is one.
type Records interface {
	Search(ctx context.Context, s history.Search) (history.Found, error)
	Days(ctx context.Context, from time.Time, n int) ([]history.Came, error)
	Polls(ctx context.Context, account string, n int) ([]history.Poll, error)
	LastPolls(ctx context.Context, n int) (map[string][]history.Poll, error)
	Trouble(ctx context.Context, id int64) (*history.Trouble, error)
	OpenTroubles(ctx context.Context) ([]history.Trouble, error)
}

// Sources say where to look.
type Sources struct {
	// State is the path of the state file.
	State string
	// Config is nil if it has faults: a running attachd may have an older one in force.
	Config *config.Config
	// Path is the configuration's file, Version that of this program.
	Path, Version string
	// History is nil where there is none yet, or where Unread says why it can't be read.
	History Records
	Unread  error
	// Now is the clock; nil means time.Now. Its zone decides when a day begins.
	Now func() time.Time
}

// Overview is how things stand, and what came.
type Overview struct {
	// OK says that nothing needs anybody.
	OK bool `json:"ok"`
	// Running says that the snapshot is of a running attachd.
	Running bool `json:"running"`
	*status.Snapshot
	// Came is nil without a history that can be read; Unread says why it can't, "" if there is none.
	Came       *Came  `json:"came,omitempty"`
	Unread     string `json:"unread,omitempty"`
	Quarantine []Kept `json:"quarantine"`
}

// Came is what came in lately.
type Came struct {
	Today     Day `json:"today"`
	Yesterday Day `json:"yesterday"`
}

// Day is what came in on a day.
type Day struct {
	Start time.Time `json:"start"`
	Files int       `json:"files"`
	Bytes int64     `json:"bytes"`
	Items []File    `json:"items"` // the newest first, up to a thousand
}

// File is a file that came in.
type File struct {
	At      time.Time `json:"at"`
	Account string    `json:"account"`
	Sender  string    `json:"sender"`
	Name    string    `json:"name"`
	Size    int64     `json:"size"`
}

// Kept is a message in quarantine.
type Kept struct {
	Account string    `json:"account"`
	ID      string    `json:"id"`
	From    string    `json:"from"`
	Subject string    `json:"subject"`
	Size    int64     `json:"size"`
	Reason  string    `json:"reason"`
	Since   time.Time `json:"since"`
}

const (
	// mostFiles is how many files of a day are read.
	mostFiles = 1000
	// askFor bounds the wait for the running attachd.
	askFor = 10 * time.Second
	// pollsOfOnce is how many intervals may pass since the last poll of an attachd that is begun
	// now and then, by run --once. Then it should have run.
	pollsOfOnce = 3
)

func (s *Sources) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// Gather looks at everything. Its error says that neither the running attachd nor the files can be
// asked, as for a user that may not read them. It wraps [control.ErrNotRunning] if there is no
// configuration and no running attachd.
func Gather(ctx context.Context, s Sources) (*Overview, error) {
	o := &Overview{Quarantine: []Kept{}}
	o.unread(s.Unread)
	snapshot, err := ask(ctx, s.State)
	switch {
	case err == nil:
		o.Running, o.Snapshot = true, snapshot
	case errors.Is(err, control.ErrNotRunning) && s.Config != nil:
		if err = o.fromFiles(ctx, s); err != nil {
			return nil, err
		}
	default:
		return nil, err
	}
	o.OK = o.Snapshot.OK()
	if s.History != nil && o.Unread == "" {
		o.Came, err = came(ctx, s)
		o.unread(err)
	}
	if s.Config == nil || ctx.Err() != nil {
		return o, ctx.Err()
	}
	kept, err := quarantine.Read(ctx, s.Config, s.Config.Accounts)
	if err != nil {
		return nil, err
	}
	for _, m := range kept {
		is := m.Envelope(ctx)
		o.Quarantine = append(o.Quarantine, Kept{m.Account.Name, m.ID(), is.From, is.Subject, m.Record.Size, m.Record.Reason, m.Record.Delivered})
	}
	return o, nil
}

// unread notes why the history can't be read. It may be lost at any time, and everything else is
// known without it.
func (o *Overview) unread(err error) {
	if err != nil {
		o.Came, o.Unread = nil, err.Error()
	}
}

// ask asks the running attachd for its snapshot.
func ask(ctx context.Context, state string) (*status.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://attachd"+status.Path, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := control.Client(state).Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask the running attachd: %w", control.Cause(err))
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask the running attachd: it answered %s; is it of another version than this program?", response.Status)
	}
	s := new(status.Snapshot)
	if err := json.NewDecoder(response.Body).Decode(s); err != nil {
		return nil, fmt.Errorf("read the answer of the running attachd: %w", err)
	}
	return s, nil
}

// fromFiles puts together what the state and the history know.
func (o *Overview) fromFiles(ctx context.Context, s Sources) (err error) {
	led, err := wiring.InspectState(ctx, s.Config)
	if err != nil {
		return err
	}
	options := status.Options{Path: s.Path, Version: s.Version, Now: s.now}
	past := status.Past{Polled: make(map[string]time.Time), Mail: make(map[string]time.Time), TooLarge: make(map[string]int)}
	if led != nil {
		defer func() { err = errors.Join(err, led.Close()) }()
		options.Counts = led.QuarantineCounts
		options.Held = func(ctx context.Context, account string) ([]status.Held, error) {
			kept, err := led.Quarantined(ctx, account)
			return status.HeldOf(kept), err
		}
		if err := readPast(ctx, led, s.Config, &past); err != nil {
			return err
		}
	}
	if s.History != nil {
		polls, lost := s.History.LastPolls(ctx, status.StripLength)
		open, missed := s.History.OpenTroubles(ctx)
		past.Polls, past.Open = polls, open
		o.unread(cmp.Or(lost, missed))
	}
	board := status.NewBoard(options)
	board.Configured(s.Config, nil)
	board.Restore(past)
	if led != nil {
		board.Look(ctx)
	}
	if last, silent := s.lastPoll(past.Polled); silent {
		r := status.Report{Class: trouble.NotRunning, Since: last}
		if !last.IsZero() {
			r.Said = []string{"the last poll of an account was " + words.Ago(s.now().Sub(last))}
		}
		board.Report(string(trouble.NotRunning), r)
	}
	o.Snapshot = board.Refresh()
	return nil
}

// readPast reads what the state knows of polls and mail.
func readPast(ctx context.Context, led *sqlite.Ledger, c *config.Config, past *status.Past) error {
	for _, a := range c.Enabled() {
		at, err := led.LastPoll(ctx, a.Name)
		if err != nil {
			return err
		}
		past.Polled[a.Name] = at
	}
	summaries, err := led.Summaries(ctx)
	for _, s := range summaries {
		past.Mail[s.Account], past.TooLarge[s.Account] = s.Newest, s.TooLarge
	}
	return err
}

// lastPoll returns when any account was polled last, and whether that is so long ago that attachd
// should have polled since.
func (s *Sources) lastPoll(polled map[string]time.Time) (last time.Time, silent bool) {
	var interval time.Duration
	for _, a := range s.Config.Enabled() {
		if at := polled[a.Name]; at.After(last) {
			last = at
		}
		if interval == 0 || a.Interval < interval {
			interval = a.Interval
		}
	}
	return last, interval > 0 && s.now().Sub(last) > pollsOfOnce*interval
}

// came reads what came in today and yesterday.
func came(ctx context.Context, s Sources) (*Came, error) {
	now := s.now()
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	yesterday := today.AddDate(0, 0, -1)
	days, err := s.History.Days(ctx, yesterday, 2)
	if err != nil {
		return nil, err
	}
	all := &Came{Today: Day{Start: today, Items: []File{}}, Yesterday: Day{Start: yesterday, Items: []File{}}}
	for day, until := range map[*Day]time.Time{&all.Today: today.AddDate(0, 0, 1), &all.Yesterday: today} {
		for _, d := range days {
			if d.Start.Equal(day.Start) {
				day.Files, day.Bytes = d.Files, d.Bytes
			}
		}
		found, err := s.History.Search(ctx, history.Search{Since: day.Start, Until: until, Limit: mostFiles})
		if err != nil {
			return nil, err
		}
		for _, i := range found.Items {
			day.Items = append(day.Items, File{i.At, i.Account, i.Sender, i.Name, i.Size})
		}
		day.Files = max(day.Files, len(day.Items))
	}
	return all, nil
}
