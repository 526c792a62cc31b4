package ledger

import "strings"

// Marks stand behind a UIDL, or in the place of one, in the keys of messages that
// their UIDL alone does not tell apart. They begin with NUL, which no server can
// send.
const (
	// OtherMark, with a digest of what tells it apart, is behind the UIDL of a message
	// that has the UIDL of another one.
	OtherMark = "\x00id-"
	// DoubtfulMark is behind that of a message of which that is not known yet.
	DoubtfulMark = "\x00again"
	// DigestMark, with the digest of its bytes, is in the place of the UIDL of a
	// message for which the server gives none of use.
	DigestMark = "\x00sha256-"
)

// Sent returns a UIDL as the server sent it, without OtherMark or DoubtfulMark
// and what is behind them.
func Sent(uidl string) string {
	for _, mark := range []string{OtherMark, DoubtfulMark} {
		uidl, _, _ = strings.Cut(uidl, mark)
	}
	return uidl
}

// IsDigest reports whether k stands for a message by the digest of its bytes.
func (k Key) IsDigest() bool { return strings.HasPrefix(k.UIDL, DigestMark) }
