// Package delivery makes staged messages durable files, and keeps the promise that
// nothing is lost and nothing delivered twice, whatever dies when.
//
// # The five steps
//
// Staged messages gather in groups. When a group is full by count, by size or by
// age, these steps follow, in this order:
//
//  1. the staging files and their folder are fsynced ([Sink.Sync]);
//  2. the ledger records in one transaction what is staged under which names;
//  3. the files are renamed into place without overwriting;
//  4. the folders are fsynced ([Sink.Publish] does both);
//  5. the ledger marks the group delivered.
//
// A crash at any point leaves one of two states behind. A staging file that the
// ledger does not know is removed, and its message retrieved again. A staging file
// that the ledger knows is renamed if it is still there, and counts as delivered if
// it is gone. [Delivery.Recover] does that, before anything new is staged.
//
// With step 4 the ledger's generation is left in the folder as a mark. A ledger that
// is behind the mark is an old copy, or a new one in place of one that was lost, and
// is not worked with ([StaleError]): it would have everything since delivered again.
//
// # Where files go
//
// Before the first group that an account delivers, the ledger records its folder's
// place and ID. A poll ends before it asks the server if the folder at that place
// has another ID, or none ([DestinationError]): a disk is not mounted. Consumers
// take files and leave the hidden ID. Another place, which only the operator can
// name, is accepted with a warning.
//
// # Quarantine
//
// A message that could not be handled is kept as it came, with the reason beside it,
// below [QuarantineFolder]. A message of which something could not be read right is
// delivered, and the sink may put a copy of it there with the same group
// ([Staged].RawKept). Without a copy it is not deleted. A message that is a piece of
// another one (message/partial, RFC 2046 section 5.2.2) waits below [PartialFolder]
// until the others come: the whole is delivered then, and with it all of them. After
// 30 days it is kept like the others. [Quarantine] delivers messages later by the
// same five steps.
package delivery
