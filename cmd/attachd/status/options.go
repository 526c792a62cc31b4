package status

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Options say what a [Board] watches besides the events. All of it may be left out.
type Options struct {
	// Path is the configuration's file, Version that of attachd.
	Path, Version string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	Log zerolog.Logger
	// Counts returns how many messages of each account are in quarantine.
	Counts func(ctx context.Context) (map[string]int, error)
	// Held returns what is in quarantine of an account, the oldest first. It is asked for the first
	// few accounts alone, when their counts have changed. [HeldOf] makes it of the state's records.
	Held func(ctx context.Context, account string) ([]Held, error)
	// Free returns how much the file system of a path has room for; nil asks the system.
	Free func(path string) (Room, error)
	// Size returns the size of a file of attachd's; nil asks the system.
	Size func(path string) (int64, error)
	// Beat returns when the scheduler last found every loop on time, zero before it began.
	Beat func() time.Time
	// History returns how the history's file is.
	History func() File
}

// Held is a message in quarantine. Its texts are a sender's.
type Held struct {
	From, Subject string
	Size          int64 // -1 if it is not known
	Reason        string
	At            time.Time
}

// Past is what is known from before this process began.
type Past struct {
	// Polls are the last ones of each account, in any order: see history.History.LastPolls.
	Polls map[string][]history.Poll
	// Open are the troubles that had not ended: see history.History.OpenTroubles.
	Open []history.Trouble
	// Polled is when accounts were polled last, and Mail when a message of theirs was recorded
	// last, by the state.
	Polled, Mail map[string]time.Time
	// TooLarge is how many messages of each account stay on the server for their size, by the state.
	TooLarge map[string]int
}

// HeldOf is what the state says of messages in quarantine.
func HeldOf(messages []*ledger.Message) []Held {
	all := make([]Held, 0, len(messages))
	for _, m := range messages {
		all = append(all, Held{From: m.From, Subject: m.Subject, Size: m.Size, Reason: m.Reason, At: m.Delivered})
	}
	return all
}
