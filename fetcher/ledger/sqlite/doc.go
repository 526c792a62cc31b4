// Package sqlite keeps the ledger in one SQLite file.
//
// # What it promises
//
// When a method that writes returns nil, the change is durable (WAL mode with
// synchronous=FULL) and whole: a group given to [Ledger.Stage] is there
// entirely or not at all. When it returns an error that came while the change was being committed,
// the change may have reached the disk even so. After kill -9
// or a power cut the file is as the last returned change left it.
//
// Some changes are written without an fsync, and each says so: what a poll records again if it is
// not there. They outlive kill -9. A power cut may take the newest of them, up to the last change
// with an fsync, and never one of those before. Two settings of an account may wait for its next
// change, and then a kill may take them, too: see [Ledger.SetOwner] and [Ledger.SetDestination].
//
// A file that is damaged, empty, of a newer schema or no ledger at all is refused
// by [Open] with what to do about it. Starting from nothing instead would fetch
// and deliver every message again. [Replace] makes a new one, and [Ledger.Adopt] fills
// it from the servers' lists. An older copy of a ledger is whole in itself: it is recognized by its
// generation, since the account's folder has the newer one.
//
// All methods may be used from many goroutines. Changes queue for one
// connection; reads have others and do not wait for changes. What the row of an account says is
// read with the account's lease and with each change under it, and told from memory until the lease
// ends, as nobody else may change it meanwhile. On a network file
// system, where WAL does not work, the file is kept in journal_mode=TRUNCATE: as
// durable, slower, and reads wait for changes.
//
// # Looking inside
//
// The file may be read while the daemon runs; two views are made for people:
//
//	sqlite3 -readonly state.db "SELECT * FROM messages WHERE account = 'hans' LIMIT 20"
//	sqlite3 -readonly state.db "SELECT * FROM messages WHERE subject LIKE '%rechnung%'"
//	sqlite3 -readonly state.db "SELECT path, size FROM files WHERE original_name LIKE '%.pdf'"
//	sqlite3 -readonly state.db "SELECT account, state, count(*) FROM messages GROUP BY 1, 2"
//	sqlite3 -readonly state.db "PRAGMA integrity_check"
//	sqlite3 -readonly state.db "VACUUM INTO 'backup.db'"
//
// # The schema
//
// PRAGMA user_version is the schema's version. Times are milliseconds since 1970, UTC.
//
// Table account:
//
//	id, name
//	messages, octets     the last answer to STAT
//	generation           how many groups were staged
//	mailbox              the user and the host
//	place, folder        the path of the folder that files went to, and its ID
//	token                that of the newest lease
//	polled               when it was polled last, as far as the lock's file is not newer
//	start                what arrived before it is not fetched; 0 for none, NULL if not applied
//	too_large            how many messages the last visit left for their size
//
// Table message:
//
//	id
//	account, uidl, size  the key; uidl is a BLOB
//	state
//	becomes              the state of a staged one once it is delivered
//	was                  the state that a delivered one returns to after it is retried
//	message_id, sha256   the identity; NULL where it is not known
//	sender, recipients   the fields From, and To and Cc, 1 KB of each at most
//	subject              likewise
//	dated, zone          the field Date, and the seconds that its zone is ahead of UTC
//	reason               of the failure or the quarantine
//	attempts             failed ones: to retrieve it and, once it is delivered, to delete it
//	next_attempt         of a failed one; of a delivered one, when it may be deleted
//	first_seen
//	delivered            NULL if that is not known of a delivered one: it is never deleted
//	missed               0 if the last listing had it, see Ledger.Missed
//	files                how many were delivered of it; NULL where somebody answers for it
//	unread               1 if it could not be read right in part and has no copy in quarantine
//	skipped              1 if it was there before the start and was not delivered: the view messages
//	                     has that as its state; a failed one may have been there
//
// Table attachment:
//
//	message, n           the place in the message
//	account
//	staging              the staging file's name, NULL once it is delivered, empty where no file
//	                     was written as its bytes were received before
//	path                 below the account's folder
//	original_name, media_type, size
//	digest, kind         of its bytes: kind 1 is SHA-256, 2 is BLAKE3; 32 bytes of zero for none
//	kept                 1 if it lies in quarantine
//
// Table host:
//
//	name                 a server's address
//	unpipelined          until when it is spoken to without pipelining
//	without_capa         likewise, without CAPA
//	exact                when a message last came with as many octets as LIST had said
//	login_delay          the least time between two logins
package sqlite
