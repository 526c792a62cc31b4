// Package notify tells people what needs them, once and in words, and a dead-man's switch that all
// is well.
//
// It looks at the cases of a [status.Snapshot] every ten seconds. So a notice and the page never
// disagree, and a notice never slows a poll.
//
// # When somebody is told
//
//   - Of a case that needs a person, at once.
//   - Of any other, when it has lasted as long as notify.after says: a server that is down, a login
//     that is refused, polls that come late.
//   - Again when a case that needs a person has grown, by accounts or by messages in quarantine, at
//     most once in notify.after.
//   - Again each time that notify.remind has passed.
//   - When it is over, if the begin was told.
//
// What comes due within a minute is one notice. A case has all accounts with the same cause, so a
// host that is down is one case however many accounts it has. When the polls of an account fail in
// another way than before, the trouble goes on under another name: it is not told as an end and a
// begin, unless it needs a person now. A case that begins again soon after its end is told again at
// the earliest notify.after behind its last begin.
//
// A receiver with accounts is told only of these: of a case it sees no other account, and no
// error of one. It is not told of what concerns no account, such as a full disk.
//
// # Guarantees
//
//   - Told once, also over restarts: what a receiver was told is in a file. If the file is lost, or
//     the answer of a receiver, a notice repeats.
//   - A receiver that is down is tried again, after 30 seconds, then longer, up to once an hour.
//     Each try says how things are then. A case that began and ended meanwhile is told as that.
//   - What ended while a receiver was down is kept for three days, at most 200 cases of it. What is
//     dropped is counted, and the receiver is told how many.
//   - After a start, nothing is over until its accounts were polled.
//   - No notice and no log has a secret.
package notify
