package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

func stateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "state",
		Short: "Check the state file, make a lost one anew, have messages fetched again, accept new folders, rename an account",
		Args:  cobra.NoArgs, RunE: showHelp,
	}
	cmd.AddCommand(stateCheckCommand(), stateRebuildCommand(), stateForgetCommand(), stateAcceptCommand(), stateRenameCommand())
	return cmd
}

func stateCheckCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "check [ACCOUNT]...",
		Short: "Check the state file and say what it holds",
		Long: `check reads the whole state file and compares it with the accounts' folders. It
changes nothing, asks no server and may be used while attachd runs.

Exit code 0: all is sound; 75: messages are in quarantine; 1: something is not sound,
and the output says what to do.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := find(cmd, path, args)
			if err != nil {
				return err
			}
			return checkState(cmd.Context(), cmd.OutOrStdout(), t.config, t.accounts)
		},
	}
	configFlag(cmd, &path)
	return cmd
}

func checkState(ctx context.Context, w io.Writer, c *config.Config, accounts []config.Account) (err error) {
	led, err := sqlite.Inspect(ctx, c.State)
	if errors.Is(err, fs.ErrNotExist) {
		return failure(missingState(w, c, accounts))
	}
	if err != nil {
		return failure(err)
	}
	defer func() { err = errors.Join(err, failure(led.Close())) }()
	if err := led.Check(ctx); err != nil {
		return failure(err)
	}
	s := &stateCheck{ledger: led, out: bufio.NewWriter(w), lockDir: wiring.LockDir(c)}
	fmt.Fprintf(s.out, "%s: whole\n", c.State)
	summaries, err := led.Summaries(ctx)
	if err != nil {
		return failure(err)
	}
	for _, a := range accounts {
		summary := ledger.Summary{Account: a.Name}
		if i := slices.IndexFunc(summaries, func(s ledger.Summary) bool { return s.Account == a.Name }); i >= 0 {
			summary = summaries[i]
		}
		if err := s.account(ctx, a, summary); err != nil {
			return failure(err)
		}
	}
	for _, summary := range summaries {
		if !slices.ContainsFunc(c.Accounts, func(a config.Account) bool { return a.Name == summary.Account }) {
			fmt.Fprintf(s.out, "account %s: %s, and not in the configuration\n", foreign.Text(summary.Account), describeSummary(summary))
		}
	}
	if err := s.out.Flush(); err != nil {
		return failure(err)
	}
	if s.faults > 0 {
		return &exitError{exitFailure, fmt.Errorf("check state: %s", console.Count(s.faults, "fault"))}
	}
	return quarantineError(s.inQuarantine, "")
}

// missingState says whether it is right that there is no state file.
func missingState(w io.Writer, c *config.Config, accounts []config.Account) error {
	for _, a := range accounts {
		i, err := sink.Inspect(a.Output)
		if err != nil {
			return err
		}
		if i.Mark > 0 {
			return fmt.Errorf("%s is missing, while there were deliveries to %s: restore a backup, or run attachd state rebuild", c.State, a.Output)
		}
	}
	_, err := fmt.Fprintf(w, "%s: not made yet\n", c.State)
	return err
}

// stateCheck is one run of the command.
type stateCheck struct {
	ledger  *sqlite.Ledger
	out     *bufio.Writer
	lockDir string
	faults  int
	// inQuarantine are the messages there, of all accounts.
	inQuarantine int
}

func (s *stateCheck) fault(format string, args ...any) {
	s.faults++
	fmt.Fprintf(s.out, "  FAULT: %s\n", foreign.Text(fmt.Sprintf(format, args...)))
}

// account says what the ledger holds of an account, and checks that against its folder.
func (s *stateCheck) account(ctx context.Context, a config.Account, summary ledger.Summary) error {
	fmt.Fprintf(s.out, "account %s: %s\n", a.Name, describeSummary(summary))
	const minutes = "2006-01-02 15:04"
	if !summary.Newest.IsZero() {
		fmt.Fprintf(s.out, "  first message seen %s, newest %s\n", summary.Oldest.Local().Format(minutes), summary.Newest.Local().Format(minutes))
	}
	if at := fetcher.LastPoll(s.lockDir, a.Name); !at.IsZero() {
		fmt.Fprintf(s.out, "  last polled %s\n", at.Local().Format(minutes))
	}
	if summary.Unknown > 0 {
		fmt.Fprintf(s.out, "  %d of the delivered were taken for it by state rebuild, or put back, and stay on the server\n", summary.Unknown)
	}
	folder, err := sink.Inspect(a.Output)
	if err != nil {
		return err
	}
	generation, err := s.ledger.Generation(ctx, a.Name)
	if err != nil {
		return err
	}
	if folder.Mark > generation {
		s.fault("%v", &delivery.StaleError{Mark: folder.Mark, Generation: generation})
	}
	away := wiring.CheckDestination(ctx, s.ledger, a)
	if away != nil {
		s.fault("%v", away)
	}
	if err := s.staged(ctx, a, folder); err != nil {
		return err
	}
	if err := s.failed(ctx, a); err != nil {
		return err
	}
	if err := s.uncopied(ctx, a); err != nil {
		return err
	}
	return s.quarantined(ctx, a, away)
}

// shownFailures is how many messages that could not be retrieved are shown of an account.
const shownFailures = 20

// failed says which messages could not be retrieved, and when they are asked for again.
func (s *stateCheck) failed(ctx context.Context, a config.Account) error {
	records, err := s.ledger.Failures(ctx, a.Name)
	for _, r := range records[:min(len(records), shownFailures)] {
		fmt.Fprintf(s.out, "  message '%s' could not be retrieved (attempt %d, next %s): %s\n", console.Cell(r.UIDL), r.Attempts, r.NextAttempt.Local().Format("2006-01-02 15:04"), console.Cell(r.Reason))
	}
	if n := len(records) - shownFailures; n > 0 {
		fmt.Fprintf(s.out, "  and %d more\n", n)
	}
	return err
}

func describeSummary(s ledger.Summary) string {
	var parts []string
	for _, state := range []ledger.State{ledger.Delivered, ledger.DeletePending, ledger.Deleted, ledger.Staged, ledger.Failed, ledger.Quarantined} {
		if n := s.Count[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, strings.ReplaceAll(string(state), "_", " ")))
		}
	}
	if parts == nil {
		return "no messages"
	}
	return strings.Join(parts, ", ")
}

// staged checks what an interrupted poll left.
func (s *stateCheck) staged(ctx context.Context, a config.Account, folder *sink.Inspection) error {
	messages, err := s.ledger.Unfinished(ctx, a.Name)
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
	if n := fates[sink.Waiting] + fates[sink.Published]; n > 0 {
		fmt.Fprintf(s.out, "  %s of an interrupted delivery, %d of them in place: the next poll completes it\n", console.Count(n, "file"), fates[sink.Published])
	}
	unknown := 0
	for id := range folder.Files {
		if !known[id] {
			unknown++
		}
	}
	if unknown > 0 {
		fmt.Fprintf(s.out, "  %s of a poll that is under way or was interrupted, whose messages will be fetched again\n", console.Count(unknown, "file"))
	}
	if n := fates[sink.Elsewhere]; n > 0 {
		s.fault("%s staged in another folder than %s as it is now: its disk is not mounted, or somebody removed it. Mount it; "+
			"if it is gone for good, run attachd state forget --staged %s, and those messages are fetched again", console.Count(n, "file"), a.Output, a.Name)
	}
	return nil
}

// quarantined checks that the messages in quarantine are there, and that no others are. Of a folder that is away nothing can be said.
func (s *stateCheck) quarantined(ctx context.Context, a config.Account, away error) error {
	messages, err := s.ledger.Quarantined(ctx, a.Name)
	if err != nil {
		return err
	}
	known := make(map[string]bool)
	for _, m := range messages {
		q := inQuarantine{account: a, message: m}
		known[filepath.Base(q.path())] = true
		if err := q.isWhole(); err != nil && away == nil {
			s.fault("message %s in quarantine can't be read: %v: %s", q.id(), err, delivery.WhenLost(a.Name, m))
		}
	}
	if s.inQuarantine += len(messages); len(messages) > 0 {
		fmt.Fprintf(s.out, "  attachd quarantine list shows what is in quarantine\n")
	}
	if away != nil {
		return nil
	}
	entries, err := os.ReadDir(filepath.Join(a.Output, delivery.QuarantineFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".eml") && !known[e.Name()] {
			fmt.Fprintf(s.out, "  %s is in %s and not known any more: a retry that was interrupted has delivered it, or the state was rebuilt since\n", foreign.Text(e.Name()), delivery.QuarantineFolder)
		}
	}
	return err
}

func stateRebuildCommand() *cobra.Command {
	var path string
	var none, deletes, newer bool
	cmd := &cobra.Command{
		Use:   "rebuild [ACCOUNT]...",
		Short: "Make a damaged or lost state file anew from what the servers list",
		Long: `rebuild asks every account's server, or those named, what it holds and records
