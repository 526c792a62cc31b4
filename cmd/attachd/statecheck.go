package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/state"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
)

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
			r, err := state.Check(cmd.Context(), t.config, t.accounts)
			if err != nil {
				return failure(err)
			}
			if err := printReport(cmd.OutOrStdout(), t.config, r); err != nil {
				return failure(err)
			}
			if n := r.Faults(); n > 0 {
				return &exitError{exitFailure, fmt.Errorf("check state: %s", console.Count(n, "fault"))}
			}
			return quarantineError(r.Quarantined(), "")
		},
	}
	configFlag(cmd, &path)
	return cmd
}

func printReport(w io.Writer, c *config.Config, r *state.Report) error {
	out := bufio.NewWriter(w)
	if r.NotMade {
		fmt.Fprintf(out, "%s: not made yet\n", c.State)
		return out.Flush()
	}
	fmt.Fprintf(out, "%s: whole\n", c.State)
	for _, a := range r.Accounts {
		printAccount(out, a)
	}
	for _, s := range r.Unconfigured {
		fmt.Fprintf(out, "account %s: %s, and not in the configuration\n", foreign.Text(s.Account), describeSummary(s))
	}
	return out.Flush()
}

// shownFailures is how many messages that were not retrieved or not copied are shown of an account.
const shownFailures = 20

func printAccount(w io.Writer, a *state.Account) {
	say := func(format string, args ...any) { fmt.Fprintf(w, "  "+format+"\n", args...) }
	fault := func(errs ...error) {
		for _, err := range errs {
			if err != nil {
				say("FAULT: %s", foreign.Text(err.Error()))
			}
		}
	}
	s := a.Summary
	fmt.Fprintf(w, "account %s: %s\n", s.Account, describeSummary(s))
	if !s.Newest.IsZero() {
		say("first message seen %s, newest %s", console.Minute(s.Oldest), console.Minute(s.Newest))
	}
	if !a.LastPoll.IsZero() {
		say("last polled %s", console.Minute(a.LastPoll))
	}
	if s.Unknown > 0 {
		say("%d of the delivered were taken for it by state rebuild, or put back, and stay on the server", s.Unknown)
	}
	if s.Skipped > 0 {
		say("%s on the server before the account's start, never fetched and never deleted: attachd state forget --skipped %s has them fetched", console.Count(s.Skipped, "message"), s.Account)
	}
	if s.TooLarge > 0 {
		say("%s left on the server by the last poll, larger than max_message_size: raise it, and they are fetched", console.Count(s.TooLarge, "message"))
	}
	fault(a.Stale, a.Away)
	if n := a.Staged.Files; n > 0 {
		say("%s of an interrupted delivery, %d of them in place: the next poll completes it", console.Count(n, "file"), a.Staged.Published)
	}
	if n := a.Staged.Unknown; n > 0 {
		say("%s of a poll that is under way or was interrupted, whose messages will be fetched again", console.Count(n, "file"))
	}
	fault(a.Staged.Elsewhere)
	for _, r := range a.Failures[:min(len(a.Failures), shownFailures)] {
		say("message '%s' could not be retrieved (attempt %d, next %s): %s", console.Cell(r.UIDL), r.Attempts, nextAttempt(r.NextAttempt), console.Cell(r.Reason))
		if b := r.Before; !b.Delivered.IsZero() {
			say("  one of this UIDL was delivered %s: of %d bytes as the server said, and this one is of %d; attachd state forget --uidl has both fetched again", console.Minute(b.Delivered), b.Size, r.Size)
		}
	}
	if n := len(a.Failures) - shownFailures; n > 0 {
		say("and %d more", n)
	}
	for _, m := range a.Uncopied[:min(len(a.Uncopied), shownFailures)] {
		say("message '%s' was delivered and stays on the server: something of it could not be read right, and the quarantine had no room for it (quarantine.max_bytes): %s", console.Cell(m.UIDL), console.Cell(m.Reason))
	}
	if n := len(a.Uncopied) - shownFailures; n > 0 {
		say("and %d more", n)
	}
	fault(a.Lost...)
	if a.Quarantined > 0 {
		say("attachd quarantine list shows what is in quarantine")
	}
	for _, name := range a.Strays {
		say("%s is in %s and not known any more: a retry that was interrupted has delivered it, or the state was rebuilt since", foreign.Text(name), delivery.QuarantineFolder)
	}
}

func describeSummary(s ledger.Summary) string {
	var parts []string
	for _, state := range []ledger.State{ledger.Delivered, ledger.DeletePending, ledger.Deleted, ledger.Staged, ledger.Failed, ledger.Quarantined} {
		if n := s.Count[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, strings.ReplaceAll(string(state), "_", " ")))
		}
	}
	if s.Skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", s.Skipped))
	}
	if parts == nil {
		return "no messages"
	}
	return strings.Join(parts, ", ")
}

// nextAttempt is when a message is tried again, in words.
func nextAttempt(at time.Time) string {
	if !ledger.Waits(time.Now(), at) {
		return "with the next poll"
	}
	return console.Minute(at)
}
