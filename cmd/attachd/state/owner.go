package state

import (
	"os"
	"path/filepath"
	"syscall"

	"github.com/attachd/attachd/config"
)

// Owner returns the user that owns the state, as which the daemon runs. It is the owner of the file or,
// while there is none, or only one that root has left there, of its folder. Without either ok is false.
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
