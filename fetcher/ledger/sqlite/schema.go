package sqlite

import "github.com/attachd/attachd/fetcher/ledger"

// applicationID marks the file as a ledger ("atcd"). The database of another program, named by
// mistake, is refused by it.
const applicationID = 0x61746364

// migrations leads from each schema version to the next: migrations[0] makes an
// empty file version 1. A version that was released is never edited.
func migrations() []string {
	return []string{schemaV1, schemaV2, schemaV3, schemaV4, schemaV5, schemaV6, schemaV7, schemaV8, schemaV9, schemaV10, schemaV11, schemaV12, schemaV13}
}

// The index on digests holds only their first 8 bytes. Digests are random, so every insert lands on
// another page: the smaller the index, the fewer pages a group writes.
const schemaV1 = `
CREATE TABLE account (
	id       INTEGER PRIMARY KEY,
	name     TEXT NOT NULL UNIQUE,
	messages INTEGER,
	octets   INTEGER
) STRICT;

CREATE TABLE message (
	id           INTEGER PRIMARY KEY,
	account      INTEGER NOT NULL REFERENCES account(id),
	uidl         BLOB NOT NULL,
	size         INTEGER NOT NULL,
	state        TEXT NOT NULL CHECK (state IN ('staged', 'delivered', 'delete_pending', 'deleted', 'failed', 'quarantined')),
	becomes      TEXT CHECK (becomes IN ('delivered', 'quarantined')),
	sha256       BLOB,
	message_id   TEXT,
	reason       TEXT,
	attempts     INTEGER NOT NULL DEFAULT 0,
	next_attempt INTEGER,
	first_seen   INTEGER NOT NULL,
	delivered    INTEGER,
	UNIQUE (account, uidl, size),
	CHECK ((state = 'staged') = (becomes IS NOT NULL))
) STRICT;

CREATE INDEX message_staged ON message (account) WHERE state = 'staged';

CREATE TABLE attachment (
	message       INTEGER NOT NULL REFERENCES message(id),
	n             INTEGER NOT NULL,
	account       INTEGER NOT NULL,
	staging       TEXT,
	path          TEXT NOT NULL,
	original_name TEXT,
	media_type    TEXT,
	size          INTEGER NOT NULL,
	sha256        BLOB NOT NULL,
	PRIMARY KEY (message, n)
) STRICT, WITHOUT ROWID;

CREATE INDEX attachment_digest ON attachment (account, substr(sha256, 1, 8));

CREATE TRIGGER message_deleted AFTER DELETE ON message BEGIN
	DELETE FROM attachment WHERE message = old.id;
END;

CREATE VIEW messages AS
SELECT a.name AS account, CAST(m.uidl AS TEXT) AS uidl, m.size, m.state, m.message_id, m.reason, m.attempts,
	datetime(m.first_seen / 1000, 'unixepoch') AS first_seen,
	datetime(m.delivered / 1000, 'unixepoch') AS delivered,
	datetime(m.next_attempt / 1000, 'unixepoch') AS next_attempt
FROM message AS m JOIN account AS a ON a.id = m.account;

CREATE VIEW files AS
SELECT a.name AS account, f.path, f.original_name, f.media_type, f.size, lower(hex(f.sha256)) AS sha256,
	m.state, m.message_id, CAST(m.uidl AS TEXT) AS uidl, datetime(m.delivered / 1000, 'unixepoch') AS delivered
FROM attachment AS f JOIN message AS m ON m.id = f.message JOIN account AS a ON a.id = m.account;
`

// A generation counts an account's groups. The account's folder knows it, too, so that an older
// copy of a ledger, or a new one, is not taken for the last one.
const schemaV2 = `
ALTER TABLE account ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
`

