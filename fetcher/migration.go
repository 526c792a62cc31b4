package fetcher

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/attachd/attachd/fetcher/pop3"
)

// A mailbox of which (nearly) all is new although much of it was delivered before
// looks like one whose UIDLs changed: moved to another server, restored, or rebuilt.
const (
	changedLeast  = 20  // messages that are new, and messages that were delivered
	changedShare  = 0.9 // of the listing that is new
	changedSample = 10  // messages that are looked at
	changedKnown  = 0.5 // of those, delivered before
	headerMost    = 1 << 20
)

// UIDLsChangedError says that the server gives messages that were delivered before
// other UIDLs than it did, so that all of them would be delivered a second time.
type UIDLsChangedError struct {
	Account     string
	New, Listed int // messages
	Known, Seen int // of so many that were looked at, were delivered before
}

// Error names the two ways on.
func (e *UIDLsChangedError) Error() string {
	return fmt.Sprintf("%d of %d messages have new UIDLs, but %d of %d looked at were delivered before: the mailbox was moved or rebuilt. "+
		"To take what is there now as delivered: attachd state rebuild %s. To deliver all of it again: uidl_change: fetch", e.New, e.Listed, e.Known, e.Seen, e.Account)
}

// guardUIDLs looks at a few of the new messages' headers when nearly all of a mailbox
// is new, and fails if they were delivered before. A message is known by its
// Message-ID (RFC 5322 section 3.6.4), which moves with it.
func (p *poll) guardUIDLs(ctx context.Context, l *listing, unseen []entry) error {
	if p.account.FetchChangedUIDLs || len(unseen) < changedLeast || float64(len(unseen)) < changedShare*float64(len(l.entries)) {
		return nil
	}
	delivered, _, err := p.ledger.Known(ctx, p.account.Name, nil)
	if err != nil || delivered < changedLeast {
		return err
	}
	var ids []string
	for i := range changedSample {
		e := unseen[i*len(unseen)/changedSample]
		id, err := p.messageID(e.number)
		if _, refused := errors.AsType[*pop3.Error](err); refused {
			return nil // TOP is optional (RFC 1939 section 7), and without it nobody can tell
		}
		if err != nil {
			return fmt.Errorf("read the header of message %d of %s: %w", e.number, p.account.Addr, err)
		}
		if id != "" {
			ids = append(ids, id)
		}
	}
	_, known, err := p.ledger.Known(ctx, p.account.Name, ids)
	if err != nil || len(ids) == 0 || float64(known) < changedKnown*float64(len(ids)) {
		return err
	}
	return &UIDLsChangedError{Account: p.account.Name, New: len(unseen), Listed: len(l.entries), Known: known, Seen: len(ids)}
}

// messageID asks for the header of a message and returns its Message-ID.
func (p *poll) messageID(number int) (string, error) {
	header, err := p.client.Top(number, 0)
	if err != nil {
		return "", err
	}
	id, err := readMessageID(header)
	if err != nil {
		return "", err
	}
	return id, header.Close()
}

// readMessageID returns the Message-ID of a header as the ledger has it, "" when there is none.
func readMessageID(header io.Reader) (string, error) {
	id, found := "", false
	r := bufio.NewReader(io.LimitReader(header, headerMost))
	for {
		line, err := r.ReadString('\n')
		name, value, isField := strings.Cut(line, ":")
		switch {
		case found && (strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")):
			id += strings.TrimSpace(line)
		case isField && strings.EqualFold(strings.TrimSpace(name), "Message-ID") && id == "":
			id, found = strings.TrimSpace(value), true
		default:
			found = false
		}
		if errors.Is(err, io.EOF) {
			return strings.Trim(id, "<> "), nil
		}
		if err != nil {
			return "", err
		}
	}
}
