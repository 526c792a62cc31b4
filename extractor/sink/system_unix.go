//go:build unix

package sink

import (
	"errors"
	"io/fs"
	"syscall"
)

// links returns how many names a file has.
func links(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink)
	}
	return 1
}

// unsyncable reports whether the fsync of a folder failed because the file system
// has no such thing (SMB, some of FUSE), which keeps its names in its own way.
func unsyncable(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL)
}
