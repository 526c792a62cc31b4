// Package fetcher polls mailboxes and decides when each account is polled. Its subpackages carry
// every new message through to durable files. Nothing is lost and nothing is delivered twice.
//
// # Subpackages
//
//   - [github.com/attachd/attachd/fetcher/poll]: one visit to one mailbox, from connect to QUIT. It
//     decides what is deleted by DELE.
//   - [github.com/attachd/attachd/fetcher/mailbox]: the interface that a visit needs of any mail
//     store.
//   - [github.com/attachd/attachd/fetcher/session]: dial, verify TLS, log in.
//   - [github.com/attachd/attachd/fetcher/identity]: which message is which.
//   - [github.com/attachd/attachd/fetcher/delivery]: how staged messages become durable files, and
//     the quarantine.
//   - [github.com/attachd/attachd/fetcher/ledger]: the records that outlive a process. Its package
//     sqlite keeps them.
//   - [github.com/attachd/attachd/fetcher/event]: the events that polls send while they run.
//
// # When an account is polled
//
// Each account has a loop: it sleeps for the account's interval and then polls. These things change
// the time of the next poll:
//
//   - A failure makes the wait longer, by the kind of error. The account is tried for ever.
//   - A server that announces LOGIN-DELAY (RFC 2449 section 6.5) is never polled sooner, also not
//     after a restart.
//   - [Supervisor.PollNow] wakes the loop.
//
// A poll waits for a slot to its host ([Supervisor].MaxPerHost) and then for one of the slots of
// all polls ([Supervisor].MaxConcurrent). While its server keeps silent it gives up the second one,
// so a server that hangs does not delay other accounts.
//
// # Who owns what
//
//   - [Supervisor.Run] owns the set of accounts and starts one goroutine per account. It looks
//     every 2 seconds whether all of these are on time, see [Supervisor.Beat].
//   - The account's goroutine sleeps, reads from the server and stages messages.
//   - A second goroutine per poll commits groups of messages, so that the network is busy while the
//     disk works. It ends with the poll.
//
// Nothing else touches a poll's state. All goroutines use the ledger at once. A lease per account
// keeps a second process from polling the same account.
//
// # Stopping
//
// When the context of Run ends, Run closes the connections, commits what is staged and returns.
// When an account is replaced or removed, its poll ends first.
package fetcher
