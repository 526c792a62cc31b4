// Package history keeps what happened, for people to look at: the polls of each account, the files
// that came and whom they came from, what was left out and why, and every trouble with its whole
// text. It is a SQLite file of its own beside the state.
//
// # What it is not
//
// The state holds what "nothing lost, nothing twice" needs, and the history nothing of that. It may
// be lost: a file that is damaged, of another program, or of another version is set aside (two such
// files stay, as FILE.aside-1 and -2) and made anew, its files from the state. Nothing in it holds
// up a delivery: [History.Observe] never waits. One goroutine writes what it was given, in batches
// of 500 or every two seconds, without an fsync for each. When it falls behind, the oldest records
// of polls are dropped first, and counted.
//
// A power cut may take the last seconds of polls and troubles with it. Files come back: at the
// start, and every ten minutes, the history asks the state what it lacks. So files are there that a
// command delivered, or that came while the history could not be written. Each is there once; one
// from the state lacks only what was mended in it.
//
// # What is kept
//
//   - Files for 400 days, two million of them at most; both can be set.
//   - The last 100 polls of each account.
//   - Troubles that are over for 90 days, 200 of each account; decisions for 90 days.
//   - What was left out for 30 days. What stays on the server is there once.
//   - What came by quarters of an hour for 40 days, and by days for ever. A day is one of the zone
//     that was set when it came.
//
// What is older goes in steps of a few milliseconds. Free pages are given back in the same way
// (auto_vacuum=incremental).
//
// # Limits
//
// A million files take about 400 MB, and the index of texts another 250 MB. Texts are the sender's
// and the server's: made valid UTF-8 without NUL, and cut to 255 bytes for names, 1 KB for other
// texts, and 16 KB for errors. Whoever shows them has to escape them. Paths and UIDLs are kept byte
// for byte.
//
// # Looking inside
//
// Times are milliseconds since 1970, UTC; see schema.go for the tables:
//
//	sqlite3 -readonly state.db.history "SELECT id, name, sender FROM item ORDER BY id DESC"
//	sqlite3 -readonly state.db.history "SELECT text, times FROM trouble WHERE over IS NULL"
package history
