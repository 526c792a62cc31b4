// Package digest tells contents apart by digests of their bytes.
//
// There are two kinds, and both are cryptographic: nobody can make two contents with one digest, so
// no sender can have an attachment pass for another one. [Own] is the kind that is fastest on this
// architecture, and the one that contents are known by. The other kind is computed only where
// somebody asks for it: for people and programs, who know SHA-256, and to compare a content with a
// record that was made with the other kind, by an earlier attachd or on another machine.
package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"iter"

	"github.com/zeebo/blake3"
)

// Kind is a kind of digest. The numbers are part of the state's schema.
type Kind uint8

// The kinds. The zero Kind is that of no digest.
const (
	SHA256 Kind = 1 // FIPS 180-4
	BLAKE3 Kind = 2 // github.com/BLAKE3-team/BLAKE3-specs, 256 bits
)

const kinds = 2

// Kinds returns all kinds, Own first.
func Kinds() []Kind { return []Kind{Own, Other} }

// String returns the name of a kind, in lower case, as fields and columns have it.
func (k Kind) String() string {
	switch k {
	case SHA256:
		return "sha256"
	case BLAKE3:
		return "blake3"
	}
	return "none"
}

// New returns a hash of this kind, which is not the zero one.
func (k Kind) New() hash.Hash {
	if k == SHA256 {
		return sha256.New()
	}
	return blake3.New()
}

// Digest is the digest of a content. The zero Digest is that of a content which nobody read.
type Digest struct {
	Kind Kind
	Sum  [32]byte
}

// String returns the digest as 64 hex digits, "" for none.
func (d Digest) String() string {
	if d.Kind == 0 {
		return ""
	}
	return hex.EncodeToString(d.Sum[:])
}

// Summed returns the digest of what was written to a hash of a kind.
func Summed(k Kind, h hash.Hash) Digest {
	d := Digest{Kind: k}
	h.Sum(d.Sum[:0])
	return d
}

// Of returns the digest of some bytes.
func Of(k Kind, content []byte) Digest {
	h := k.New()
	h.Write(content) // never fails
	return Summed(k, h)
}

// Read returns the digest of what is left to read of r, and how many bytes that is.
func Read(k Kind, r io.Reader) (d Digest, n int64, err error) {
	h := k.New()
	n, err = io.Copy(h, r)
	return Summed(k, h), n, err
}

// Hashes compute digests of one content, of several kinds at once. The zero Hashes compute none.
type Hashes []summing

type summing struct {
	kind Kind
	hash hash.Hash
}

// NewHashes returns hashes of these kinds.
func NewHashes(all ...Kind) Hashes {
	h := make(Hashes, len(all))
	for i, k := range all {
		h[i] = summing{k, k.New()}
	}
	return h
}

// Write hashes a part of the content. It never fails.
func (h Hashes) Write(p []byte) (int, error) {
	for _, s := range h {
		s.hash.Write(p)
	}
	return len(p), nil
}

// Digests returns the digests of all that was written.
func (h Hashes) Digests() (all Set) {
	for _, s := range h {
		all.AddSum(s.kind, s.hash)
	}
	return all
}

// Set is what is known of one content: at most one digest of each kind. Sets can be compared by ==,
// but [Set.Same] says whether two are of one content.
type Set [kinds]Digest

// Set returns a set with one digest.
func (d Digest) Set() (s Set) {
	s.Add(d)
	return s
}

// Add puts a digest into the set, in place of one of its kind. The zero Digest changes nothing.
func (s *Set) Add(d Digest) {
	if d.Kind != 0 {
		s[d.Kind-1] = d
	}
}

// AddSum puts the digest of what was written to a hash of a kind into the set. It allocates nothing
// if the set is in memory of its own already.
func (s *Set) AddSum(k Kind, h hash.Hash) {
	d := &s[k-1]
	d.Kind = k
	h.Sum(d.Sum[:0])
}

// Get returns the digest of a kind, zero if it is not known.
func (s *Set) Get(k Kind) Digest {
	if k == 0 {
		return Digest{}
	}
	return s[k-1]
}

// First returns the first that is known of these kinds and then of all others.
func (s *Set) First(wanted ...Kind) Digest {
	for _, k := range append(wanted, Own, Other) {
		if d := s.Get(k); d.Kind != 0 {
			return d
		}
	}
	return Digest{}
}

// All yields the digests that are known, Own first.
func (s *Set) All() iter.Seq[Digest] {
	return func(yield func(Digest) bool) {
		for _, k := range [...]Kind{Own, Other} {
			if d := s.Get(k); d.Kind != 0 && !yield(d) {
				return
			}
		}
	}
}

// Same reports whether two sets are of the same content: a digest of one kind is the same in both.
// Two empty sets are the same, too. Sets without a kind in common are not: that is to be helped
// first, by reading one of the contents once more.
func (s *Set) Same(t *Set) bool {
	if *s == (Set{}) {
		return *t == Set{}
	}
	for i := range s {
		if s[i].Kind != 0 && t[i].Kind != 0 {
			return s[i] == t[i]
		}
	}
	return false
}