// A host is a server. An account's mailbox names the user and the host. The index has the messages
// that should still be on the server; missed counts the listings that lacked them.
const schemaV3 = `
CREATE TABLE host (
	name         TEXT PRIMARY KEY,
	unpipelined  INTEGER,
	without_capa INTEGER,
	exact        INTEGER
) STRICT, WITHOUT ROWID;

ALTER TABLE account ADD COLUMN mailbox TEXT;

ALTER TABLE message ADD COLUMN missed INTEGER NOT NULL DEFAULT 0;

CREATE INDEX message_kept ON message (account, missed) WHERE state IN ('delivered', 'delete_pending', 'quarantined');
`

// The index has the messages that could not be retrieved. Each poll asks for them.
const schemaV4 = `
CREATE INDEX message_failed ON message (account) WHERE state = 'failed';
`

// The least time between two logins that a server announces, in milliseconds.
const schemaV5 = `
ALTER TABLE host ADD COLUMN login_delay INTEGER;
`

// This version counts what was delivered of each message, so that a message without any file is not
// deleted:
//
//   - files is that count, NULL where somebody answers for the message.
//   - unread says that something of it could not be read right and no copy of it is kept beside the
//     one on the server.
//   - was is the state that a message returns to after its quarantine was retried.
//   - kept marks the files that lie in quarantine. A delivered message may have some, too.
//
// The files of earlier messages are counted by their records. A message without any may have been
// delivered under another UIDL or size: it stays on the server, too.
const schemaV6 = `
ALTER TABLE message ADD COLUMN files INTEGER DEFAULT 0;
ALTER TABLE message ADD COLUMN unread INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN was TEXT;
ALTER TABLE attachment ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;

UPDATE attachment SET kept = 1 WHERE message IN (SELECT id FROM message WHERE coalesce(becomes, state) = 'quarantined');
UPDATE message SET files = ` + countedFiles + `;

CREATE INDEX attachment_kept ON attachment (account) WHERE kept = 1;
CREATE INDEX message_quarantined ON message (account) WHERE state = 'quarantined';

DROP VIEW messages;
CREATE VIEW messages AS
SELECT a.name AS account, CAST(m.uidl AS TEXT) AS uidl, m.size, m.state, m.files, m.message_id, m.reason, m.attempts,
	datetime(m.first_seen / 1000, 'unixepoch') AS first_seen,
	datetime(m.delivered / 1000, 'unixepoch') AS delivered,
	datetime(m.next_attempt / 1000, 'unixepoch') AS next_attempt
FROM message AS m JOIN account AS a ON a.id = m.account;
`

// countedFiles counts the recorded files of a message, without those in quarantine and without
// sidecars. A sidecar stands before the file that it is named after.
const countedFiles = `(SELECT count(*) FROM attachment AS f WHERE f.message = message.id AND f.kept = 0
	AND NOT EXISTS (SELECT 1 FROM attachment AS g WHERE g.message = f.message AND g.n = f.n + 1 AND f.path = g.path || '` + ledger.SidecarExt + `'))`

// place is where an account's files went, folder what tells that folder from another one in its
// place.
const schemaV7 = `
ALTER TABLE account ADD COLUMN place TEXT;
ALTER TABLE account ADD COLUMN folder TEXT;
`

// token is that of an account's newest lease, polled the time of its last poll. The rest is a
// message's envelope, from its header: sender (From), recipients (To and Cc), subject, and its date
// with the zone's offset from UTC in seconds.
const schemaV8 = `
ALTER TABLE account ADD COLUMN token INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN polled INTEGER;
ALTER TABLE message ADD COLUMN sender TEXT;
ALTER TABLE message ADD COLUMN recipients TEXT;
ALTER TABLE message ADD COLUMN subject TEXT;
ALTER TABLE message ADD COLUMN dated INTEGER;
ALTER TABLE message ADD COLUMN zone INTEGER;

DROP VIEW messages;
CREATE VIEW messages AS
SELECT a.name AS account, CAST(m.uidl AS TEXT) AS uidl, m.size, m.state, m.files, m.sender, m.recipients, m.subject, datetime(m.dated / 1000, 'unixepoch') AS dated,
	m.message_id, m.reason, m.attempts,
	datetime(m.first_seen / 1000, 'unixepoch') AS first_seen,
	datetime(m.delivered / 1000, 'unixepoch') AS delivered,
	datetime(m.next_attempt / 1000, 'unixepoch') AS next_attempt
FROM message AS m JOIN account AS a ON a.id = m.account;
`

