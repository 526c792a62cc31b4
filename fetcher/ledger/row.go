package ledger

import "time"

// Row is the place of a message in a ledger's file, for who copies what was delivered.
type Row struct {
	// ID grows with each new message. It is used again only when the newest ones were forgotten, or
	// the file was replaced: FirstSeen tells.
	ID        int64
	FirstSeen time.Time
	// Delivered is when its files came under their names, or the message to quarantine; zero if
	// that is not so yet.
	Delivered time.Time
	// Open says that the message may come to further files: it is not delivered yet, or something
	// of it is in quarantine or unread.
	Open bool
}

// Filed is a message with the files that stand under their names: no sidecars, nothing that is in
// quarantine, and nothing that was left out.
type Filed struct {
	Row
	Account string
	Key
	Envelope
	Attachments []Attachment
}
