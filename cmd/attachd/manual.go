//go:build manual

package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/manpage"
)

// buildCommands are the commands that only those need who build packages.
func buildCommands() []*cobra.Command {
	return []*cobra.Command{{
		Use:    "manual DIR",
		Short:  "Write the man pages and the completions of shells below a folder",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var date time.Time
			// https://reproducible-builds.org/specs/source-date-epoch/
			if text := os.Getenv("SOURCE_DATE_EPOCH"); text != "" {
				seconds, err := strconv.ParseInt(text, 10, 64)
				if err != nil {
					return &exitError{exitUsage, fmt.Errorf("SOURCE_DATE_EPOCH must be a number of seconds, not %q", text)}
				}
				date = time.Unix(seconds, 0)
			}
			return failure(manpage.Write(cmd.Root(), args[0], date))
		},
	}}
}
