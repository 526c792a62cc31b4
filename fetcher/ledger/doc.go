// Package ledger remembers what became of every message: it is why a message is
// fetched once, delivered once and deleted only after that.
//
// # What it keeps
//
// A message is known by its account, its UIDL and its size in octets. UIDLs are
// opaque bytes of any length: RFC 1939 section 7 allows 70 printable ones, and
// servers send longer and 8-bit ones. The size is part of the key as some
// servers use a UIDL again for another message; -1 stands for a size that was
// not known, see [Match]. Nothing is ever forgotten because a listing lacks it:
// servers send partial and empty lists by mistake, and a message forgotten is a
// message delivered twice.
//
// Each message is in one [State]:
//
//	(none) ── Stage ──> staged ── Delivered ──> delivered ── DeletePending ──> delete_pending ── Deleted ──> deleted
//	(none) ── Failed ─> failed ── Stage ──────> staged ──── Delivered ──────> quarantined
//
// A quarantined message that is [Message].Retried is staged again; Dropped makes it
// delivered. One that was delivered may have files in quarantine, too, and is retried and dropped likewise, which leaves
// it in its state. Failed on a failed message counts another attempt. Delivered on a message that
// is past it changes nothing, so that recovery may repeat it, and neither do
// DeletePending and Deleted where they stand already; a deleted message that the
// server still lists becomes delivered again ([Ledger.Found]). Every other change is
// refused with a [TransitionError].
//
// # What it promises
//
// When a method that writes returns nil, the change is durable (SQLite in WAL mode
// with synchronous=FULL) and whole: a group given to [Ledger.Stage] is there
// entirely or not at all. When it returns an error, the change may have reached
// the disk even so, if the error came while it was being committed. After kill -9
// or a power cut the file is as the last returned change left it.
//
// A file that is damaged, empty, of a newer schema or no ledger at all is refused
// by [Open] with what to do about it. Starting from nothing instead would fetch
// and deliver every message again. [Replace] makes a new one, and [Ledger.Adopt] fills
// it from the servers' lists. An older ledger is whole in itself: it is betrayed by its
// generation, which the account's folder has a copy of.
//
// All methods may be used from many goroutines. Changes queue for one
// connection; reads have others and do not wait for changes. On a network file
// system, where WAL does not work, the file is kept in journal_mode=TRUNCATE: as
// durable, slower, and reads wait for changes; [Ledger.JournalMode] tells.
//
// # Looking inside
//
// The file may be read while the daemon runs; two views are made for people:
//
//	sqlite3 -readonly state.db "SELECT * FROM messages WHERE account = 'hans' ORDER BY first_seen DESC LIMIT 20"
//	sqlite3 -readonly state.db "SELECT path, size, sha256 FROM files WHERE original_name LIKE '%rechnung%'"
//	sqlite3 -readonly state.db "SELECT account, state, count(*) FROM messages GROUP BY 1, 2"
//	sqlite3 -readonly state.db "PRAGMA integrity_check"
//	sqlite3 -readonly state.db "VACUUM INTO 'backup.db'"
//
// # The schema
//
// Version 6 (PRAGMA user_version); times are milliseconds since 1970, UTC:
//
//	account     id, name; messages, octets: the last STAT; generation: how many groups were staged;
//	            mailbox: the user and the host; place, folder: the path of the folder that files went to, and its ID
//	message     id, account, uidl, size: the key; state; becomes: what a staged one will be;
//	            sha256 of the header fields that tell messages apart, or NULL; message_id; reason: of the failure or the quarantine;
//	            attempts, next_attempt: of failed ones, to delete it once it was delivered; first_seen, delivered: NULL if
//	            that is not known of a delivered one, which is then never deleted on the server;
//	            missed: 0 when it was listed last, see Ledger.Missed; files: how many were delivered of it, NULL where
//	            somebody answers for it; unread: 1 if something of it could not be read right and it is kept nowhere
//	            but on the server; was: the state it will be in again, of one that was delivered and is retried
//	attachment  message, n: its place in the message; account; staging: the staging file's ID, NULL once
//	            delivered; path below the account's folder; original_name, media_type, size, sha256; kept: 1 if it lies in quarantine
//	host        name: a server's address; unpipelined, without_capa: until when it is spoken to
//	            so; exact: when a message last came with as many octets as LIST had said
package ledger
