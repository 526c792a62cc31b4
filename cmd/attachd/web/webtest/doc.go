// Package webtest has what the page can show, for tests and benchmarks: a snapshot in which
// everything occurs, one with as many accounts as wanted, one whose every text is hostile, and a
// history in memory. All of it is the same in every run.
package webtest
