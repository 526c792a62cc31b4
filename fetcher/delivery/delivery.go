package delivery

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Policy is what an account wants of its deliveries.
type Policy struct {
	// SkipDuplicates records attachments whose bytes this account received
	// before, instead of writing them again.
	SkipDuplicates bool
	// Delete has messages removed from the server once they are delivered, AtOnce by
	// the poll that delivers them. Empty says also those of which no file was delivered.
	Delete, AtOnce, Empty bool
	// QuarantineAge is after how long a message in quarantine is removed, and
	// QuarantineBytes how much may be there; 0 for no limit.
	QuarantineAge   time.Duration
	QuarantineBytes int64
}

// Delivery takes what one visit to an account's mailbox stages to durable files. Fill
// in the exported fields. Its methods belong to one goroutine, and the commits
// between Start and Finish to another one, which writes Tally meanwhile.
type Delivery struct {
	Account string
	Policy  Policy
	Ledger  Ledger
	Sink    Sink
	Log     zerolog.Logger
	Now     func() time.Time
	// Committed, unless nil, is called for each message that was delivered, and File
	// for each attachment.
	Committed func(m *ledger.Message)
	File      func(m *ledger.Message, a ledger.Attachment)

	Tally     Tally
	quota     quota
	committer committer
}
