package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/quarantine"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/foreign"
)

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
			err := eachQuarantined(cmd, path, args, all, func(ctx context.Context, q *delivery.Quarantine, m quarantine.Message) error {
				if n++; !yes {
					_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\twould remove %s\n", m.ID(), foreign.Text(m.Path()))
					return err
				}
				if err := q.Drop(ctx, m.Record); err != nil {
					return err
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\tremoved\n", m.ID())
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
