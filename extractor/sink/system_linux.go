package sink

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// renameNoReplace is renameat2(2) with RENAME_NOREPLACE.
func renameNoReplace(from *os.File, oldName string, to *os.File, newName string) error {
	err := retried(func() error {
		return unix.Renameat2(int(from.Fd()), oldName, int(to.Fd()), newName, unix.RENAME_NOREPLACE)
	})
	if err != nil {
		return &os.LinkError{Op: "rename", Old: oldName, New: newName, Err: err}
	}
	return nil
}

// longestName returns how many bytes a name may have in an open folder: 255, or
// less as on eCryptfs (143).
func longestName(dir *os.File) int {
	const usual = 255
	var st unix.Statfs_t
	if unix.Fstatfs(int(dir.Fd()), &st) != nil || st.Namelen < 64 || st.Namelen > usual {
		return usual
	}
	return int(st.Namelen)
}

// withoutUmask runs fn with an umask of nothing, in a thread that has its own. Where a thread can't
// have one, it does not run fn, and the error is errUmask.
func withoutUmask(fn func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked, so that the thread ends with the goroutine
		if unix.Unshare(unix.CLONE_FS) != nil {
			result <- errUmask
			return
		}
		unix.Umask(0)
		result <- fn()
	}()
	return <-result
}
