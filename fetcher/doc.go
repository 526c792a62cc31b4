// Package fetcher decides which account is polled when. It polls mailboxes for new
// messages, sees each one through to durable files, and keeps the promise that nothing
// is lost and nothing delivered twice.
//
// # The rooms
//
//   - [github.com/attachd/attachd/fetcher/poll]: one visit to one mailbox, from connect
//     to QUIT. DELE is sent there.
//   - [github.com/attachd/attachd/fetcher/mailbox]: the door, what a visit needs of any
//     mail store.
//   - [github.com/attachd/attachd/fetcher/session]: dial, verify TLS, log in.
//   - [github.com/attachd/attachd/fetcher/identity]: which message is which.
//   - [github.com/attachd/attachd/fetcher/delivery]: how staged messages become durable
//     files, and the quarantine.
//   - [github.com/attachd/attachd/fetcher/ledger]: the records that outlive a process,
//     and ledger/sqlite, which keeps them.
//   - [github.com/attachd/attachd/fetcher/event]: what polls say of themselves.
//
// # When
//
// Each account has a loop, which sleeps for its interval and then polls. A failure
// makes the wait longer, by what kind it is ([AccountError] tells the log); the account
// goes on for ever. A server that announces LOGIN-DELAY is not visited sooner, also
// after a restart. [Supervisor.PollNow] wakes a loop.
//
// A poll waits its turn for a slot to its host and for one of all
// ([Supervisor].MaxConcurrent). It gives the latter up while its server keeps silent, so
// that a server that hangs delays nobody.
//
// # Who owns what
//
// [Supervisor.Run] owns the set of accounts and starts one goroutine per account, which
// sleeps and polls. Within a poll, the account's goroutine reads from the server and
// stages. A second goroutine, which ends with the poll, commits groups of messages, so
// that the line is not idle while the disk works. Nothing else touches the poll's state;
// the ledger is used by all of them at once. A lock per account keeps a second process
// from polling the same account at the same time.
//
// # Stopping
//
// Cancelling the context of Run closes the connections, commits what is staged and
// returns. Replacing or removing an account lets its poll end first.
package fetcher
