package config

import "golang.org/x/sys/unix"

// fileUser returns the user and the group that files are opened as. Those of a thread can differ
// from those of the process: attachd check, run by root, reads the files as the daemon does.
func fileUser() (uid, gid int) {
	uid, _ = unix.SetfsuidRetUid(-1) // an invalid one changes nothing and returns the present one
	gid, _ = unix.SetfsgidRetGid(-1)
	return uid, gid
}
