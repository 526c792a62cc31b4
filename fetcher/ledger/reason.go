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

// WithoutCopy is the reason of a delivered message that needs a copy in quarantine and stays on the
// server, as the quarantine has no room. reason says why it needs the copy.
func WithoutCopy(reason string) string { return ErrQuarantineFull.Error() + "; " + reason }

// IsWithoutCopy reports whether a reason is one of WithoutCopy, and returns why a copy is needed.
func IsWithoutCopy(reason string) (why string, is bool) {
	return strings.CutPrefix(reason, ErrQuarantineFull.Error()+"; ")
}

// ErrQuarantineFull is why a message that could not be handled is left on the server.
var ErrQuarantineFull = errors.New("left on the server, as the quarantine is full (quarantine.max_bytes): attachd quarantine list says what is in it")
