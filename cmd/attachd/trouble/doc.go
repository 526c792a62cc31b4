// Package trouble sorts what goes wrong: each failure has a class, and each class says in plain
// words what it means, what to do, and who is to do it. The page, attachd status, notices, metrics
// and systemd's status line take their words from its table.
package trouble
