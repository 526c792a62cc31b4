// Package mailbox is the door between a poll and the mail stores that it can
// visit. It declares what a poll needs of a store, [Mailbox], the ways in which
// stores differ, [Traits], and how their errors are told apart, [Refusal] and
// [Fault]. It speaks no protocol: POP3 is behind package session, and package
// mailboxtest holds a store in memory.
//
// # What a store owes
//
// A session sees the mailbox as it was when it began. Messages have numbers that
// hold for the session, and keys that hold for good as far as
// [Traits.StableKeys] says. What a store lists need not be true: sizes may be
// made up, keys may repeat, and one key may stand for another message than
// yesterday. To find that out is the business of package identity.
//
// A session has one user at a time. Its methods block; the context given when the
// session was opened ends it.
package mailbox
