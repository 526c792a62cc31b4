// Package trouble sorts what goes wrong: each failure has a class, and each class says in plain
// words what it means, what to do, and who is to do it. The page, attachd status, notices, metrics
// and systemd's status line take their words from its table.
//
// [Of] sorts an error by its type, by the response code of a server (RFC 2449 section 8, RFC 3206),
// and last by a server's words. In doubt the class is [Other]: nothing is guessed that would send a
// person the wrong way. A test holds the table complete: each exported error of the packages that a
// poll is made of has a class.
package trouble
