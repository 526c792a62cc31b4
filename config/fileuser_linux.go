package config

import (
	"os"

	"golang.org/x/sys/unix"
)

// fileUser returns the user and the group that files are opened as. Those of a thread can differ
// from those of the process: attachd check, run by root, reads the files as the daemon does.
func fileUser() (uid, gid int) {
	// An invalid one changes nothing and returns the present one. The unit's filter of system calls
	// allows no such call; where nobody may change them, they are those of the process.
	uid, _ = unix.SetfsuidRetUid(-1)
	gid, _ = unix.SetfsgidRetGid(-1)
	if uid < 0 || gid < 0 {
		return os.Geteuid(), os.Getegid()
	}
	return uid, gid
}
