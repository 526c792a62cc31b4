package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/state"
)

func stateForgetCommand() *cobra.Command {
	var path string
	var uidls []string
	var staged, skipped, all bool
	cmd := &cobra.Command{
		Use:   "forget ACCOUNT {--uidl UIDL... | --skipped | --staged | --all}",
		Short: "Have messages fetched again that are still on the server",
		Long: `forget removes what the state knows of messages, so that the next poll fetches and
delivers them again if they are still on the server. It may be used while attachd
runs; an account that is being polled at that moment is refused: try again.

--skipped forgets those that were on the server before the account's start (the setting
start) and were not fetched: they are fetched after all, whatever start says.

--staged forgets those whose delivery was interrupted, if their files are gone together
with the folder that they were staged in (attachd state check says so).`,
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
			n, delivered, err := state.Forget(cmd.Context(), a, t.accounts[0], state.Forgotten{UIDLs: uidls, Staged: staged, Skipped: skipped, All: all})
			if n == 0 && len(uidls) > 0 && err == nil {
				err = fmt.Errorf("the state knows no message of account %s with UIDL %q", args[0], strings.Join(uidls, ", "))
			}
			if err := errors.Join(err, a.Close()); err != nil {
				return failure(err)
			}
			text := fmt.Sprintf("account %s: %s forgotten\n", args[0], console.Count(n, "message"))
			if delivered > 0 {
				text += fmt.Sprintf("  %d of these had been delivered: the files come again, beside those that are there, unless duplicates: skip\n", delivered)
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), text)
			return failure(err)
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().StringArrayVar(&uidls, "uidl", nil, "those of this `UIDL`; may be given more than once")
	cmd.Flags().BoolVar(&skipped, "skipped", false, "those that were there before the account's start")
	cmd.Flags().BoolVar(&staged, "staged", false, "those staged in a folder that is gone")
	cmd.Flags().BoolVar(&all, "all", false, "every message of the account")
	cmd.MarkFlagsMutuallyExclusive("uidl", "skipped", "staged", "all")
	cmd.MarkFlagsOneRequired("uidl", "skipped", "staged", "all")
	return cmd
}
