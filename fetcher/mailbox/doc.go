// Package mailbox declares the interface between a poll and the mail stores that it can visit:
//
//   - [Mailbox] is what a poll needs of a store;
//   - [Traits] are the ways in which stores differ;
//   - [Refusal] and [Fault] tell the errors of stores apart.
//
// It speaks no protocol. Package session implements it for POP3.
//
// # What a store owes
//
// A session sees the mailbox as it was when the session began. Message numbers are valid in that
// session. Keys stay valid as far as [Traits.StableKeys] says.
//
// A store's lists need not be true. These things happen, and package identity finds them out:
//
//   - sizes are made up;
//   - keys repeat;
//   - a key stands for another message than yesterday.
//
// A session has one user at a time. Its methods block until the store answers or the context ends
// with which the session was opened.
package mailbox
