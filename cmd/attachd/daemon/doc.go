// Package daemon is attachd as it runs for years: the polls of package app, and beside them all
// that shows them and lets people act. [Run] runs it.
//
// # What runs beside the polls
//
//   - The history, which keeps what happened (package history).
//   - The board, which says how things stand (package status).
//   - The page, where the configuration wants one (package web), and its answers at the socket
//     beside the state for attachd's own commands (package control).
//   - Metrics, notices, pings, and systemd's status and watchdog.
//   - The desk, which works on the quarantine (package quarantine).
//
// None of them holds up or fails a delivery. What can't be opened, such as an address that is
// taken, is logged, told of as a trouble, and tried again, while attachd polls without it.
//
// # Order
//
// All of it is there before the first poll, and until the last poll has ended. A new configuration
// is handed on when the accounts follow it; the page is opened anew only if its part changed.
package daemon
