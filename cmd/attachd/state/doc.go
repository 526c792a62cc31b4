// Package state looks into the state file and mends it, for people who look after an installation.
//
//   - [Check] says what the state holds and what in it is not sound. It changes nothing.
//   - [OpenRebuild] makes a damaged or lost state anew from what the servers list. No other process
//     may have the state open meanwhile.
//   - [Forget] has messages fetched again. It works beside a running attachd.
//   - [Owner] is the user that the state belongs to.
//
// Nothing here prints: the functions return what they found.
package state
