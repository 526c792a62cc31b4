package sink

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// renameNoReplace is renameat2(2) with RENAME_NOREPLACE.
func renameNoReplace(from *os.File, oldName string, to *os.File, newName string) error {
	for {
		err := unix.Renameat2(int(from.Fd()), oldName, int(to.Fd()), newName, unix.RENAME_NOREPLACE)
		switch err {
		case nil:
			return nil
		case unix.EINTR:
			continue
		}
		return &os.LinkError{Op: "rename", Old: oldName, New: newName, Err: err}
	}
}

// longestName returns how many bytes a name may have: 255, or less as on eCryptfs (143).
func longestName(dir string) int {
	const usual = 255
	var st unix.Statfs_t
	for parent := dir; ; {
		err := unix.Statfs(parent, &st)
		if err == nil {
			break
		}
		next := filepath.Dir(parent)
		if next == parent {
			return usual
		}
		parent = next
	}
	if st.Namelen < 64 || st.Namelen > usual {
		return usual
	}
	return int(st.Namelen)
}
