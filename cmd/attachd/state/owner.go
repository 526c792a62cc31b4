package state

import (
	"os"
	"path/filepath"
	"syscall"

	"github.com/attachd/attachd/config"
)

// Owner returns who owns the state, which is the user that the daemon runs as. It is the owner of
// the file, or of its folder while there is no file or root owns it. ok is false if there is
// neither.
func Owner(c *config.Config) (owner *syscall.Stat_t, ok bool) {
	for _, path := range []string{c.State, filepath.Dir(c.State)} {
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		if owner, ok = info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 {
			break
		}
	}
	return owner, ok
}
