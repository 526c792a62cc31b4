package sqlite

import (
	"time"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/ledger"
)

// text is a text of a mail for storing: bounded, and NULL if it is empty.
func text(s string) any { return null(ledger.ClipText(s)) }

// name is what a sender named an attachment, likewise.
func name(s string) any { return null(ledger.ClipName(s)) }

func header(sum [32]byte) any {
	if sum == [32]byte{} {
		return nil
	}
	return sum[:]
}

// digests returns what is known of a file's content, by the columns digest and kind.
func digests(sum []byte, kind digest.Kind) digest.Set {
	d := digest.Digest{Kind: kind}
	if copy(d.Sum[:], sum); d.Sum == [32]byte{} {
		return digest.Set{} // of what is no file: before kinds were recorded, too
	}
	return d.Set()
}

func milliseconds(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

// null stores an empty text as NULL.
func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}
