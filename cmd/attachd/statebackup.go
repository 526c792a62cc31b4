package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

func stateBackupCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the state file, also while attachd runs",
		Long: `backup writes a copy of the state to FILE, which must not be there yet. The copy is
of one moment and has been read once as a whole. A plain copy of the file, made while
attachd runs, would lack the newest messages. Root's copy belongs to the owner of the
state, so that the daemon can use it when it is restored.

To restore it, stop attachd, put the copy in the place of the state file, remove the
-wal and -shm files beside it, and run attachd state rebuild. That records what was
delivered since the backup, so that it does not come a second time.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			// A faulty configuration must not keep anybody from a backup.
			state, err := config.StatePath(path)
			if err != nil {
				return &exitError{exitConfig, err}
			}
			err = sqlite.Backup(cmd.Context(), state, args[0])
			if _, missing := os.Stat(state); errors.Is(missing, fs.ErrNotExist) {
				err = fmt.Errorf("%s: not made yet", state)
			}
			if err == nil {
				err = ownAs(args[0], state)
			}
			if err != nil {
				return failure(err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: a copy of %s\n", args[0], state)
			return failure(err)
		},
	}
	configFlag(cmd, &path)
	return cmd
}

// ownAs gives a file that root made the owner of another one.
func ownAs(path, other string) error {
	info, err := os.Stat(other)
	if err != nil || os.Geteuid() != 0 {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return os.Chown(path, int(owner.Uid), int(owner.Gid))
}
