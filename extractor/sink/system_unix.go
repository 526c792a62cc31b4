//go:build unix

package sink

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// links returns how many names a file has.
func links(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink)
	}
	return 1
}

// madeByOther reports whether a file is neither this user's nor root's.
func madeByOther(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Uid != 0 && int(st.Uid) != os.Geteuid()
}

// unsyncable reports whether the fsync of a folder failed because the file system has no such thing
// (SMB, some of FUSE). It keeps its names in a way of its own.
func unsyncable(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL)
}

// openFilesLimit is how many files the process may have open.
func openFilesLimit() int64 {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil || uint64(limit.Cur) > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(limit.Cur)
}

// askSpace returns how much users other than root can still write to the file system of a folder.
func askSpace(dir *os.File) (space, error) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(dir.Fd()), &st); err != nil {
		return space{}, &os.PathError{Op: "statfs", Path: dir.Name(), Err: err}
	}
	return space{bytes: int64(st.Bavail) * int64(st.Bsize), filesFree: int64(st.Ffree), files: int64(st.Files)}, nil
}
