package history

// applicationID marks the file as a history ("atch").
const applicationID = 0x61746368

// schemaVersion is what this program writes. A file of another version is set aside: there is
// nothing in it that can't be done without.
const schemaVersion = 2

// schema makes the tables. Times are milliseconds since 1970, UTC, unless said otherwise.
//
// The ids of items are close to each other and grow: the text index holds them as differences, so
// that it takes a quarter of what it would with ids that hold the time. Live items begin at
// firstLive, and there is room below for the files that the state knows from before.
//
//   - account.files and bytes are the sums of its items.
//   - message.size is what the server's listing said, 0 where it is not known.
//   - item.mark is a checksum of the path, which finds one file among thousands of a message.
//   - item.digest_kind is 1 for SHA-256, which is kept where it is known, and 2 for BLAKE3.
//   - item.original is NULL where it is the name.
//   - quarter.at and day.day are the beginning of a quarter of an hour, in seconds, and a date as
//     yyyymmdd. Every zone in use begins its hours at a quarter.
//   - waiting holds the rows of the state's messages that may still come to files.
//   - setting holds what is to be known after a restart.
const schema = `
CREATE TABLE account (
	id    INTEGER PRIMARY KEY,
	name  TEXT NOT NULL UNIQUE,
	files INTEGER NOT NULL DEFAULT 0,
	bytes INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE message (
	id      INTEGER PRIMARY KEY,
	account INTEGER NOT NULL,
	uidl    BLOB NOT NULL,
	size    INTEGER NOT NULL,
	UNIQUE (account, uidl, size)
) STRICT;

CREATE TABLE item (
	id          INTEGER PRIMARY KEY,
	at          INTEGER NOT NULL,
	account     INTEGER NOT NULL,
	message     INTEGER NOT NULL,
	mark        INTEGER NOT NULL,
	name        TEXT NOT NULL,
	sender      TEXT NOT NULL,
	sender_name TEXT NOT NULL,
	subject     TEXT NOT NULL,
	kind        INTEGER NOT NULL,
	media_type  TEXT NOT NULL,
	original    TEXT,
	size        INTEGER NOT NULL,
	path        TEXT NOT NULL,
	digest      BLOB NOT NULL,
	digest_kind INTEGER NOT NULL,
	repairs     TEXT
) STRICT;
CREATE INDEX item_account ON item (account, id);
CREATE INDEX item_kind ON item (kind, id);
CREATE INDEX item_at ON item (at);
CREATE INDEX item_message ON item (message, mark);

CREATE TABLE poll (
	account  INTEGER NOT NULL,
	at       INTEGER NOT NULL,
	took     INTEGER NOT NULL,
	messages INTEGER NOT NULL,
	files    INTEGER NOT NULL,
	bytes    INTEGER NOT NULL,
	trouble  INTEGER NOT NULL,
	PRIMARY KEY (account, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE trouble (
	id      INTEGER PRIMARY KEY,
	account INTEGER NOT NULL,
	host    TEXT NOT NULL,
	step    TEXT NOT NULL,
	class   TEXT NOT NULL,
	text    TEXT NOT NULL,
	first   INTEGER NOT NULL,
	last    INTEGER NOT NULL,
	times   INTEGER NOT NULL,
	over    INTEGER
) STRICT;
CREATE INDEX trouble_account ON trouble (account, last);
CREATE INDEX trouble_last ON trouble (last);
CREATE INDEX trouble_open ON trouble (account) WHERE over IS NULL;

CREATE TABLE quarter (at INTEGER PRIMARY KEY, files INTEGER NOT NULL, bytes INTEGER NOT NULL, failed INTEGER NOT NULL) STRICT;
CREATE TABLE day (day INTEGER PRIMARY KEY, files INTEGER NOT NULL, bytes INTEGER NOT NULL, failed INTEGER NOT NULL) STRICT;

CREATE TABLE reason (
	id    INTEGER PRIMARY KEY,
	why   TEXT NOT NULL,
	setting TEXT NOT NULL,
	place TEXT NOT NULL,
	UNIQUE (why, setting, place)
) STRICT;

CREATE TABLE left_out (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	at      INTEGER NOT NULL,
	account INTEGER NOT NULL,
	message INTEGER NOT NULL,
	name    TEXT NOT NULL,
	size    INTEGER NOT NULL,
	reason  INTEGER NOT NULL,
	more    INTEGER NOT NULL
) STRICT;
-- The last column makes it answer a count by itself: an account may have 50,000 in a month.
CREATE INDEX left_out_account ON left_out (account, reason, at, more);
CREATE INDEX left_out_message ON left_out (message);
CREATE INDEX left_out_reason ON left_out (reason);

CREATE TABLE decision (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	at      INTEGER NOT NULL,
	account TEXT NOT NULL,
	what    TEXT NOT NULL,
	uidl    BLOB NOT NULL,
	subject TEXT NOT NULL,
	reason  TEXT NOT NULL,
	who     TEXT NOT NULL,
	outcome TEXT NOT NULL
) STRICT;

CREATE TABLE session (hash BLOB PRIMARY KEY, token BLOB NOT NULL, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE waiting (id INTEGER PRIMARY KEY) STRICT;
CREATE TABLE setting (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`

// textSchema makes the text index. It holds folded texts ([fold]) as trigrams, each with its column
// but without its place in there: that makes two thirds of the size, and what it finds is looked at
// again in any case.
const textSchema = `
CREATE VIRTUAL TABLE item_text USING fts5(name, sender, subject, content='', tokenize='trigram case_sensitive 1', columnsize=0, detail=column);
`

// firstLive is the ID of the first item that comes while a new file is there.
const firstLive = 1 << 31

// The rows of table setting.
const (
	// keyDisorder: how far at most an item's time is behind that of an item with a smaller ID.
	keyDisorder = "disorder"
	// keyBegan: when the file was made.
	keyBegan = "began"
	// keyRefilled: the state's files from before are all there.
	keyRefilled = "refilled"
	// keyLow: the ID of the next item from before.
	keyLow = "low"
	// keySeen and keySeenMark: the row of the newest message that was taken from the state, and a
	// checksum of it.
	keySeen, keySeenMark = "seen", "seen_mark"
	// keyRan: when the state was last asked.
	keyRan = "ran"
	// keyPruned and keyPrunedID: the time and the ID of the newest item that was removed for its age.
	keyPruned, keyPrunedID = "pruned", "pruned_id"
	// keyText: the text index is whole. keyTextFrom: it has the items from this ID on.
	keyText, keyTextFrom = "text", "text_from"
)
