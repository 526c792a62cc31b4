// Package ledger says what is remembered of every message: it is why a message is fetched once,
// delivered once and deleted only after that.
//
// The package holds the records, how they are matched with what a server lists, and the states that
// a message goes through. It stores nothing itself. Package ledger/sqlite keeps the records in a
// file.
//
// # What a ledger keeps
//
// A message is known by its account, its UIDL and its size in octets ([Key]). UIDLs are opaque
// bytes of any length: RFC 1939 section 7 allows 70 printable ones, and servers send longer and
// 8-bit ones. The size is part of the key because some servers use a UIDL again for another
// message; -1 stands for a size that was not known, see [Match]. A message is never forgotten
// because a listing lacks it: servers send partial and empty lists by mistake, and a message
// forgotten is a message delivered twice.
//
// Each message is in one [State]:
//
//	(none) ── Stage ──> staged ── Delivered ──> delivered ── DeletePending ──> delete_pending
//	delete_pending ── Deleted ──> deleted
//	(none) ── Failed ──> failed ── Stage ──> staged ── Delivered ──> quarantined
//
// Other changes are these:
//
//   - Failed on a failed message counts another attempt.
//   - A quarantined message that is [Message].Retried is staged again. Dropped makes it delivered.
//   - A delivered message may have files in quarantine, too. Retried and Dropped leave it in its
//     state.
//   - Delivered changes nothing on a message that is past it: recovery may repeat it. DeletePending
//     and Deleted change nothing on a message that is there already.
//   - Skip settles a message that is not known, as one that was on the server before the account's
//     start: it counts as delivered, and is never deleted. MaybeSkip marks one whose date decides
//     that once it is retrieved: it counts as failed until then, without an attempt.
//   - Found on a deleted message, which the server still lists, makes it delivered again.
//
// Every other change is refused with a [TransitionError].
//
// # Who may write
//
// Several processes may share a ledger. Who polls an account, or changes what is known of it, has
// its [Lease]. Each lease has a larger token than the one before, and every write can carry it:
// what an older lease writes is refused ([ErrFenced]).
package ledger
