package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/check"
	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/session"
)

func checkCommand() *cobra.Command {
	var path string
	var online bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the configuration, and with --online every account's login",
		Long: `check reads the configuration and reports all that is wrong with it, each with
file, line and column, and the folders that the daemon could not write to: as the
user that runs this, or for root as the one that owns the state. With --online it then
connects to every account's server, verifies its certificate, logs in and asks how many
messages wait, that is, are new, and how many that were delivered will be deleted.
Nothing is retrieved and nothing is changed.

Exit code 0: all is well; 78: the configuration is bad, or a folder; 75: an account
failed, or would not be polled: the folder that it delivered to is gone, the state is
older than that or was lost, or the account was renamed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, warnings, err := load(path, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			incomplete := 0
			for _, w := range warnings {
				fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s\n", foreign.Text(w.String()))
				if w.Kind == config.WarnUnreadable {
					incomplete++
				}
			}
			if incomplete > 0 {
				return &exitError{exitConfig, fmt.Errorf("check configuration: %d of the files, programs and variables that it names cannot be used", incomplete)}
			}
			faults, doubts := check.Folders(path, c)
			for _, doubt := range doubts {
				fmt.Fprintln(cmd.ErrOrStderr(), "warning: "+doubt)
			}
			for _, fault := range faults {
				fmt.Fprintln(cmd.ErrOrStderr(), fault)
			}
			if len(faults) > 0 {
				return &exitError{exitConfig, fmt.Errorf("check configuration: attachd could not read or write at %s", console.Count(len(faults), "place"))}
			}
			enabled := c.Enabled()
			gone, err := check.Polled(cmd.Context(), c)
			if err != nil && !online { // a login can be tried without the state
				return failure(err)
			}
			for _, fault := range gone {
				fmt.Fprintln(cmd.ErrOrStderr(), foreign.Error(fault))
			}
			if len(gone) > 0 {
				return &exitError{exitTemporary, fmt.Errorf("%d of %s will not be polled", len(gone), console.Count(len(enabled), "account"))}
			}
			if !online {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: ok, %s\n", path, console.Count(len(enabled), "account"))
				return failure(err)
			}
			return checkOnline(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), c)
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&online, "online", false, "log in to every account")
	return cmd
}

// checkOnline tries the accounts and prints them in the order of the configuration.
func checkOnline(ctx context.Context, w, stderr io.Writer, c *config.Config) error {
	logins, unknown := check.Online(ctx, c)
	if unknown != nil {
		fmt.Fprintf(stderr, "warning: new messages can't be told from those delivered before: %v\n", unknown)
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	failed := 0
	for _, l := range logins {
		if l.Err != nil {
			failed++
			fmt.Fprintf(t, "FAIL\t%s\n", foreign.Error(&fetcher.AccountError{Account: l.Account, Err: l.Err}))
			continue
		}
		fmt.Fprintf(t, "ok\taccount %s:\t%s\t%s\t%s\t%s\n", l.Account, l.Probe.Addr, describeTLS(l.Probe), l.Probe.Mechanism, waiting(l.Probe, unknown == nil))
	}
	if err := t.Flush(); err != nil {
		return failure(err)
	}
	if failed > 0 {
		return &exitError{exitTemporary, fmt.Errorf("%d of %s failed", failed, console.Count(len(logins), "account"))}
	}
	return nil
}

func describeTLS(p poll.Probe) string {
	if p.Certificate == nil {
		return "no TLS"
	}
	text := p.TLS + ", certificate " + describeEnd(p.Certificate)
	if p.Own != nil {
		text += ", its own " + describeEnd(p.Own)
	}
	return text
}

func describeEnd(c *x509.Certificate) string {
	text := "until " + c.NotAfter.Format(time.DateOnly)
	switch left := time.Until(c.NotAfter); {
	case left <= 0: // accepted with insecure_skip_verify, or by a server that does not look
		text += " (WARNING: has expired)"
	case session.EndsSoon(c, time.Now()):
		text += fmt.Sprintf(" (WARNING: in %s)", console.Count(int(left/(24*time.Hour)), "day"))
	}
	return text
}

// waiting says what of a mailbox is new, if that is known, and what will become of the rest.
func waiting(p poll.Probe, known bool) string {
	if !known {
		return unfetchable(console.Count(p.Messages, "message")+" on the server", p)
	}
	parts := []string{"nothing new"}
	if p.Waiting > 0 {
		parts[0] = console.Count(p.Waiting, "message") + " waiting"
		if p.Octets >= 0 {
			parts[0] += " (" + console.Bytes(p.Octets) + ")"
		}
	}
	if p.Messages != p.Waiting {
		parts = append(parts, console.Count(p.Messages, "message")+" on the server")
	}
	if p.Pending > 0 {
		parts = append(parts, console.Count(p.Pending, "message")+" failed before, to be tried again later (attachd state check says why)")
	}
	if p.Due > 0 {
		parts = append(parts, console.Count(p.Due, "delivered message")+" will be deleted at the next poll")
	}
	switch {
	case p.Staying == 1:
		parts = append(parts, "1 stays there as no file of it was delivered")
	case p.Staying > 1:
		parts = append(parts, fmt.Sprintf("%d stay there as no file of them was delivered", p.Staying))
	}
	if n := p.Unread - p.NoRoom; n > 0 {
		parts = append(parts, fmt.Sprintf("something of %d that stay there could not be read right, and they are kept nowhere else", n))
	}
	if p.NoRoom > 0 {
		parts = append(parts, fmt.Sprintf("something of %d that stay there could not be read right, and the quarantine had no room for them (quarantine.max_bytes): they are tried again when it has", p.NoRoom))
	}
	return unfetchable(strings.Join(parts, ", "), p)
}

// unfetchable adds which messages can't be fetched, if any.
func unfetchable(text string, p poll.Probe) string {
	if p.Unfetchable != "" {
		text += "; WARNING: " + p.Unfetchable
	}
	return text
}
