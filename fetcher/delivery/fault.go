package delivery

import (
	"errors"
	"syscall"
)

// DiskFault reports whether staging failed for a reason that any message would fail
// for. What is left (a folder of a name that a file has, a path too long, a template)
// is for this message alone, as far as one can tell.
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
