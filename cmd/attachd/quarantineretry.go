package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/quarantine"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/foreign"
)

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
			return eachQuarantined(cmd, path, args, all, func(ctx context.Context, q *delivery.Quarantine, m quarantine.Message) error {
				again, err := q.Retry(ctx, m.Record)
				if again == nil {
					return err
				}
				files := 0
				for _, a := range again.Attachments {
					if a.StagingID != "" && !a.Sidecar {
						files++
						fmt.Fprintf(cmd.OutOrStdout(), "%s\t%s\n", m.ID(), foreign.Text(m.PlaceOf(a)))
					}
				}
				if n := m.Record.Files(); n > 0 {
					fmt.Fprintf(cmd.OutOrStdout(), "%s\tdelivered, %s, after %d before\n", m.ID(), console.Count(files, "attachment"), n)
				} else {
					fmt.Fprintf(cmd.OutOrStdout(), "%s\tdelivered, %s\n", m.ID(), console.Count(files, "attachment"))
				}
				return err
			})
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&all, "all", false, "every message in quarantine, of these accounts or of all")
	return cmd
}
