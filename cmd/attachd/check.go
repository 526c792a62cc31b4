package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/session"
)

// checkTimeout bounds one account's check, whatever its server does.
const checkTimeout = 2 * time.Minute

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
			faults := checkFolders(path, c)
			for _, fault := range faults {
				fmt.Fprintln(cmd.ErrOrStderr(), fault)
			}
			if len(faults) > 0 {
				return &exitError{exitConfig, fmt.Errorf("check configuration: attachd could not read or write at %s", console.Count(len(faults), "place"))}
			}
			enabled := wiring.Accounts(c)
			gone, err := checkPolled(cmd.Context(), c)
			if err != nil && !online { // a login can be tried all the same, with a word of the state
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
			return checkOnline(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), c, enabled)
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&online, "online", false, "log in to every account")
	return cmd
}

// checkOnline tries the accounts, as many at once as the daemon would, and
// prints them in the order of the configuration.
func checkOnline(ctx context.Context, w, stderr io.Writer, c *config.Config, accounts []fetcher.Account) error {
	led, known := inspectState(ctx, stderr, c)
	if led != nil {
		defer led.Close()
	}
	type result struct {
		probe fetcher.Probe
		err   error
	}
	results := make([]result, len(accounts))
	slots := make(chan struct{}, c.MaxConcurrent)
	var all sync.WaitGroup
	for i, a := range accounts {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(ctx, checkTimeout)
			defer cancel()
			r := &results[i]
			if known {
				r.probe, r.err = fetcher.CheckNew(ctx, a, led, zerolog.Nop())
			} else {
				r.probe, r.err = fetcher.Check(ctx, a, zerolog.Nop())
			}
		})
	}
	all.Wait()

	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	failed := 0
	for i, r := range results {
		if r.err != nil {
			failed++
			fmt.Fprintf(t, "FAIL\t%s\n", foreign.Error(&fetcher.AccountError{Account: accounts[i].Name, Err: r.err}))
			continue
		}
		fmt.Fprintf(t, "ok\taccount %s:\t%s\t%s\t%s\t%s\n", accounts[i].Name, r.probe.Addr, describeTLS(r.probe), r.probe.Mechanism, waiting(r.probe, known))
	}
	if err := t.Flush(); err != nil {
		return failure(err)
	}
	if failed > 0 {
		return &exitError{exitTemporary, fmt.Errorf("%d of %s failed", failed, console.Count(len(accounts), "account"))}
	}
	return nil
}

func describeTLS(p fetcher.Probe) string {
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
	case left <= 0: // which only insecure_skip_verify lets by, or a server that does not look
		text += " (WARNING: has expired)"
	case session.EndsSoon(c, time.Now()):
		text += fmt.Sprintf(" (WARNING: in %s)", console.Count(int(left/(24*time.Hour)), "day"))
	}
	return text
}
