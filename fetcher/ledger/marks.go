package ledger

import "strings"

// Marks stand behind a UIDL, or in the place of one, in the keys of messages that
// their UIDL alone does not tell apart. They begin with NUL, which no server can
// send.
const (
	// OtherMark, and then a digest of what tells the two apart, follow the UIDL of a message that
	// shares it with another one.
	OtherMark = "\x00id-"
	// DoubtfulMark follows the UIDL of a message that may be another one than the recorded one, as
	// long as that is not known.
	DoubtfulMark = "\x00again"
	// DigestMark, and then the digest of its bytes, stand for the UIDL of a message that has none,
	// or none of use.
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
