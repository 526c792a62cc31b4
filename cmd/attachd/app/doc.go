// Package app is the program attachd as a part that other programs and tests can embed: it opens
// the state, wires the fetcher to the folders, polls the accounts and follows the configuration.
//
//	a, err := app.Open(ctx, app.Options{Config: c, Path: path, Log: log})
//	...
//	defer a.Close()
//	a.Run(ctx) // or a.RunOnce(ctx)
//
// # Start
//
// [Open] takes the state file, shared with commands that look into it, and refuses one that is
// being replaced or can't be read. Nothing is asked of a server before [App.Run] or [App.RunOnce].
// With Options.Once, the connections are made before, and nothing is sent on them.
//
// # Reload
//
// [App.Run] watches the file of the configuration and what that includes. A change, or a call of
// [App.Reload], has it loaded again. A configuration with a fault changes nothing. Of a valid one,
// only accounts that changed start anew, each after the poll that it is in. The state file, the
// limits of concurrent polls and the log are those of the start.
//
// # Stop
//
// Run returns after its context has ended and every poll has delivered what it had staged, which
// takes the fetcher ten seconds at most. [App.Close] then closes the state.
//
// # Goroutines
//
// Run itself owns the current configuration and reloads it. Beside it there are the one that
// watches the files, which only says that something changed, and the fetcher's, which has one for
// each account. Reload may be called from any goroutine, the other methods from one at a time.
package app
