package state

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/quarantine"
	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// Report is what [Check] found.
type Report struct {
	// NotMade says that there is no state file, and need not be: nothing was delivered yet. The
	// rest of the report is empty then.
	NotMade bool
	// Accounts are those that were asked about.
	Accounts []*Account
	// Unconfigured are accounts that the state knows and the configuration does not.
	Unconfigured []ledger.Summary
}

// Faults is how much is not sound.
func (r *Report) Faults() (n int) {
	for _, a := range r.Accounts {
		n += len(a.Faults())
	}
	return n
}

// Quarantined is how many messages are in quarantine.
func (r *Report) Quarantined() (n int) {
	for _, a := range r.Accounts {
		n += a.Quarantined
	}
	return n
}

// Account is what the state holds of one account, and how that compares with its folder.
type Account struct {
	Summary  ledger.Summary
	LastPoll time.Time // zero: it is not known
	// Stale says that the state is older than the folder, and Away that the folder is gone or
	// another one; nil otherwise.
	Stale, Away error
	Staged      Staged
	// Failures are the messages that could not be retrieved.
	Failures []Failure
	// Uncopied are the messages that were delivered, and stay on the server as the quarantine had
	// no room for them.
	Uncopied []Uncopied
	// Quarantined is how many messages are in quarantine. Lost has an error for each that can't be
	// read; that is not known while the folder is away.
	Quarantined int
	Lost        []error
	// Strays are files in quarantine that the state does not know.
	Strays []string
}

// Faults returns what is not sound: Stale, Away, what Staged found elsewhere, and Lost. Each text
// says what to do.
func (a *Account) Faults() (all []error) {
	for _, err := range []error{a.Stale, a.Away, a.Staged.Elsewhere} {
		if err != nil {
			all = append(all, err)
		}
	}
	return append(all, a.Lost...)
}

// Staged is what an interrupted poll left in the account's folder.
type Staged struct {
	// Files are of deliveries that the next poll completes; Published of them are in place.
	Files, Published int
	// Unknown are of no message that the state knows: it will be fetched again.
	Unknown int
	// Elsewhere, unless nil, says that files were staged in a folder that is gone.
	Elsewhere error
}

// Failure is a message that could not be retrieved. Before is the record under which a message of
// its UIDL was delivered before, with another size; zero without one.
type Failure struct {
	ledger.Record
	Before ledger.Record
}

// Uncopied is a message that stays on the server, and why the quarantine would have needed it.
type Uncopied struct{ UIDL, Reason string }

// Check reads the whole state file and compares it with the folders of these accounts. It changes
// nothing, asks no server and may be used while attachd runs.
//
// It fails if the file can't be read, is damaged, or is missing although something was delivered.
func Check(ctx context.Context, c *config.Config, accounts []config.Account) (_ *Report, err error) {
	led, err := wiring.InspectState(ctx, c)
	if err != nil {
		return nil, err
	}
	if led == nil {
		return &Report{NotMade: true}, checkMissing(ctx, c, accounts)
	}
	defer func() { err = errors.Join(err, led.Close()) }()
	if err := led.Check(ctx); err != nil {
		return nil, err
	}
	summaries, err := led.Summaries(ctx)
	if err != nil {
		return nil, err
	}
	r := &Report{}
	for _, a := range accounts {
		summary := ledger.Summary{Account: a.Name}
		if i := slices.IndexFunc(summaries, func(s ledger.Summary) bool { return s.Account == a.Name }); i >= 0 {
			summary = summaries[i]
		}
		polled, err := led.LastPoll(ctx, a.Name)
		if err != nil {
			return nil, err
		}
		found := &Account{Summary: summary, LastPoll: polled}
		if err := found.check(ctx, led, a); err != nil {
			return nil, err
		}
		r.Accounts = append(r.Accounts, found)
	}
	for _, summary := range summaries {
		if !slices.ContainsFunc(c.Accounts, func(a config.Account) bool { return a.Name == summary.Account }) {
			r.Unconfigured = append(r.Unconfigured, summary)
		}
	}
	return r, nil
}

// checkMissing fails if there were deliveries, and the state file is therefore lost.
func checkMissing(ctx context.Context, c *config.Config, accounts []config.Account) error {
	for _, a := range accounts {
		found, err := wiring.FindDestination(ctx, a)
		if err != nil {
			return err
		}
		if found.Mark > 0 {
			return fmt.Errorf("%s is missing, while there were deliveries to %s: restore a backup, or run attachd state rebuild", c.State, found.Place)
		}
	}
	return nil
}

