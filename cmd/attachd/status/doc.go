// Package status answers "is everything fine, what needs me?": it takes the events of the polls and
// makes one [Snapshot] of them. The page, attachd status, notices, metrics and systemd's status
// line all show this snapshot, so they never disagree.
//
// # Two kinds of trouble
//
// A [Case] either needs somebody, or attachd handles it by itself, and the two are never mixed.
// Failures with the same cause, by host, step and class, are one case however many accounts have
// them. What attachd handles becomes what needs somebody when an account has gone without success
// for too long.
//
// A few things need somebody sooner: a disk that is full for an hour, and an account that has
// failed for an hour and never worked.
//
// # Limits
//
// A snapshot of 10,000 accounts takes some milliseconds and is made once a second at most, when
// something changed or somebody asks. Events wait for no reader, and for a snapshot only while it
// copies. What is known is in memory: [Board.Restore] takes it over from the history after a
// restart.
//
// # Goroutines
//
// A [Board] may be used from many goroutines. A snapshot is never changed.
package status
