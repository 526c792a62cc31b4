package ledger

import (
	"strings"

	"github.com/attachd/attachd/extractor/digest"
)

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
)

// nul begins no UIDL of a server.
const nul = "\x00"

// DigestUIDL returns what stands for the UIDL of a message that has none, or none of use: the
// digest of its bytes.
func DigestUIDL(is digest.Digest) string { return DigestMark(is.Kind) + is.String() }

// DigestMark returns what DigestUIDL begins with for a kind of digest.
func DigestMark(k digest.Kind) string { return nul + k.String() + "-" }

// Sent returns a UIDL as the server sent it, without OtherMark or DoubtfulMark
// and what is behind them.
func Sent(uidl string) string {
	for _, mark := range []string{OtherMark, DoubtfulMark} {
		uidl, _, _ = strings.Cut(uidl, mark)
	}
	return uidl
}

// IsDigest reports whether k stands for a message by the digest of its bytes.
func (k Key) IsDigest() bool { return strings.HasPrefix(k.UIDL, nul) }
