package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/state"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/foreign"
)

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
			return rebuild(cmd, t, none, state.Adoption{Delete: deletes, Newer: newer})
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

func rebuild(cmd *cobra.Command, t target, none bool, how state.Adoption) (err error) {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	r, err := state.OpenRebuild(ctx, t.config)
	if err != nil {
		return failure(err)
	}
	defer func() { err = errors.Join(err, failure(r.Close())) }()
	if r.Replaced != nil {
		fmt.Fprintf(out, "%s: damaged, kept as %s; a new one was made, with %s taken over\n", t.config.State, r.Replaced.Kept, console.Count(r.Replaced.Salvaged, "message"))
	}
	failed := 0
	for _, a := range t.accounts {
		if !a.Enabled {
			fmt.Fprintf(out, "account %s: left out, it is not enabled\n", a.Name)
			continue
		}
		if err := rebuildAccount(ctx, out, r, a, none, how); err != nil {
			failed++
			fmt.Fprintf(cmd.ErrOrStderr(), "attachd: %s\n", foreign.Error(&fetcher.AccountError{Account: a.Name, Err: err}))
		}
	}
	if failed > 0 {
		return &exitError{exitTemporary, fmt.Errorf("%d of %s failed: run attachd state rebuild again for them", failed, console.Count(len(t.accounts), "account"))}
	}
	return nil
}

func rebuildAccount(ctx context.Context, out io.Writer, r *state.Rebuild, a config.Account, none bool, how state.Adoption) error {
	if none {
		if err := r.Forgo(ctx, a); err != nil {
			return err
		}
		_, err := fmt.Fprintf(out, "account %s: nothing recorded\n", a.Name)
		return err
	}
	adopted, err := r.Adopt(ctx, a, how)
	if err != nil {
		return err
	}
	kept := ""
	if a.After == config.AfterDelete && adopted.Recorded > 0 {
		kept = ", to be kept there"
		if how.Delete {
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
	return errors.Join(err, printUnknown(out, a, adopted, how.Newer))
}

// printUnknown lists the messages that the state did not know, and says what can be done about
// them.
func printUnknown(w io.Writer, a config.Account, adopted *state.Adopted, newer bool) error {
	if len(adopted.Unknown) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, m := range adopted.Unknown {
		what, date := "recorded as delivered", "no date"
		if !m.Delivered {
			what = "will be fetched"
		}
		if !m.At.IsZero() {
			date = console.Minute(m.At)
		}
		fmt.Fprintf(t, "  %s\tUIDL %s\t%s\t%s\t%s\n", what, foreign.Text(m.UIDL), date, console.Cell(m.From), console.Cell(m.Subject))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if newer {
		return nil
	}
	_, err := fmt.Fprintf(w, "  The state did not know these, and knows all up to %s. If they were not delivered: attachd state rebuild --newer-than-backup %s\n"+
		"  has those fetched that came later, attachd state forget --uidl UIDL %s a single one.\n", console.Minute(adopted.Since), a.Name, a.Name)
	return err
}
