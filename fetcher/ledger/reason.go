package ledger

import (
	"errors"
	"fmt"
	"strings"
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

// WithoutCopy is the reason recorded of a message that was delivered, and stays on the server as the quarantine had no room for the
// copy that it needs: it begins with this.
func WithoutCopy(reason string) string { return ErrQuarantineFull.Error() + "; " + reason }

// IsWithoutCopy reports whether a message that was delivered stays on the server as the quarantine had no room for a copy of it,
// and why it needs one.
func IsWithoutCopy(reason string) (why string, is bool) {
	return strings.CutPrefix(reason, ErrQuarantineFull.Error()+"; ")
}

// ErrQuarantineFull says why a message is left on the server that could not be handled.
var ErrQuarantineFull = errors.New("left on the server, as the quarantine is full (quarantine.max_bytes): attachd quarantine list says what is in it")
