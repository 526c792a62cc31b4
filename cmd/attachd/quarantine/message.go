package quarantine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// Message is a message in quarantine, with the account that it belongs to.
type Message struct {
	Account config.Account
	// Record is what the state says of the message.
	Record *ledger.Message
	// Away, unless nil, says that the account's folder is gone, or that another one is in its
	// place. Nothing can then be said of the message's file.
	Away error
}

// Read returns what is in quarantine of these accounts, in their order and each oldest first. A
// state file that was never made holds nothing.
func Read(ctx context.Context, c *config.Config, accounts []config.Account) (all []Message, err error) {
	led, err := wiring.InspectState(ctx, c)
	if led == nil || err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, led.Close()) }()
	return read(ctx, led, accounts)
}

// read is Read for a state that is open.
func read(ctx context.Context, led *sqlite.Ledger, accounts []config.Account) (all []Message, err error) {
	for _, a := range accounts {
		records, err := led.Quarantined(ctx, a.Name)
		if err != nil {
			return nil, err
		}
		if len(records) == 0 {
			continue
		}
		away := wiring.CheckDestination(ctx, led, a)
		for _, r := range records {
			all = append(all, Message{a, r, away})
		}
	}
	return all, nil
}

// Find returns the messages of an account that the ids name, in the order of these. It fails if one
// of the ids names none.
func Find(ctx context.Context, c *config.Config, account config.Account, ids []string) (found []Message, err error) {
	all, err := Read(ctx, c, []config.Account{account})
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		n := len(found)
		for _, m := range all {
			if m.Matches(id) {
				found = append(found, m)
			}
		}
		if len(found) == n {
			return nil, fmt.Errorf("account %s has no message %q in quarantine: attachd quarantine list shows what there is", account.Name, id)
		}
	}
	return found, nil
}

// ID is what the message is called, as the name of its file begins.
func (m Message) ID() string { return delivery.QuarantineID(m.Record) }

// Matches reports whether id is the message's ID or UIDL.
func (m Message) Matches(id string) bool { return id == m.ID() || id == m.Record.UIDL }

// Path is where the message's file lies, "" if the state does not say.
func (m Message) Path() string {
	kept := m.Record.Kept()
	if len(kept) == 0 {
		return ""
	}
	return m.PlaceOf(kept[0])
}

// PlaceOf is where a file of the message lies, or one that came out of it.
func (m Message) PlaceOf(file ledger.Attachment) string {
	return wiring.Inspect(m.Account).PlaceOf(file.Path)
}

// IsMissing reports whether there is no file at [Message.Path].
func (m Message) IsMissing(ctx context.Context) bool {
	kept := m.Record.Kept()
	if len(kept) == 0 {
		return true
	}
	_, err := wiring.Inspect(m.Account).Stat(ctx, kept[0].Path)
	return errors.Is(err, fs.ErrNotExist)
}

// Open opens the message's file, and fails unless it is as it was fetched. No link leads away from
// the account's folder.
func (m Message) Open(ctx context.Context) (io.ReadSeekCloser, error) {
	return delivery.OpenQuarantined(ctx, wiring.Inspect(m.Account).OpenFile, m.Record)
}

// Verify returns nil if the message's file is there as it was fetched.
func (m Message) Verify(ctx context.Context) error {
	f, err := m.Open(ctx)
	if err != nil {
		return err
	}
	return f.Close()
}

// envelopeBytes is how much of a message is read for its sender and subject.
const envelopeBytes = 64 << 10

// Envelope reads who the message is from, and what about, of its file. It is empty if the file is
// gone, or can't be read by the user of this process.
func (m Message) Envelope(ctx context.Context) delivery.Envelope {
	kept := m.Record.Kept()
	if len(kept) == 0 {
		return delivery.Envelope{}
	}
	f, err := wiring.Inspect(m.Account).OpenFile(ctx, kept[0].Path)
	if err != nil {
		return delivery.Envelope{}
	}
	defer f.Close()
	header := make([]byte, envelopeBytes)
	n, _ := io.ReadFull(f, header) // what can't be read tells nothing
	return delivery.Show(wiring.ReadEnvelope(header[:n]))
}