// start is the time before which an account's messages are not fetched: NULL as long as none was
// applied, and 0 where all is fetched. skipped marks the messages that were not fetched because of
// it. To the ledger they are delivered, without files and a time of delivery; the view says what
// they are.
const schemaV9 = `
ALTER TABLE account ADD COLUMN start INTEGER;
ALTER TABLE message ADD COLUMN skipped INTEGER NOT NULL DEFAULT 0;

CREATE INDEX message_skipped ON message (account) WHERE skipped = 1;

DROP VIEW messages;
CREATE VIEW messages AS
SELECT a.name AS account, CAST(m.uidl AS TEXT) AS uidl, m.size, CASE WHEN m.skipped = 1 THEN 'skipped' ELSE m.state END AS state, m.files,
	m.sender, m.recipients, m.subject, datetime(m.dated / 1000, 'unixepoch') AS dated,
	m.message_id, m.reason, m.attempts,
	datetime(m.first_seen / 1000, 'unixepoch') AS first_seen,
	datetime(m.delivered / 1000, 'unixepoch') AS delivered,
	datetime(m.next_attempt / 1000, 'unixepoch') AS next_attempt
FROM message AS m JOIN account AS a ON a.id = m.account;
`

// login_alone is the time until which nothing is sent to a server with the login.
const schemaV10 = `
ALTER TABLE host ADD COLUMN login_alone INTEGER;
`

// digest is that of an attachment, and kind the kind of it (1: SHA-256, 2: BLAKE3). Those of before
// are all SHA-256. An index of the kind and the size finds the records that a new attachment can
// only be compared with by a digest of their kind, and with the digest's beginning the ones that it
// is the same as.
const schemaV11 = `
DROP VIEW files;
DROP INDEX attachment_digest;

ALTER TABLE attachment RENAME COLUMN sha256 TO digest;
ALTER TABLE attachment ADD COLUMN kind INTEGER NOT NULL DEFAULT 1;

CREATE INDEX attachment_digest ON attachment (account, kind, size, substr(digest, 1, 8));
CREATE INDEX account_mailbox ON account (mailbox);

CREATE VIEW files AS
SELECT a.name AS account, f.path, f.original_name, f.media_type, f.size,
	CASE f.kind WHEN 1 THEN lower(hex(f.digest)) END AS sha256,
	CASE f.kind WHEN 2 THEN lower(hex(f.digest)) END AS blake3,
	m.state, m.message_id, CAST(m.uidl AS TEXT) AS uidl, datetime(m.delivered / 1000, 'unixepoch') AS delivered
FROM attachment AS f JOIN message AS m ON m.id = f.message JOIN account AS a ON a.id = m.account;
`

// together is what the greetings of a server have in common that takes commands with the login.
const schemaV12 = `
ALTER TABLE host ADD COLUMN together TEXT;
`

// too_large is how many messages an account's last visit left on the server for their size.
const schemaV13 = `
ALTER TABLE account ADD COLUMN too_large INTEGER NOT NULL DEFAULT 0;
`

// The schema versions with columns that an older file lacks, which [Inspect] opens, too.
const (
	generationSince  = 2
	filesSince       = 6
	destinationSince = 7
	leaseSince       = 8
	envelopeSince    = 8
	skippedSince     = 9
	kindSince        = 11
	tooLargeSince    = 13
)

// older reports whether the file is of a version before this one. Only a file that [Inspect] opened
// stays so.
func (l *Ledger) older(version int) bool { return l.writer == nil && l.version < version }
