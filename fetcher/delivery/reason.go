package delivery

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// The reasons below are recorded in the ledger, and told apart by their text.

// shortOf is in the reason of each message that came too short.
const shortOf = " octets came of the "

// CameShort is the reason of a message that came with fewer octets than the server listed.
func CameShort(octets, listed int64) error {
	return fmt.Errorf("%d%s%d that LIST says", octets, shortOf, listed)
}

// WasShort reports whether this is said of a message.
func WasShort(reason string) bool { return strings.Contains(reason, shortOf) }

// withoutCopy is the reason recorded of a message that was delivered, and stays on the server as the quarantine had no room for the
// copy that it needs: it begins with this.
func withoutCopy(reason string) string { return ErrQuarantineFull.Error() + "; " + reason }

// IsWithoutCopy reports whether a message that was delivered stays on the server as the quarantine had no room for a copy of it,
// and why it needs one.
func IsWithoutCopy(reason string) (why string, is bool) {
	return strings.CutPrefix(reason, ErrQuarantineFull.Error()+"; ")
}

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
