// Package session opens a session with an account's mail store: it gets the
// secret, dials, through a proxy if there is one, verifies TLS, logs in and
// returns the store as a [mailbox.Mailbox]. It is the one room that knows which
// protocol a store speaks; so far that is POP3.
//
// # What it guarantees
//
// Nothing of a login is sent over a line that is not verified TLS, unless the
// account says so. One mechanism is tried, chosen before anything is sent: a
// second one after a refusal would hand the password to whoever forged the first
// answer, and doubles the failed logins that lock accounts. Secrets are in no
// error and no log. An error about TLS says what the server sent and what can be
// done.
package session
