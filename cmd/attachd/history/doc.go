// Package history keeps what happened, for people to look at: the polls of each account, the files
// that came and whom they came from, what was left out and why, and every trouble with its whole
// text. It is a SQLite file of its own beside the state.
//
// # What it is not
//
// The state holds what "nothing lost, nothing twice" needs, and the history nothing of that. It may
// be lost: a file that is damaged, or of a later version, is set aside and made anew, the files
// from the state. Nothing in it holds up a delivery: [History.Observe] never waits. One goroutine
// writes what it was given, in batches. When it falls behind, records of polls are dropped first,
// and counted.
//
// # Limits
//
// Polls are kept up to a number for each account, troubles, decisions and what was left out for
// some months, files for 400 days or two million of them. What is older goes in small steps.
//
// Texts are the sender's and the server's, as they came but cut and made valid UTF-8: whoever shows
// them has to escape them.
package history
