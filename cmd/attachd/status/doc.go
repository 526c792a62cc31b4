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
// # Goroutines
//
// A [Board] may be used from many goroutines. A snapshot is never changed.
package status
