//go:build !unix

package sink

import (
	"io/fs"
	"os"
)

// mkdir makes a folder in another one, or at an absolute path if above is nil. Modes and groups
// mean nothing here.
func (s *folders) mkdir(above *folder, name string, _ permissions) error {
	if above == nil {
		return os.Mkdir(name, defaultDirMode)
	}
	return above.root.Mkdir(name, defaultDirMode)
}

func isUnfinished(fs.FileInfo) bool { return false }

func (s *folders) finish(*folder, string, permissions) error { return nil }

// groupOf: groups are not known here.
func groupOf(fs.FileInfo) int { return noGroup }

func handsOn(fs.FileInfo) int { return noGroup }