each message that the state does not know as delivered, without downloading any:
attachd then goes on with what comes from now on, and delivers nothing twice.
Use it when the state file is damaged, lost, or a backup older than the folders;
or when a server gave all messages other UIDLs: then their headers are read, and
messages that were never delivered are left to be fetched.

A damaged state file is kept beside the new one, as NAME.damaged-TIME, and what
can still be read of it is taken over. A sound one is added to.

Otherwise messages that arrived since the last poll count as delivered, too, which
they were not. Where the state is a backup, each message that it did not know is
listed; --newer-than-backup has those fetched that came after it, also of those
that an earlier rebuild recorded, and attachd state forget single ones. Recorded messages stay on the
server, also with after: delete, as nobody knows what became of them; with
--delete they are deleted like others, delete_after from now.

With --none no server is asked and nothing is recorded: whatever the state does
not know is fetched and delivered again.

attachd must not run. Exit code 75: some accounts failed; one whose folder has the
mark of earlier deliveries is not polled until rebuild has worked for it.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := find(cmd, path, args)
			if err != nil {
				return err
			}
			if err := asOwner(t.config); err != nil {
				return err
			}
			return rebuild(cmd, t.config, t.accounts, none, deletes, newer)
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&none, "none", false, "record nothing: have all fetched again that is not known")
	cmd.Flags().BoolVar(&deletes, "delete", false, "let accounts with after: delete delete what is recorded")
	cmd.Flags().BoolVar(&newer, "newer-than-backup", false, "have messages fetched that came after what the state knows")
	cmd.MarkFlagsMutuallyExclusive("none", "delete")
	cmd.MarkFlagsMutuallyExclusive("none", "newer-than-backup")
	return cmd
}

