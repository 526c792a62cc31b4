// Package systemd tells systemd how attachd is, by the protocol of sd_notify(3): that it is ready,
// what it does in words, that it reloads or stops, and by the watchdog that it still moves.
//
//	n := systemd.New(os.Getenv, log)
//	n.Ready()                         // the configuration is loaded, the state open, polls run
//	go n.Run(ctx, supervisor.Beat)    // feeds the watchdog
//	n.Status(systemd.Words(snapshot)) // systemctl status shows it
//	n.Reloading(); ...; n.Ready()
//	n.Stopping()
//
// Without systemd, [New] returns nil, and the methods of a nil [Notifier] do nothing.
//
// The watchdog is fed with the scheduler's beat alone, never by a clock of its own: a daemon that
// answers but polls nobody is restarted, too.
//
// A message that can't be sent is logged. None holds attachd up for more than a second.
//
// The protocol is some lines of text in one datagram, so this is code of our own. A library for it
// has a connection without a deadline.
package systemd
