// Package overview is what attachd status and attachd log print: how things stand, what came in,
// what is in quarantine, and how the last polls of an account went.
//
// # Where it comes from
//
// A running attachd is asked at its control socket, as it alone knows what it does just now.
// Without one, the same is put together of the files that it left: the state and the history. What
// came in is read from the history in both cases, which takes no lock that a poll waits for.
//
// # Limits
//
// The text shows every account in trouble or at work, twenty others, and twenty files of a day. The
// JSON has all accounts and up to a thousand files of a day. All texts of senders and servers are
// escaped (package foreign), so that nothing steers the terminal. Nothing is cut: on a terminal
// long texts are broken between words.
package overview
