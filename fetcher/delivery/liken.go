package delivery

import (
	"context"
	"fmt"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/ledger"
)

// otherKinds are the kinds of digests, other than the own one, that an account's attachments are
// recorded by: those of an attachd before version 11 of the state's schema, or of another machine.
type otherKinds struct {
	known bool
	kinds []digest.Kind
}

// liken makes staged attachments comparable with all that is recorded. An attachment with the size
// of one that is recorded by another kind of digest is read back, from the page cache as a rule,
// and gets a digest of that kind, too. Attachments of other sizes can't be the same as one of
// these.
func (d *Delivery) liken(ctx context.Context, attachments []ledger.Attachment) error {
	if len(attachments) == 0 {
		return nil
	}
	if !d.others.known {
		files, _, err := d.Ledger.Kinds(ctx, d.Account)
		if err != nil {
			return fmt.Errorf("look for digests of other kinds: %w", err)
		}
		d.others = otherKinds{true, files}
	}
	for _, kind := range d.others.kinds {
		sizes := make([]int64, len(attachments))
		for i, a := range attachments {
			sizes[i] = a.Size
		}
		sized, err := d.Ledger.Sized(ctx, d.Account, kind, sizes)
		if err != nil {
			return fmt.Errorf("look for attachments of the same size: %w", err)
		}
		for i := range attachments {
			a := &attachments[i]
			if !sized[a.Size] || a.Sidecar || a.Digests.Get(kind).Kind == kind {
				continue
			}
			is, err := d.Sink.Digest(ctx, *a, kind)
			if err != nil {
				return err
			}
			a.Digests.Add(is)
		}
	}
	return nil
}
