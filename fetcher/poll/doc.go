// Package poll makes one visit to one mailbox. It finds out what is new, retrieves that and has
// it delivered, and deletes what the account's policy says.
//
// # The path of one message
//
// A visit goes through these steps:
//
//   - The session connects, verifies TLS and logs in (package session).
//   - It lists the mailbox and compares the listing with the ledger (package identity).
//   - It retrieves what is new, several requests ahead of the replies where the server
//     announces pipelining. Each reply is a stream, and the account's sink writes its
//     attachments to staging files.
//   - Staged messages gather in groups, and each group becomes durable files by five steps
//     (package delivery).
//   - The session sends DELE only then, for messages with a delivered file
//     ([Deletion].DeleteEmpty also has others deleted). It goes from the highest number down,
//     for servers that number the rest anew at each DELE. A deletion stays pending in the
//     ledger until the server answers +OK to QUIT.
//
// # When a message counts as received
//
// Up to 256 messages are committed together, as many as come in two seconds, once the server has
// answered each RETR and a STAT behind them, and that STAT as before. Two kinds of broken servers
// are found out in this way:
//
//   - A server that does not stuff a lone dot ends a message early, and the rest of the text
//     stands where a reply should be.
//   - A server that drops a pipelined reply has one message pass for another.
//
// A session that retrieved a message and could not commit it closes the connection instead of
// sending QUIT, because some servers (Gmail) take RETR and QUIT as consumed.
//
// # Several sessions
//
// A session that leaves something to do is followed by another one. If a session breaks where
// CAPA, pipelining or the like may be the reason, another one without it follows at once. If
// this helps twice, all accounts on that server do without it for a day, also after a restart.
// Once is enough where the server fell out of step.
//
// # What goes wrong with a message
//
// A message may come with fewer octets than LIST says. These cases are told apart:
//
//   - It ends with the closing delimiter of its outermost multipart: it is whole.
//   - The server's sizes have been right before, or in this session: nothing may be missing
//     except line ends and dots.
//   - Nothing is known of the server's sizes: 1 KiB may be missing.
//   - The sizes turned out to be no count of octets: half, or any number, may be missing.
//
// A message that lacks more is truncated and is retrieved again. In the end it goes to
// quarantine if the sizes are right. Otherwise it is delivered with a warning as soon as it
// comes with the same octets a second time, and is never deleted on the server.
//
// These faults put off a message, and the messages behind it go on:
//
//   - It needs more room on the disk than LIST says, while there is room for that. It is tried
//     again and goes to quarantine in the end, or stays on the server if even the quarantine
//     has no room.
//   - It has more than four times its listed octets, and more than 64 MiB: it counts as
//     endless, and is given up.
//   - The sink cannot handle it: it is retrieved again as it is, for quarantine.
//   - Its files could not be stored [Account].Attempts times, though the disk was well: it is
//     retrieved again as it is, for quarantine.
//
// # Memory
//
// Messages are streams. What is held of one until it is committed is bounded by the sink's
// limits. All visits together hold at most an eighth of [Poller].Memory for staged messages,
// and a fourth for long listings. A visit that finds no room puts messages off, or fails; it
// waits for no other visit.
package poll
