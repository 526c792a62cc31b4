package tnef

import (
	"errors"
	"testing"
)

// FuzzDecoder: whatever comes, nothing panics or goes on for ever; how the stream
// is cut does not matter; every writer is closed exactly once; what comes out is
// bounded; the only errors are limits and ErrFormat.
func FuzzDecoder(f *testing.F) {
	for i, g := range goldens() {
		f.Add(g.stream, uint8(i))
	}
	f.Add(everything(), uint8(7))
	f.Add(nestedMessages(5), uint8(100))
	f.Fuzz(func(t *testing.T, stream []byte, piece uint8) {
		o := Options{RTF: true, MaxDepth: 4, MaxFiles: 50}
		whole := decode(stream, o, len(stream)+1)
		if _, ok := errors.AsType[*LimitError](whole.err); !ok && whole.err != nil && whole.err != ErrFormat {
			t.Fatalf("error %v", whole.err)
		}
		size := 0
		for _, c := range whole.files {
			if c.closed != 1 {
				t.Errorf("%+v was closed %d times", *c.File, c.closed)
			}
			if c.Damaged && !whole.damaged {
				t.Errorf("%+v is damaged and the stream is not", *c.File)
			}
			size += c.Len()
		}
		if size > (o.MaxDepth+8)*len(stream) {
			t.Errorf("%d bytes came out of %d", size, len(stream))
		}
		cut := decode(stream, o, int(piece)+1)
		if _, ok := errors.AsType[*LimitError](whole.err); ok {
			// How much came out before is a matter of the pieces.
			if cut.err == nil || cut.err.Error() != whole.err.Error() {
				t.Errorf("error %v, in pieces of %d bytes %v", whole.err, int(piece)+1, cut.err)
			}
		} else if cut.String() != whole.String() {
			t.Errorf("in pieces of %d bytes:\n%s\nwant\n%s", int(piece)+1, cut, whole)
		}
	})
}