func rebuild(cmd *cobra.Command, c *config.Config, accounts []config.Account, none, deletes, newer bool) (err error) {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	release, err := fetcher.OwnState(wiring.LockDir(c))
	if err != nil {
		return failure(err)
	}
	defer release()
	led, sound, err := openOrReplace(ctx, out, c.State)
	if err != nil {
		return failure(err)
	}
	defer func() { err = errors.Join(err, failure(led.Close())) }()
	s := app.NewSupervisor(app.Options{Config: c}, led)
	failed := 0
	for _, a := range accounts {
		if !a.Enabled {
			fmt.Fprintf(out, "account %s: left out, it is not enabled\n", a.Name)
			continue
		}
		if err := rebuildAccount(ctx, out, s, c, a, sound, none, deletes, newer); err != nil {
			failed++
			fmt.Fprintf(cmd.ErrOrStderr(), "attachd: %s\n", foreign.Error(&fetcher.AccountError{Account: a.Name, Err: err}))
		}
	}
	if failed > 0 {
		return &exitError{exitTemporary, fmt.Errorf("%d of %s failed: run attachd state rebuild again for them", failed, console.Count(len(accounts), "account"))}
	}
	return nil
}

// openOrReplace opens the ledger, a new one if it is not sound.
func openOrReplace(ctx context.Context, out io.Writer, path string) (_ *sqlite.Ledger, sound bool, err error) {
	led, err := sqlite.Open(ctx, path)
	if err == nil {
		if err = led.Check(ctx); err == nil {
			return led, true, nil
		}
		err = errors.Join(err, led.Close())
	}
	if !errors.Is(err, ledger.ErrDamaged) {
		return nil, false, err
	}
	led, replaced, err := sqlite.Replace(ctx, path, time.Now())
	if err != nil {
		return nil, false, err
	}
	fmt.Fprintf(out, "%s: damaged, kept as %s; a new one was made, with %s taken over\n", path, replaced.Kept, console.Count(replaced.Salvaged, "message"))
	return led, false, nil
}

