package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/preview"
	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

func quarantineCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "quarantine",
		Short: "List, show, retry and drop the messages that could not be taken apart",
		Long: `A message that cannot be taken apart, because it exceeds the limits or its files
cannot be stored, is kept as it came in the folder .quarantine of its account, and
stays on the server. One that will be deleted on the server, and of which something
could not be read right, is kept there, too, unless raw keeps it elsewhere: what came
out of it is delivered all the same. These commands work on such messages. They ask no server and
may be used while attachd runs; an account that is being polled at that moment is
refused: try again.`,
		Args: cobra.NoArgs, RunE: showHelp,
	}
	cmd.AddCommand(quarantineListCommand(), quarantineShowCommand(), quarantineRetryCommand(), quarantineDropCommand())
	return cmd
}

// inQuarantine is a message in quarantine and whose it is.
type inQuarantine struct {
	account config.Account
	message *ledger.Message
	// away says that the account's folder is gone, or another one is in its place: nothing can be said of the file then.
	away error
}

func (q inQuarantine) id() string { return delivery.QuarantineID(q.message) }

// path is where the raw message lies, "" if the state does not say.
func (q inQuarantine) path() string {
	kept := q.message.Kept()
	if len(kept) == 0 {
		return ""
	}
	return filepath.Join(q.account.Output, filepath.FromSlash(kept[0].Path))
}

// open opens the raw message, if it is still as it was fetched. No link leads away from the account's folder.
func (q inQuarantine) open() (*os.File, error) {
	kept := q.message.Kept()
	if len(kept) == 0 {
		return nil, errors.New("the state knows of no file that it is kept in")
	}
	raw, err := os.OpenInRoot(q.account.Output, filepath.FromSlash(kept[0].Path))
	if err != nil {
		return nil, err
	}
	if err := delivery.VerifyQuarantined(raw, q.message); err != nil {
		raw.Close()
		return nil, err
	}
	return raw, nil
}

// isWhole reports whether the raw message is there.
func (q inQuarantine) isWhole() error {
	raw, err := q.open()
	if err != nil {
		return err
	}
	return raw.Close()
}

func (q inQuarantine) matches(id string) bool { return id == q.id() || id == q.message.UIDL }

