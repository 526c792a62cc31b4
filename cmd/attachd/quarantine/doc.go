// Package quarantine reads and works on the messages in quarantine, for people who look after them.
//
// A message goes to quarantine when it can't be taken apart, because it breaks the limits or its
// files can't be stored, and when something of it could not be read right while the server's copy
// is to be deleted. Its bytes are kept as they came in the hidden folder of its account, and the
// state says why.
//
// [Read] and [Find] only look, ask no lock and may be used while attachd runs. [Each] takes an
// account for the time of its work: an account that another process polls at that moment is
// refused. A [Desk] does the same within a running attachd, and waits for its polls. [Advise] says
// in words what a reason means, and what to do.
package quarantine
