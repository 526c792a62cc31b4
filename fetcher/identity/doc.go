// Package identity tells which message is which. A message is known by its UIDL and
// its size, and servers change both; what a server lists is compared with the ledger
// here, before anything is retrieved or deleted.
//
// # What counts as known
//
// A message counts as the one recorded under its UIDL and size, unless one of these
// cases makes it doubtful:
//
//   - the server said that it deleted that message, or a listing lacked it;
//   - the mailbox used other UIDLs again;
//   - its UIDLs are numbers that do not rise, or the highest is another message's;
//   - the account got another user or host.
//
// Then its header is compared first, by TOP, in the fields that tell messages apart,
// and where the header does not tell, what it consists of once it is retrieved. So is
// what an earlier poll delivered, before it is deleted. Another message under a known
// UIDL is delivered under a name of its own ([ledger.OtherMark]).
//
// # What was delivered before
//
// A new message is compared with those that should be there and are not: it may be
// one of them under another UIDL or size. That takes the same header, in those
// fields, and the same attachments, as a mail that is sent a second time has its
// Message-ID and another Date or Received. A message that was delivered and deleted,
// and is there again under another UIDL with the same Received fields, was put back
// by somebody, and stays. A mailbox of which nearly all is new although it was
// delivered before stops the account ([UIDLsChangedError]).
//
// # Without a UIDL
//
// RFC 1939 section 7 makes UIDL optional, and some servers leave it out of a line, or
// give two, or one with NUL. Such a message is known by its digest, and thus only
// once it has been retrieved: at every poll. That will do where messages are deleted
// as soon as they are delivered. Elsewhere the message is left with a warning, and so
// are those that STAT counts and no list has.
//
// # Memory
//
// A listing costs a UIDL and 24 bytes a message. What is read of a header is bounded.
package identity
