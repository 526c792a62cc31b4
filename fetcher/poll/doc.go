// Package poll makes one visit to one mailbox: it finds out what is new, retrieves
// that, has it delivered, and deletes what the account's policy says.
//
// # The path of one message
//
// A session connects, verifies TLS and logs in (package session). It lists the mailbox
// and compares the listing with the ledger (package identity). It retrieves what is new
// in a pipelined window, where the server announces one, and hands each reply as a
// stream to the account's sink, which writes the attachments to staging files. Staged
// messages gather in groups, and each group becomes durable files by five steps
// (package delivery).
//
// DELE is sent only then, for messages of which a file was delivered
// ([Deletion].DeleteEmpty has others deleted, too), and from the highest number down,
// for servers that number the rest anew at once. A deletion stays pending in the ledger
// until the server has answered +OK to QUIT.
//
// # When a message counts as received
//
// Up to 256 messages count as received together, once the server has answered each
// RETR and a STAT behind them, that one as before. A server that forgets to stuff a lone
// dot ends a message early, and the rest of the text then stands where a reply should
// be; one that drops a pipelined reply would have a message pass for another. A session
// that retrieved a message which it could not commit closes the connection instead of
// sending QUIT, as some servers (Gmail) take RETR and QUIT as consumed.
//
// # Several sessions
//
// A session that breaks where CAPA, pipelining or another such thing may be the reason
// is made again without, at once. When that goes well twice, or once where the server
// fell out of step, all accounts on that server do without for a day, also after a
// restart. A session that leaves something to do is followed by another one.
//
// # What goes wrong with a message
//
// Of a message that comes with fewer octets than LIST says, these cases are told apart:
//
//   - it ends with the delimiter that closes it: it is whole;
//   - the server's sizes have been right before, or in this session: nothing may be
//     missing except line ends and dots;
//   - nothing is known of the server's sizes: 1 KiB may be missing;
//   - they turned out to be no count of octets: half, or any number, may be missing.
//
// A message that is short by more is retrieved again. In the end it is kept in
// quarantine where the sizes are right. Elsewhere it is delivered with a warning at the
// second time with as few octets, and is never deleted on the server by itself.
//
// A message that needs more room on the disk than LIST says it has octets, while there
// is room for these, is at fault itself: it is tried again, and kept in quarantine in
// the end, or left where even that finds no room. A message of more than four times its
// listed octets, and 64 MiB, is given up as endless. A message that the sink cannot
// handle is retrieved again as it is and kept in quarantine; so is one whose files could
// not be stored for [Account].Attempts times, unless the disk was at fault. The messages
// behind it are not held up.
//
// # Memory
//
// Messages are streams, and what is held of one until it is committed is bounded by the
// sink's limits. All visits together hold no more of staged messages than an eighth of
// [Poller].Memory, and of long listings a fourth. A visit that finds no room puts messages
// off, or fails, and waits for no other.
package poll