// check compares what the ledger holds of an account with its folder.
func (found *Account) check(ctx context.Context, led *sqlite.Ledger, a config.Account) error {
	folder, err := wiring.Inspect(a).Snapshot(ctx)
	if err != nil {
		return err
	}
	generation, err := led.Generation(ctx, a.Name)
	if err != nil {
		return err
	}
	if folder.Mark > generation {
		found.Stale = &delivery.StaleError{Mark: folder.Mark, Generation: generation}
	}
	found.Away = wiring.CheckDestination(ctx, led, a)
	if err := found.checkStaged(ctx, led, a, folder); err != nil {
		return err
	}
	if err := found.checkFailures(ctx, led, a); err != nil {
		return err
	}
	unread, err := led.Unread(ctx, a.Name)
	if err != nil {
		return err
	}
	for _, m := range unread {
		if why, is := ledger.IsWithoutCopy(m.Reason); is {
			found.Uncopied = append(found.Uncopied, Uncopied{m.UIDL, why})
		}
	}
	return found.checkQuarantine(ctx, led, a)
}

// checkFailures looks up what could not be retrieved, and which of it was delivered before.
func (found *Account) checkFailures(ctx context.Context, led *sqlite.Ledger, a config.Account) error {
	failed, err := led.Failures(ctx, a.Name)
	if err != nil {
		return err
	}
	// What was not tried is only not fetched yet.
	failed = slices.DeleteFunc(failed, func(r ledger.Record) bool { return r.Attempts == 0 })
	uidls := make([]string, len(failed))
	for i, r := range failed {
		uidls[i] = r.UIDL
	}
	records, err := led.Lookup(ctx, a.Name, uidls)
	if err != nil {
		return err
	}
	before := make(map[string]ledger.Record)
	for _, r := range records {
		if r.Delivered.After(before[r.UIDL].Delivered) {
			before[r.UIDL] = r
		}
	}
	for _, r := range failed {
		found.Failures = append(found.Failures, Failure{r, before[r.UIDL]})
	}
	return nil
}

// checkStaged checks what an interrupted poll left.
func (found *Account) checkStaged(ctx context.Context, led *sqlite.Ledger, a config.Account, folder *sink.Snapshot) error {
	messages, err := led.Unfinished(ctx, a.Name)
	if err != nil {
		return err
	}
	known := make(map[string]bool)
	fates := make(map[sink.Fate]int)
	for _, m := range messages {
		for _, file := range m.Attachments {
			if file.StagingID != "" {
				known[file.StagingID] = true
				fates[folder.Fate(file.StagingID)]++
			}
		}
	}
	s := &found.Staged
	s.Files, s.Published = fates[sink.Waiting]+fates[sink.Published], fates[sink.Published]
	for id := range folder.Files {
		if !known[id] {
			s.Unknown++
		}
	}
	if n := fates[sink.Elsewhere]; n > 0 {
		s.Elsewhere = fmt.Errorf("%s staged in another folder than %s as it is now: its disk is not mounted, or somebody removed it. Mount it; "+
			"if it is gone for good, run attachd state forget --staged %s, and those messages are fetched again", console.Count(n, "file"), wiring.Inspect(a).Place(), a.Name)
	}
	return nil
}

// checkQuarantine checks that the messages in quarantine are there, and that no others are. Nothing
// can be said of a folder that is away.
func (found *Account) checkQuarantine(ctx context.Context, led *sqlite.Ledger, a config.Account) error {
	records, err := led.Quarantined(ctx, a.Name)
	if err != nil {
		return err
	}
	found.Quarantined = len(records)
	if found.Away != nil {
		return nil
	}
	known := make(map[string]bool)
	for _, r := range records {
		m := quarantine.Message{Account: a, Record: r}
		for _, file := range r.Kept() {
			known[file.Path] = true
		}
		if err := m.Verify(ctx); err != nil {
			found.Lost = append(found.Lost, fmt.Errorf("message %s in quarantine can't be read: %w: %s", m.ID(), err, delivery.WhenLost(a.Name, r)))
		}
	}
	files, err := wiring.Inspect(a).List(ctx, delivery.QuarantineFolder)
	for _, file := range files {
		if strings.HasSuffix(file.Path, ".eml") && !known[file.Path] {
			found.Strays = append(found.Strays, path.Base(file.Path))
		}
	}
	return err
}
