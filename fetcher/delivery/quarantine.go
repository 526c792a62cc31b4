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

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
)

// QuarantineFolder is the folder below the account's for messages in quarantine. The dot hides it
// from the consumers of attachments.
const QuarantineFolder = ".quarantine"

// quarantineExt ends the name of a message's file in quarantine.
const quarantineExt = ".eml"

// Quarantine gives one process access to an account's messages in quarantine. Nobody polls the
// account until Close.
type Quarantine struct {
	delivery *Delivery
	release  func() error
}

// OpenQuarantine opens the quarantine of d's account and takes d over. It first completes what a
// crash left behind, as a poll does, and does not ask the server. Close calls release, which lets
// the account be polled again. On an error d's sink is closed, and the caller must call release.
func OpenQuarantine(ctx context.Context, d *Delivery, release func() error) (*Quarantine, error) {
	if err := d.Recover(ctx); err != nil {
		return nil, errors.Join(err, d.Sink.Close())
	}
	return &Quarantine{d, release}, nil
}

// Close closes the sink and lets the account be polled again.
func (q *Quarantine) Close() error { return errors.Join(q.delivery.Sink.Close(), q.release()) }

// Messages returns the messages in quarantine, oldest first. A message with the state
// [ledger.Delivered] has a copy there.
func (q *Quarantine) Messages(ctx context.Context) ([]*ledger.Message, error) {
	return q.delivery.Ledger.Quarantined(ctx, q.delivery.Account)
}

// OpenQuarantined opens the file of a message in quarantine, at its start. open opens a file by its
// path in the account's folder. The caller closes the result.
//
// It fails unless the file has the bytes that were fetched. A file that a failing disk or a person
// has cut short would otherwise be delivered, and the whole message deleted on the server.
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

// verify fails unless a file has the bytes that were recorded. It leaves the file at its start.
func verify(raw io.ReadSeeker, kept ledger.Attachment) error {
	was := kept.Digests.First()
	is, n, err := digest.Read(was.Kind, raw)
	if err != nil {
		return err
	}
	if is != was {
		return fmt.Errorf("%s is not what was fetched: it has %d bytes, and had %d", kept.Path, n, kept.Size)
	}
	_, err = raw.Seek(0, io.SeekStart)
	return err
}

// Drop removes a message's files from quarantine. The ledger then records the message as delivered:
// it is not fetched again, and is deleted on the server by the account's policy. The files that
// were delivered of it stay.
func (q *Quarantine) Drop(ctx context.Context, m *ledger.Message) error {
	// The files go first. After a crash in between, the message can be dropped again.
	if err := q.remove(ctx, m); err != nil {
		return err
	}
	return q.delivery.Ledger.Dropped(ctx, q.delivery.Account, m.Key, q.delivery.Now())
}

// remove removes a message's files in quarantine.
func (q *Quarantine) remove(ctx context.Context, m *ledger.Message) error {
	var errs []error
	for _, f := range m.Kept() {
		errs = append(errs, q.delivery.remove(ctx, f.Path))
	}
	return errors.Join(errs...)
}

// QuarantineID returns the name by which commands know a message in quarantine: its file's name
// without folder and extension. It is "" for a message without such a file.
func QuarantineID(m *ledger.Message) string {
	kept := m.Kept()
	if len(kept) == 0 {
		return ""
	}
	return strings.TrimSuffix(path.Base(kept[0].Path), quarantineExt)
}

// StageQuarantined stages the message in r for quarantine, and beside it a text with the reason. It
// returns both files, the message first. On an error nothing stays staged.
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

// QuarantineName returns the name of a message's files in quarantine, without extension: the time
// and a hash of the UIDL. A UIDL may hold bytes that no file name can.
func QuarantineName(uidl string, at time.Time) string {
	sum := sha256.Sum256([]byte(uidl))
	return at.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(sum[:8])
}

// QuarantineReason returns the text of the file beside a message in quarantine.
func QuarantineReason(account, uidl, reason string) string {
	return fmt.Sprintf("account: %s\nUIDL: %q\nreason: %s\n", account, uidl, foreign.Lines(reason))
}
