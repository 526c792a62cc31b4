package delivery

import (
	"errors"
	"syscall"
)

// DiskFault reports whether staging failed because of the disk, so that any message would fail.
// Other errors concern one message as far as one can tell: a path too long, a file in the place of
// a folder, or a template that does not work.
func DiskFault(err error) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return false
	}
	switch errno {
	case syscall.ENAMETOOLONG, syscall.ENOTDIR, syscall.EISDIR, syscall.EEXIST, syscall.EINVAL, syscall.EILSEQ, syscall.ELOOP:
		return false
	}
	return true
}
