//go:build unix && !linux

package config

import "os"

// fileUser returns the user and the group that files are opened as.
func fileUser() (uid, gid int) { return os.Geteuid(), os.Getegid() }
