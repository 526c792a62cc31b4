// Package preview says what would become of messages, and does none of it: [Message] of one message
// at hand, [DryRun] of what waits on the servers. Both take a message apart as a poll does, by the
// same rules, and write no file.
//
// A preview promises no more than it can see. A poll compares some messages with what was delivered
// before; DryRun says of how many that may hold, and gives the numbers of files and deletions as
// upper limits then.
package preview
