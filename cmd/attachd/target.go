package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/setup"
	"github.com/attachd/attachd/cmd/attachd/state"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/foreign"
)

// target is what a subcommand works on: a configuration, and the accounts of it that the command
// line names. Subcommands that change the state take these steps: find, whatever they check of
// their own, and then open.
type target struct {
	config   *config.Config
	accounts []config.Account
}

// find loads the configuration at path and finds the accounts of these names; all, without any.
func find(cmd *cobra.Command, path string, names []string) (target, error) {
	c, _, err := load(path, cmd.ErrOrStderr())
	if err != nil {
		return target{}, err
	}
	accounts, err := namedAccounts(c, names)
	return target{c, accounts}, err
}

// open opens the state as the user that the daemon runs as.
func (t target) open(ctx context.Context) (*app.App, error) {
	if err := asOwner(t.config); err != nil {
		return nil, err
	}
	a, err := app.Open(ctx, app.Options{Config: t.config})
	return a, failure(err)
}

// configFlag adds the flag --config. Without it, somebody's own configuration is read if there is
// one, and else the system's.
func configFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVarP(path, "config", "c", setup.ConfigPath(), "the configuration `FILE`; your own, as attachd init makes it, goes first")
	cmd.Flags().Lookup("config").DefValue = setup.SystemConfig // what help and manual say must not depend on who asks
}

// load loads the configuration and prints all that is wrong with it, one line each.
func load(path string, stderr io.Writer) (*config.Config, []config.Warning, error) {
	c, warnings, err := config.Load(path)
	if err == nil {
		return c, warnings, nil
	}
	if problems, ok := errors.AsType[config.Problems](err); ok {
		fmt.Fprintln(stderr, foreign.Error(problems))
		err = fmt.Errorf("load configuration: %s", console.Count(len(problems), "problem"))
	}
	return nil, nil, &exitError{exitConfig, err}
}

// namedAccounts finds the accounts of these names; all, without any.
func namedAccounts(c *config.Config, names []string) ([]config.Account, error) {
	if len(names) == 0 {
		return c.Accounts, nil
	}
	var all []config.Account
	for _, name := range names {
		i := slices.IndexFunc(c.Accounts, func(a config.Account) bool { return a.Name == name })
		if i < 0 {
			return nil, &exitError{exitUsage, fmt.Errorf("the configuration has no account %q", name)}
		}
		all = append(all, c.Accounts[i])
	}
	return all, nil
}

// asOwner keeps root from leaving files that a daemon of another user could not use.
func asOwner(c *config.Config) error {
	owner, ok := state.Owner(c)
	if !ok || os.Geteuid() != 0 || owner.Uid == 0 {
		return nil // or opening it will report why
	}
	return &exitError{exitUsage, fmt.Errorf("run this as uid %[2]d, which owns %[1]s: with sudo -u '#%[2]d', or in a container as its user", c.State, owner.Uid)}
}
