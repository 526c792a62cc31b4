// Package delivery turns staged messages into durable files. It keeps the promise that nothing is
// lost and nothing is delivered twice, at whatever moment the process, the disk or the power fails.
//
// # The five steps
//
// Staged messages gather in groups. A group is full when it has 256 messages, 32 MiB or 1000 files,
// or is a second old. These steps then follow, in this order:
//
//  1. the staging files and their folder are fsynced ([Sink.Sync]);
//  2. the ledger records in one transaction what is staged under which names;
//  3. the files are renamed into place without overwriting;
//  4. the folders are fsynced ([Sink.Publish] does both);
//  5. the ledger marks the group delivered.
//
// The last step waits for no fsync: a power cut that takes it away leaves what a crash before it
// leaves. What is recorded before a DELE comes behind it in the ledger, and is durable with it.
//
// A crash leaves staging files behind. [Delivery.Recover] handles them before anything new is
// staged:
//
//   - one that the ledger does not know is removed, and its message is retrieved again;
//   - one that the ledger knows is renamed into place;
//   - one that the ledger knows and that is gone counts as delivered.
//
// The ledger counts the groups of an account: its generation. Between steps 4 and 5 the folder gets
// this number as a mark. A ledger behind the mark is an old copy, or a new one instead of a lost
// one. It would deliver again what came since, so it is refused ([StaleError]).
//
// # Where files go
//
// The ledger records the place and the ID of an account's folder before the first group. A poll
// ends before it dials if the folder at that place has another ID, or none ([DestinationError]):
// its disk is not mounted. Consumers take files and leave the hidden ID. Another place is accepted
// with a warning: only the operator can name one.
//
// # Quarantine
//
// These messages are kept as they came:
//
//   - A message that could not be handled goes below [QuarantineFolder], with the reason beside it.
//   - A message with a part that could not be read right is delivered, and the sink may keep a copy
//     in quarantine ([Staged].RawKept). Without a copy it is not deleted on the server.
//   - A piece of a larger message (message/partial, RFC 2046 section 5.2.2) waits below
//     [PartialFolder]. When the last piece comes, the whole message is delivered. A piece that has
//     waited for 30 days goes to quarantine.
//
// [Quarantine] delivers such messages later, by the same five steps.
package delivery
