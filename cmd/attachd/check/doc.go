// Package check finds what would go wrong, before it does: [Folders] that the daemon could not
// write to, accounts that would not be [Polled], and logins that fail, [Online]. Nothing here
// changes a folder, the state or a mailbox.
//
// A fault of the configuration itself is found by config.Load.
package check
