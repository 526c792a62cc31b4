// Package identity tells which message is which. The ledger knows a message by its UIDL and its
// size, and servers change both. This package compares what a server lists with the ledger
// before anything is retrieved or deleted.
//
// # What counts as known
//
// A message counts as the one recorded under its UIDL and size, unless one of these cases makes
// that doubtful:
//
//   - The server said that it deleted the recorded message, or a listing lacked it.
//   - The server uses other UIDLs of the mailbox again.
//   - The UIDLs are numbers, and a new message has a lower one than a known message, or the
//     highest one belongs to another message now.
//   - The account has another user or host than before.
//
// In doubt, the message's header is compared first, by TOP, in the fields that tell messages
// apart. Where the header decides nothing, the message is retrieved and its attachments are
// compared. A message that an earlier poll delivered is compared in the same way before it is
// deleted. Another message under a known UIDL is delivered under a name of its own
// ([ledger.OtherMark]).
//
// # What was delivered before
//
// A new message may be one of those that should be listed and are not, under another UIDL or
// size. It counts as that one if it has the same header, in those fields, and the same
// attachments. The Message-ID alone does not decide: a mail that is sent a second time keeps
// it, and gets another Date or Received.
//
// These two cases are told apart from it:
//
//   - A message was delivered and deleted, and is listed again under another UIDL with the same
//     Received fields: somebody put it back. It is not delivered again and stays on the server.
//   - Nearly all of a mailbox is new although much of it was delivered before: its UIDLs have
//     changed. The account stops with a [UIDLsChangedError].
//
// # Without a UIDL
//
// RFC 1939 section 7 makes UIDL optional. Some servers leave it out of a line, give two, or
// give one with NUL. A message without a usable UIDL is known by the digest of its bytes, and
// so only once it has been retrieved: at every poll. That will do where messages are deleted as
// soon as they are delivered. Elsewhere such a message is left on the server with a warning,
// and so are messages that STAT counts and no list names.
//
// # Digests
//
// Contents are compared by the digests of package digest, of one kind on one machine. Records of
// another kind stay valid: [Matcher.Digests] and package delivery have contents hashed by that
// kind, too, where they may be the same. Headers are compared by SHA-256, as they are short.
//
// # Before the start
//
// An account may leave alone what was on the server before its first visit ([Start]). These
// messages are recorded as skipped, by their keys and without their headers. Where a key is not
// enough, the date of arrival in the header tells them: see [Matcher.ApplyStart].
//
// # Memory
//
// A listing costs a UIDL and 24 bytes a message. Of a header, 64 KiB are read.
package identity
