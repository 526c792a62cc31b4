package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/extractor/digest"
)

// TestDigests: a file has the digests that were asked for and no others, whatever its length.
func TestDigests(t *testing.T) {
	t.Parallel()
	sidecar := func(_ *extractor.Message, s *Staged) ([]byte, error) {
		if s.Digests.Get(digest.SHA256).Kind == 0 {
			return nil, errors.New("the sidecar has no SHA-256")
		}
		return []byte("{}"), nil
	}
	for _, tt := range []struct {
		name string
		own  digest.Kind
		plan Plan
		want []digest.Kind
	}{
		{name: "nothing asked for"},
		{name: "identity", own: digest.BLAKE3, want: []digest.Kind{digest.BLAKE3}},
		{name: "the other identity", own: digest.SHA256, want: []digest.Kind{digest.SHA256}},
		{name: "SHA-256", plan: Plan{SHA256: true}, want: []digest.Kind{digest.SHA256}},
		{name: "both", own: digest.BLAKE3, plan: Plan{SHA256: true}, want: []digest.Kind{digest.BLAKE3, digest.SHA256}},
		{name: "twice the same", own: digest.SHA256, plan: Plan{SHA256: true}, want: []digest.Kind{digest.SHA256}},
		{name: "sidecar", own: digest.BLAKE3, plan: Plan{Sidecar: sidecar}, want: []digest.Kind{digest.BLAKE3, digest.SHA256}},
		{name: "unsure", own: digest.BLAKE3, plan: Plan{SHA256: true, Raw: RawProblems}, want: []digest.Kind{digest.BLAKE3, digest.SHA256}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, err := Open(t.TempDir(), Options{Digest: tt.own})
			check(t, err)
			defer d.Close()
			for _, n := range []int{0, 1, smallBlock, blockSize - 1, blockSize, blockSize + 1, 7*blockSize + 5} {
				message := mail(attached{"a", body(n)})
				if tt.plan.Raw != RawNever {
					message = bytes.TrimSuffix(message, []byte("--=-b--\r\n")) // to be repaired
				}
				_, staged, err := d.Stage(t.Context(), bytes.NewReader(message), tt.plan)
				check(t, err)
				for _, s := range staged {
					content, err := os.ReadFile(d.folders.stagingPath() + "/" + s.ID)
					check(t, err)
					var want digest.Set
					for _, k := range tt.want {
						if s.Kind != Sidecar || k == tt.own {
							want.Add(digest.Of(k, content))
						}
					}
					if s.Digests != want {
						t.Errorf("%s of %d bytes: %v, want %v", s.Path, n, s.Digests, want)
					}
					for _, k := range digest.Kinds() {
						if is, err := d.Digest(t.Context(), s.ID, k); err != nil || is != digest.Of(k, content) {
							t.Errorf("%s of %d bytes is read back as %s, %v", s.Path, n, is, err)
						}
					}
				}
			}
		})
	}
}

// body is n bytes that differ from block to block.
func body(n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "line %d\n", i)
	}
	return b.Bytes()[:n]
}

// TestDigestFails: a staging file that is gone, and a context that has ended, are errors.
func TestDigestFails(t *testing.T) {
	t.Parallel()
	d := open1(t, t.TempDir(), Options{})
	s := stage(t, d, attached{"a", body(100)})[0]
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := d.Digest(ended, s.ID, digest.Other); !errors.Is(err, context.Canceled) {
		t.Errorf("of a context that has ended: %v", err)
	}
	check(t, d.Discard(t.Context(), []*Staged{s}))
	if _, err := d.Digest(t.Context(), s.ID, digest.Other); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of a file that is gone: %v", err)
	}
}

// TestHashingAllocates: BLAKE3 of a large file takes no goroutine and no memory of its own, and
// SHA-256 a few blocks that are used again.
func TestHashingAllocates(t *testing.T) {
	b := newBuffers()
	content := body(64 * blockSize)
	hashed := func(kinds ...digest.Kind) (all digest.Set) {
		sums, block := b.newSums(kinds...), b.block()
		for rest := content; len(rest) > 0; rest = rest[blockSize:] {
			block.bytes = append(block.bytes, rest[:blockSize]...)
			block = sums.take(block, &b)
			if sums.hasher != nil && len(kinds) == 1 && kinds[0] == digest.BLAKE3 {
				t.Fatal("BLAKE3 takes a goroutine")
			}
		}
		sums.wait()
		sums.add(&all)
		sums.free(&b)
		b.blocks.Put(block)
		return all
	}
	for _, tt := range []struct {
		kinds []digest.Kind
		most  float64
	}{
		{nil, 1}, // the result
		{[]digest.Kind{digest.BLAKE3}, 2},
		{[]digest.Kind{digest.SHA256}, 64}, // the race detector drops some that could be used again
		{[]digest.Kind{digest.BLAKE3, digest.SHA256}, 64},
	} {
		var got digest.Set
		n := testing.AllocsPerRun(20, func() { got = hashed(tt.kinds...) })
		if n > tt.most {
			t.Errorf("%v: %v allocations, at most %v", tt.kinds, n, tt.most)
		}
		for d := range got.All() {
			if d != digest.Of(d.Kind, content) {
				t.Errorf("%v: another %s", tt.kinds, d.Kind)
			}
		}
	}
}
