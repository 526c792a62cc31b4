package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/setup"
	"github.com/attachd/attachd/cmd/attachd/words"
	"github.com/attachd/attachd/config"
)

func initCommand(hooks app.Hooks) *cobra.Command {
	var f accountFlags
	var path, output, state string
	var now bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Set attachd up: ask a few questions, try the login, write the configuration",
		Long: `init asks for a mail address and a password, finds the mail server, says what the
provider needs, tries the login, and writes a configuration with comments. The
password goes into a file of its own, which nobody else can read. Then it offers to
fetch the mail that is there.

The server comes from a table of providers, from the domain's records in the DNS, from
its autoconfig file, or from a guess. One that is not in the domain of the address has
to be confirmed. No password is sent before the server has shown a valid certificate.

Run by root it makes ` + setup.SystemConfig + `, for the daemon; run by
somebody else ~/.config/attachd/attachd.yaml, which the other commands then read without
--config. Nothing is written before the last question, and no file is overwritten: where
there is a configuration, it offers to add an account to it. A secret that is left of an
earlier account stays: it is used if it is the same, else the new one goes beside it.

Every answer can be given by a flag; with --yes nothing is asked:

  attachd init --yes --address me@example.org --password-file pw --start now --keep

At the first fetch it is set up already: Ctrl-C there leaves it at that. It is not offered
where the folders belong to another user, as those of a daemon do.

Exit code 0: it is set up; 1: it is not, as the login fails for instance; 2: something
has to be given; 75: it is set up, and the first fetch did not get everything; 78: there
is a configuration with faults.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			base, err := setup.NewBase(path)
			if err != nil {
				return failure(err)
			}
			t, err := setup.NewTerminal(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
			if err != nil {
				return failure(err)
			}
			defer t.Close()
			if !base.Exists() {
				base.SetFolders(output, state)
			} else if err := addTo(cmd, base, t, f.yes, output+state != ""); err != nil {
				return err
			}
			first := base.Config == nil || len(base.Config.Accounts) == 0
			a, c, err := f.setUp(cmd, base, t)
			if err != nil {
				return err
			}
			if !first {
				return tellDaemon(cmd, c.State)
			}
			return firstRun(cmd, base, c, a, t, hooks, f.yes, now)
		},
	}
	cmd.Flags().StringVarP(&path, "config", "c", "", "make this `FILE` in place of the usual one")
	cmd.Flags().StringVar(&output, "output", "", "the `FOLDER` for the files, which go into one folder per account below it")
	cmd.Flags().StringVar(&state, "state", "", "the `FILE` that holds what was fetched")
	cmd.Flags().BoolVar(&now, "run", false, "with --yes: fetch the mail that is there when all is set up")
	f.add(cmd)
	return cmd
}

// addTo opens the configuration that is there already, if somebody wants to add an account to it.
func addTo(cmd *cobra.Command, base *setup.Base, t *setup.Terminal, silent, folders bool) error {
	if err := base.Open(); err != nil {
		return setupError(cmd, err)
	}
	switch {
	case folders:
		return &exitError{exitUsage, fmt.Errorf("init: %s is there already, and says where output and state are: leave --output and --state out", base.Path())}
	case len(base.Config.Accounts) == 0:
		return nil
	}
	there := fmt.Sprintf("%s is there already, with %s", base.Path(), console.Count(len(base.Config.Accounts), "account"))
	if silent {
		return &exitError{exitUsage, errors.New("init: " + there + ": attachd account add adds one more")}
	}
	yes, err := t.Confirm(there+". Add an account to it", true)
	if err != nil {
		return setupError(cmd, err)
	}
	if !yes {
		return &exitError{exitFailure, errors.New("init: nothing was changed")}
	}
	return nil
}

// finishSetup lets a person sign in for a new account that needs it, and tries the login then.
func finishSetup(cmd *cobra.Command, base *setup.Base, c *config.Config, made *setup.Account, t *setup.Terminal, silent, untried bool) error {
	accounts, err := namedAccounts(c, []string{made.Name})
	if err != nil {
		return failure(err)
	}
	a := accounts[0]
	if !a.OAuth.NeedsSignIn() {
		return nil
	}
	later := "Somebody has to sign in once: attachd oauth login" + configOption(base) + " " + words.Shell(a.Name)
	made.LoginFailed = true // until it has worked
	if silent {
		t.Say("%s", later)
		return nil
	}
	yes, err := t.Confirm("Sign in now", true)
	if err != nil || !yes {
		t.Say("%s", later)
		return failure(unlessUnanswered(cmd, err))
	}
	ctx, cancel := context.WithTimeoutCause(cmd.Context(), signInTimeout, fmt.Errorf("nobody signed in within %v", signInTimeout))
	defer cancel()
	if err := signIn(ctx, cmd.OutOrStdout(), c, a, a.OAuth.Grant == config.GrantDeviceCode); err != nil {
		t.Say("%s", later)
		return failure(fmt.Errorf("sign in for account %s: %w", a.Name, err))
	}
	made.LoginFailed = false
	if untried {
		return nil
	}
	login, err := setup.TryLogin(cmd.Context(), c, a)
	if err != nil {
		return failure(fmt.Errorf("log in to account %s: %w", a.Name, err))
	}
	t.Say("The login works. %s", setup.Waiting(login))
	return nil
}
