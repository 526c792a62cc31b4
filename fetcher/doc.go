// Package fetcher polls POP3 mailboxes and sees every new message through to
// durable files: it decides when an account is polled, runs the poll from
// connect to QUIT, and keeps the promise that nothing is lost and nothing
// delivered twice.
//
// # The path of one message
//
// A poll connects, verifies TLS, logs in, asks STAT and UIDL (and LIST only
// when something is new or the octets of STAT changed, or is likely to be new, in one go with
// the others) and compares the listing with the ledger. It then retrieves what is new, in a pipelined window
// where the server announces one, and hands each reply as a stream to the
// account's [Sink], which writes the attachments to staging files.
//
// delivery.Staged messages gather in groups. When a group is full by count, by size or
// by age, these steps follow, in this order:
//
//  1. the staging files and their folder are fsynced ([Sink.Sync]);
//  2. the ledger records in one transaction what is staged under which names;
//  3. the files are renamed into place without overwriting;
//  4. the folders are fsynced ([Sink.Publish] does both);
//  5. the ledger marks the group delivered.
//
// Only then may DELE be sent, for messages of which a file was delivered ([Account].DeleteEmpty has others deleted, too), and a
// deletion stays pending in the ledger until the server has answered +OK to QUIT. A crash at any point leaves one of two
// states behind: a staging file that the ledger does not know, which is removed
// as the message will be retrieved again, or one that the ledger knows, which is
// renamed if it is still there and counts as delivered if it is gone. The next
// poll of the account does that before it connects.
//
// Messages count as received, up to 256 at once, only after the server has answered
// each RETR and a STAT behind them, that one as before: one that forgets to stuff a lone dot ends a message
// early, and the rest of the text then stands where a reply should be; one that
// drops a pipelined reply would have a message pass for another. A poll that breaks
// where CAPA or pipelining may be the reason is made again without, at once. When that
// goes well twice, or once where the server fell out of step, all accounts on that server
// do without for a day, also after a restart. A poll that retrieved a
// message which it could not commit closes the connection instead of sending
// QUIT, because some servers (Gmail) take RETR and QUIT as consumed.
//
// # Which message is which
//
// A message is known by its UIDL and its size, and servers change both. What is listed with those of a
// message that the server has deleted, or that a listing lacked, or in a mailbox whose UIDLs were used
// again (or are numbers that do not rise, or of which the highest is another message's), or after the account got another user or host, is compared before
// it counts as that one: its header by TOP, in the fields that tell messages apart, else what it consists of once it is retrieved. So is what an
// earlier poll delivered, before it is deleted. Another message is delivered under a name of its own. A new
// message is compared with those that should be there and are not: it may be one of them under another UIDL
// or size, and was delivered then: that takes the same header, in those fields, and the same attachments, as a mail that is sent a second time has its
// Message-ID and another Date or Received. One that was delivered and deleted and is there again under another UIDL, with the same
// Received fields, was put back by somebody, and stays. Without UIDLs, messages are known by their digests; see [Account.Delete].
//
// STAT, UIDL and, where these don't fit, LIST are compared. A message for which the server gives no UIDL of use (none, two, one with
// NUL) is one without a UIDL: it is fetched where messages are deleted at once, and elsewhere left with a warning and an
// [IncompleteError], as are those that STAT counts and no list has. DELE is sent from the highest number down, for servers that
// number the rest anew at once.
//
// # What goes wrong with a message
//
// One that comes with fewer octets than LIST says is retrieved again, unless it ends with the delimiter that closes it. How many
// may be missing hangs on the server: none but for line ends and dots, where its sizes have been right before or in this poll;
// 1 KiB, where nothing is known of them; half, or any, where they turned out to be no count of octets. In the
// end it is kept in quarantine where they are right, and else, at the second time with as few octets, delivered with a
// warning; it is never deleted on the server by itself.
//
// One that needs more room on the disk than LIST says it has octets, while there is room for these, is at fault itself: it is tried
// again, and kept in quarantine in the end, or left where even that finds no room. The others go on. A message of more than four
// times its listed octets, and 64 MiB, is given up as endless.
//
// A message that the sink cannot handle is retrieved again as it is and kept in
// quarantine, with the reason beside it; the messages behind it are not held up. So
// is one whose files could not be stored for Account.Attempts times, unless the disk
// was at fault. One of which something could not be read right is delivered; the sink may put a copy of it in quarantine with
// the same group ([Staged].RawKept). Without a copy it is not deleted. [Quarantine] delivers it later by the same five steps.
//
// A message that is a piece of another one (message/partial) is in quarantine, too, in a folder of its own, until the others come: the
// whole is delivered then, and with it all of them. After 30 days it is kept like the others.
//
// With step 4 the ledger's generation is left in the folder as a mark. A ledger that is
// behind the mark is an old copy or a new one in place of one that was lost, and is not
// worked with ([StaleError]): it would have everything since delivered again.
//
// Before the first group that an account delivers, the ledger records its folder's place and ID. A poll whose folder at that
// place has another ID, or none, ends before it asks the server ([DestinationError]): a disk is not mounted. Consumers take files and
// leave the hidden ID. Another place, which only the operator can name, is accepted with a warning.
//
// # Memory
//
// Messages are streams, and what is held of one until it is committed is bounded by the sink's limits. All polls together hold no more of staged
// messages than an eighth of Supervisor.Memory, and of long listings a fourth; one that finds no room puts messages off, or fails, and
// waits for no other.
//
// # Who owns what
//
// [Supervisor.Run] owns the set of accounts and starts one goroutine per
// account, which sleeps and runs one poll at a time. A poll waits its turn for a slot to
// its host and one of all (see Supervisor.MaxConcurrent), and gives the latter to another one while its
// server keeps silent. Within a poll the account's goroutine reads from the server and
// stages, and one committer goroutine, which ends with the poll, runs the five
// steps above, so that the line is not idle while the disk works. Nothing else
// touches the poll's state; the ledger may be used by all of them at once. A
// lock file per account beside the ledger keeps a second process from polling
// the same account at the same time.
//
// # Stopping
//
// Cancelling the context of Run closes the connections, commits what is
// staged and returns; replacing or removing an account lets its poll end first.
package fetcher
