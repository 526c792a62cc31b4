package delivery

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Policy says how an account's messages are delivered.
type Policy struct {
	// SkipDuplicates records attachments with bytes that the account received before, and does not
	// write them again.
	SkipDuplicates bool
	// Delete says that messages are deleted on the server after their delivery.
	Delete bool
	// AtOnce says that the poll that delivers a message deletes it.
	AtOnce bool
	// Empty says that messages without a delivered file are deleted too.
	Empty bool
	// QuarantineAge is how long a message may be in quarantine before it is removed, 0 for ever.
	QuarantineAge time.Duration
	// QuarantineBytes is how many bytes the account's quarantine may take, 0 for no limit.
	QuarantineBytes int64
}

// Delivery turns the messages of one visit to an account's mailbox into durable files. Fill in the
// exported fields. One goroutine calls its methods. Between Start and Finish a second one commits
// and writes Tally.
type Delivery struct {
	// Account is the account's name in the ledger.
	Account string
	Policy  Policy
	// Ledger holds the account's records, for the process that has its lease.
	Ledger Ledger
	// Sink is where the files go. The caller closes it.
	Sink Sink
	Log  zerolog.Logger
	// Now returns the time that goes into records and names.
	Now func() time.Time
	// Committed, unless nil, is called for each message that was delivered.
	Committed func(m *ledger.Message)
	// File, unless nil, is called for each attachment that was delivered. Sidecars are none.
	File func(m *ledger.Message, a ledger.Attachment)
	// LeftOut, unless nil, is called for each thing of a committed message that came to no file.
	// stays says that it comes once the reason goes.
	LeftOut func(m *ledger.Message, l ledger.LeftOut, stays bool)
	// Kept, unless nil, is called for each message that went to quarantine.
	Kept func(m *ledger.Message)

	// Tally counts what was delivered. Read it after Finish.
	Tally     Tally
	quota     quota
	others    otherKinds
	committer committer
}