func rebuildAccount(ctx context.Context, out io.Writer, s *fetcher.Supervisor, c *config.Config, a config.Account, sound, none, deletes, newer bool) error {
	folder, err := sink.Inspect(a.Output)
	if err != nil {
		return err
	}
	if none {
		fmt.Fprintf(out, "account %s: nothing recorded\n", a.Name)
		return s.Ledger.CatchUp(ctx, a.Name, folder.Mark)
	}
	ctx, cancel := context.WithTimeout(ctx, rebuildTimeout)
	defer cancel()
	generation, err := s.Ledger.Generation(ctx, a.Name)
	if err != nil {
		return err
	}
	how := fetcher.Adoption{UpToDate: sound && generation >= folder.Mark}
	if deletes {
		how.Delivered = time.Now()
	}
	unknown, err := findUnknown(ctx, s, a.Name, newer)
	if err != nil {
		return err
	}
	adopted, err := s.Adopt(ctx, wiring.Account(c, a), unknown.adopt(how), zerolog.Nop())
	if err != nil {
		return err
	}
	if err := s.Ledger.CatchUp(ctx, a.Name, folder.Mark); err != nil {
		return err
	}
	kept := ""
	if a.After == config.AfterDelete && adopted.Recorded > 0 {
		kept = ", to be kept there"
		if deletes {
			kept = ", to be deleted there as the configuration says"
		}
	}
	if adopted.New > 0 {
		kept += fmt.Sprintf("; %d are new and will be fetched", adopted.New)
	}
	if adopted.Nameless > 0 {
		kept += fmt.Sprintf("; %d have no UIDL and can't be recorded", adopted.Nameless)
	}
	_, err = fmt.Fprintf(out, "account %s: %s on the server, %d recorded as delivered%s\n", a.Name, console.Count(adopted.Messages, "message"), adopted.Recorded, kept)
	return errors.Join(err, unknown.print(out, a))
}

// rebuildTimeout bounds one account's listing, whatever its server does.
const rebuildTimeout = 10 * time.Minute

func stateForgetCommand() *cobra.Command {
	var path string
	var uidls []string
	var staged, all bool
	cmd := &cobra.Command{
		Use:   "forget ACCOUNT {--uidl UIDL... | --staged | --all}",
		Short: "Have messages fetched again that are still on the server",
		Long: `forget removes what the state knows of messages, so that the next poll fetches and
delivers them again if they are still on the server. It may be used while attachd
runs; an account that is being polled at that moment is refused: try again.

--staged forgets those whose delivery was interrupted and whose files are gone,
together with the folder that they were staged in (attachd state check says so).`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := find(cmd, path, args)
			if err != nil {
				return err
			}
			a, err := t.open(cmd.Context())
			if err != nil {
				return err
			}
			n, err := forget(cmd.Context(), a, t.accounts[0], uidls, staged, all)
			if n == 0 && len(uidls) > 0 && err == nil {
				err = fmt.Errorf("the state knows no message of account %s with UIDL %q", args[0], strings.Join(uidls, ", "))
			}
			if err := errors.Join(err, a.Close()); err != nil {
				return failure(err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "account %s: %s forgotten\n", args[0], console.Count(n, "message"))
			return failure(err)
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().StringArrayVar(&uidls, "uidl", nil, "those of this `UIDL`; may be given more than once")
	cmd.Flags().BoolVar(&staged, "staged", false, "those staged in a folder that is gone")
	cmd.Flags().BoolVar(&all, "all", false, "every message of the account")
	cmd.MarkFlagsMutuallyExclusive("uidl", "staged", "all")
	cmd.MarkFlagsOneRequired("uidl", "staged", "all")
	return cmd
}

func forget(ctx context.Context, d *app.App, a config.Account, uidls []string, staged, all bool) (int, error) {
	messages, err := d.Ledger().Quarantined(ctx, a.Name)
	if err != nil {
		return 0, err
	}
	for _, m := range messages {
		q := inQuarantine{account: a, message: m}
		if (all || slices.Contains(uidls, m.UIDL)) && q.isWhole() == nil {
			return 0, fmt.Errorf("message %s is in quarantine, and its file would be forgotten: first attachd quarantine retry, or drop, it", q.id())
		}
	}
	if all {
		return d.Supervisor().ForgetAll(ctx, a.Name)
	}
	return d.Supervisor().Forget(ctx, a.Name, func(ctx context.Context) ([]ledger.Key, error) {
		if staged {
			return stagedElsewhere(ctx, d.Ledger(), a)
		}
		records, err := d.Ledger().Lookup(ctx, a.Name, uidls)
		keys := make([]ledger.Key, len(records))
		for i, r := range records {
			keys[i] = r.Key
		}
		return keys, err
	})
}

// stagedElsewhere lists the messages with a file in a staging folder that is gone.
func stagedElsewhere(ctx context.Context, led *sqlite.Ledger, a config.Account) ([]ledger.Key, error) {
	folder, err := sink.Inspect(a.Output)
	if err != nil {
		return nil, err
	}
	messages, err := led.Unfinished(ctx, a.Name)
	if err != nil {
		return nil, err
	}
	var keys []ledger.Key
	for _, m := range messages {
		if slices.ContainsFunc(m.Attachments, func(f ledger.Attachment) bool {
			return f.StagingID != "" && folder.Fate(f.StagingID) == sink.Elsewhere
		}) {
			keys = append(keys, m.Key)
		}
	}
	return keys, nil
}