func quarantineListCommand() *cobra.Command {
	var path string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [ACCOUNT]...",
		Short: "List what is in quarantine",
		Long: `list shows what is in quarantine, with its sender and subject, the reason and the file
that the message is kept in. With --json it prints one object per line:
{"account","id","uidl","size","reason","attempts","since","path","missing","from","subject","files"}
where files is how many files of the message were delivered, and missing says that the
file is not there: somebody removed it, or the account's folder is not mounted.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := find(cmd, path, args)
			if err != nil {
				return err
			}
			all, err := readQuarantine(cmd.Context(), t.config, t.accounts)
			if err != nil {
				return failure(err)
			}
			return failure(listQuarantine(cmd.OutOrStdout(), all, asJSON))
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per message")
	return cmd
}

// readQuarantine reads what of these accounts is in quarantine. A state file that was never made holds nothing.
func readQuarantine(ctx context.Context, c *config.Config, accounts []config.Account) (all []inQuarantine, err error) {
	led, err := sqlite.Inspect(ctx, c.State)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, led.Close()) }()
	for _, a := range accounts {
		messages, err := led.Quarantined(ctx, a.Name)
		if err != nil {
			return nil, err
		}
		if len(messages) == 0 {
			continue
		}
		away := wiring.CheckDestination(ctx, led, a)
		for _, m := range messages {
			all = append(all, inQuarantine{a, m, away})
		}
	}
	return all, nil
}

func quarantineShowCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "show ACCOUNT ID...",
		Short: "Show why a message is in quarantine, its header, and what would come of it now",
		Long: `show prints the reason, the beginning of the message's header, with nothing in it that
could steer a terminal, and what retry would make of the message under the
configuration as it is now. ID is what list shows, or the UIDL.`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, found, err := findQuarantined(cmd, path, args)
			if err != nil {
				return err
			}
			var failed error
			for _, q := range found {
				failed = errors.Join(failed, showQuarantined(cmd, c, q))
			}
			return failure(failed)
		},
	}
	configFlag(cmd, &path)
	return cmd
}

// findQuarantined finds the messages that ACCOUNT ID... names.
func findQuarantined(cmd *cobra.Command, path string, args []string) (*config.Config, []inQuarantine, error) {
	t, err := find(cmd, path, args[:1])
	if err != nil {
		return nil, nil, err
	}
	all, err := readQuarantine(cmd.Context(), t.config, t.accounts)
	if err != nil {
		return nil, nil, failure(err)
	}
	var found []inQuarantine
	for _, id := range args[1:] {
		n := len(found)
		for _, q := range all {
			if q.matches(id) {
				found = append(found, q)
			}
		}
		if len(found) == n {
			return nil, nil, failure(fmt.Errorf("account %s has no message %q in quarantine: attachd quarantine list shows what there is", args[0], id))
		}
	}
	return t.config, found, nil
}

// shownHeader is how much of a header is shown.
const shownHeader = 8 << 10

func showQuarantined(cmd *cobra.Command, c *config.Config, q inQuarantine) error {
	raw, err := q.open()
	if err != nil && q.away != nil {
		return errors.Join(listQuarantine(cmd.OutOrStdout(), []inQuarantine{q}, false), q.away)
	}
	if err != nil {
		return errors.Join(listQuarantine(cmd.OutOrStdout(), []inQuarantine{q}, false),
			fmt.Errorf("read the message in quarantine: %w; %s", err, delivery.WhenLost(q.account.Name, q.message)))
	}
	defer raw.Close()
	start := make([]byte, shownHeader)
	n, err := io.ReadFull(raw, start)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: %w", q.path(), err)
	}
	if _, err := raw.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read %s: %w", q.path(), err)
	}
	out := cmd.OutOrStdout()
	if err := listQuarantine(out, []inQuarantine{q}, false); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for line := range bytes.Lines(start[:n]) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		fmt.Fprintf(out, "  %s\n", printableText(line))
	}
	fmt.Fprintln(out)
	text, err := preview.Message(raw, wiring.NewRules(c, q.account), q.id())
	if _, ok := errors.AsType[*extractor.LimitError](err); ok {
		text, err = fmt.Sprintf("attachd: %s\n", foreign.Error(err)), nil
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, text)
	return err
}

// printableText is a line of a mail for a terminal. The tab of a continued line is a blank.
func printableText(line []byte) string {
	return console.Cell(string(bytes.ReplaceAll(line, []byte("\t"), []byte(" "))))
}

func quarantineRetryCommand() *cobra.Command {
	var path string
	var all bool
	cmd := &cobra.Command{
		Use:   "retry {ACCOUNT ID... | --all [ACCOUNT]...}",
		Short: "Take messages apart again, after limits were raised or a fault was mended",
		Long: `retry takes the raw message once more through the extractor, with the configuration
as it is now, into the account's folder, by the same steps as a message that was
fetched: each attachment stands there once, also when retry is killed. Files that the
message was delivered with before, byte for byte, are not delivered again. What can be
read right now leaves the quarantine; what can't stays, with the new reason.

Exit code 0: all of them were delivered; 1: some were not.`,
		Args: messageArgs(&all),
		RunE: func(cmd *cobra.Command, args []string) error {
			return eachQuarantined(cmd, path, args, all, func(ctx context.Context, q *delivery.Quarantine, m inQuarantine) error {
				again, err := q.Retry(ctx, m.message)
				if again == nil {
					return err
				}
				files := 0
				for _, a := range again.Attachments {
					if a.StagingID != "" && !a.Sidecar {
						files++
						fmt.Fprintf(cmd.OutOrStdout(), "%s\t%s\n", m.id(), foreign.Text(filepath.Join(m.account.Output, filepath.FromSlash(a.Path))))
					}
				}
				if n := m.message.Files(); n > 0 {
					fmt.Fprintf(cmd.OutOrStdout(), "%s\tdelivered, %s, after %d before\n", m.id(), console.Count(files, "attachment"), n)
				} else {
					fmt.Fprintf(cmd.OutOrStdout(), "%s\tdelivered, %s\n", m.id(), console.Count(files, "attachment"))
				}
				return err
			})
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&all, "all", false, "every message in quarantine, of these accounts or of all")
	return cmd
}

func quarantineDropCommand() *cobra.Command {
	var path string
	var all, yes bool
	cmd := &cobra.Command{
		Use:   "drop {ACCOUNT ID... | --all [ACCOUNT]...}",
		Short: "Remove messages from the quarantine for good",
		Long: `drop removes the raw message. It is not fetched again, and counts from now on as
delivered: an account with after: delete deletes it on the server, delete_after
from now. Of a message that was delivered only the copy is removed. Without --yes it only says what it would remove.`,
		Args: messageArgs(&all),
		RunE: func(cmd *cobra.Command, args []string) error {
			n := 0
			err := eachQuarantined(cmd, path, args, all, func(ctx context.Context, q *delivery.Quarantine, m inQuarantine) error {
				if n++; !yes {
					_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\twould remove %s\n", m.id(), foreign.Text(m.path()))
					return err
				}
				if err := q.Drop(ctx, m.message); err != nil {
					return err
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\tremoved\n", m.id())
				return err
			})
			if err == nil && !yes && n > 0 {
				return failure(errors.New("nothing was removed: say so with --yes"))
			}
			return err
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&all, "all", false, "every message in quarantine, of these accounts or of all")
	cmd.Flags().BoolVar(&yes, "yes", false, "really remove them")
	return cmd
}

// messageArgs checks ACCOUNT ID..., or with --all any accounts.
func messageArgs(all *bool) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if !*all && len(args) < 2 {
			return fmt.Errorf("%s: name an account and the messages, or say --all", cmd.Name())
		}
		return nil
	}
}

// eachQuarantined calls fn for the messages that are named, with their account locked, and
// reports what fails without stopping at it.
func eachQuarantined(cmd *cobra.Command, path string, args []string, all bool, fn func(context.Context, *delivery.Quarantine, inQuarantine) error) error {
	names, ids := args, []string(nil)
	if !all {
		names, ids = args[:1], args[1:]
	}
	t, err := find(cmd, path, names)
	if err != nil {
		return err
	}
	d, err := t.open(cmd.Context())
	if err != nil {
		return err
	}
	failed := 0
	report := func(account string, err error) {
		failed++
		fmt.Fprintf(cmd.ErrOrStderr(), "attachd: %s\n", foreign.Error(&fetcher.AccountError{Account: account, Err: err}))
	}
	for _, a := range t.accounts {
		if err := eachOfAccount(cmd.Context(), d, t.config, a, ids, fn, report); err != nil {
			report(a.Name, err)
		}
	}
	if err := d.Close(); err != nil {
		return failure(err)
	}
	if failed > 0 {
		return &exitError{code: exitFailure}
	}
	return nil
}

func eachOfAccount(ctx context.Context, d *app.App, c *config.Config, a config.Account, ids []string, fn func(context.Context, *delivery.Quarantine, inQuarantine) error, report func(string, error)) (err error) {
	// Accounts without anything in quarantine are left alone: neither locked, nor their folder made.
	messages, err := d.Ledger().Quarantined(ctx, a.Name)
	if err != nil || len(messages) == 0 && len(ids) == 0 {
		return err
	}
	q, err := d.Supervisor().OpenQuarantine(ctx, wiring.Account(c, a))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	if messages, err = q.Messages(ctx); err != nil {
		return err
	}
	found := make(map[string]bool)
	for _, message := range messages {
		m := inQuarantine{account: a, message: message}
		i := slices.IndexFunc(ids, m.matches)
		if i < 0 && len(ids) > 0 {
			continue
		}
		if i >= 0 {
			found[ids[i]] = true
		}
		if err := fn(ctx, q, m); err != nil {
			if ctx.Err() != nil {
				return err
			}
			report(a.Name, fmt.Errorf("message %s: %w", m.id(), err))
		}
	}
	for _, id := range ids {
		if !found[id] {
			report(a.Name, fmt.Errorf("no message %q is in quarantine", id))
		}
	}
	return nil
}
