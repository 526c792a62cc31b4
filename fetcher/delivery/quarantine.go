package delivery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
)

// QuarantineFolder holds, below the account's folder, the messages that could
// not be taken apart. The dot keeps it from consumers of attachments.
const QuarantineFolder = ".quarantine"

const quarantineExt = ".eml"

// Quarantine is what an account has in quarantine, at the hands of one process: until
// Close nobody polls the account.
type Quarantine struct {
	delivery *Delivery
	release  func() error
}

// OpenQuarantine works on an account's quarantine, by way of d. It first completes
// what a crash left behind, as a poll does. Nothing of it asks the server. release
// is called by Close, and lets the account be polled again. On error d's sink is
// closed, and release is left to the caller.
func OpenQuarantine(ctx context.Context, d *Delivery, release func() error) (*Quarantine, error) {
	if err := d.Recover(ctx); err != nil {
		return nil, errors.Join(err, d.Sink.Close())
	}
	return &Quarantine{d, release}, nil
}

// Close lets the account be polled again.
func (q *Quarantine) Close() error { return errors.Join(q.delivery.Sink.Close(), q.release()) }

// Messages returns what is in quarantine, oldest first.
func (q *Quarantine) Messages(ctx context.Context) ([]*ledger.Message, error) {
	return q.delivery.Ledger.Quarantined(ctx, q.delivery.Account)
}

// OpenQuarantined opens the file that a message in quarantine is kept in, at its start. open opens a file
// of the account's folder by its path there.
//
// It fails unless the file is as it was fetched. One that a failing disk or a hand cut short would be
// delivered as if it were the message, which is then deleted on the server.
func OpenQuarantined(ctx context.Context, open func(ctx context.Context, path string) (io.ReadSeekCloser, error), m *ledger.Message) (io.ReadSeekCloser, error) {
	kept := m.Kept()
	if len(kept) == 0 {
		return nil, errors.New("the state knows of no file that it is kept in")
	}
	raw, err := open(ctx, kept[0].Path)
	if err != nil {
		return nil, err
	}
	if err := verify(raw, kept[0]); err != nil {
		raw.Close()
		return nil, err
	}
	return raw, nil
}

// verify fails unless a file has the bytes that were recorded, and leaves it at its start.
func verify(raw io.ReadSeeker, kept ledger.Attachment) error {
	sum := sha256.New()
	n, err := io.Copy(sum, raw)
	if err != nil {
		return err
	}
	if [32]byte(sum.Sum(nil)) != kept.SHA256 {
		return fmt.Errorf("%s is not what was fetched: it has %d bytes, and had %d", kept.Path, n, kept.Size)
	}
	_, err = raw.Seek(0, io.SeekStart)
	return err
}

// Drop removes the raw message. The ledger then has it as delivered: it is not fetched again,
// and deleted on the server as the account's policy says. One that was delivered stays as it is.
func (q *Quarantine) Drop(ctx context.Context, m *ledger.Message) error {
	// The files first: killed in between, the message is there to be dropped again.
	if err := q.remove(ctx, m); err != nil {
		return err
	}
	return q.delivery.Ledger.Dropped(ctx, q.delivery.Account, m.Key, q.delivery.Now())
}

// remove removes the files that a message is kept in.
func (q *Quarantine) remove(ctx context.Context, m *ledger.Message) error {
	var errs []error
	for _, f := range m.Kept() {
		errs = append(errs, q.delivery.Sink.RemoveFile(ctx, f.Path))
	}
	return errors.Join(errs...)
}

// QuarantineID is the name that a message in quarantine goes by: that of the files that it is
// kept in, without what stands behind the dot.
func QuarantineID(m *ledger.Message) string {
	kept := m.Kept()
	if len(kept) == 0 {
		return ""
	}
	return strings.TrimSuffix(path.Base(kept[0].Path), quarantineExt)
}

// StageQuarantined stages a message as it came, and beside it why it is kept.
func (d *Delivery) StageQuarantined(ctx context.Context, uidl, reason string, r io.Reader) ([]ledger.Attachment, error) {
	name := QuarantineName(uidl, d.Now())
	raw, err := d.Sink.StageRaw(ctx, r, QuarantineFolder, name+quarantineExt)
	if err != nil {
		return nil, err
	}
	why, err := d.Sink.StageRaw(ctx, strings.NewReader(QuarantineReason(d.Account, uidl, reason)), QuarantineFolder, name+".txt")
	if err != nil {
		d.Discard(ctx, []ledger.Attachment{raw})
		return nil, err
	}
	raw.Quarantine, why.Quarantine = true, true
	return []ledger.Attachment{raw, why}, nil
}

// QuarantineName names a message's files by when it came and by its UIDL, which
// may hold any byte and is therefore hashed.
func QuarantineName(uidl string, at time.Time) string {
	sum := sha256.Sum256([]byte(uidl))
	return at.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(sum[:8])
}

// QuarantineReason is what stands beside a message in quarantine.
func QuarantineReason(account, uidl, reason string) string {
	return fmt.Sprintf("account: %s\nUIDL: %q\nreason: %s\n", account, uidl, foreign.Lines(reason))
}
