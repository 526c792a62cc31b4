package digest_test

import (
	"encoding/hex"
	"fmt"
	"hash"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/extractor/digest"
)

// contents is the input of the official vectors.
func contents(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

// TestVectors compares BLAKE3 with its official vectors, written whole and in odd pieces. It runs
// once more in processes of their own without the fast paths of the processor.
func TestVectors(t *testing.T) {
	for _, v := range vectors {
		content := contents(v.n)
		if got := digest.Of(digest.BLAKE3, content).String(); got != v.sum {
			t.Errorf("%d bytes: %s, want %s", v.n, got, v.sum)
		}
		for _, step := range []int{1, 63, 1025, 8191, 8192, 16385} {
			h := digest.BLAKE3.New()
			for rest := content; len(rest) > 0; {
				n := min(step, len(rest))
				h.Write(rest[:n])
				rest = rest[n:]
			}
			if got := hex.EncodeToString(h.Sum(nil)); got != v.sum {
				t.Errorf("%d bytes, %d at a time: %s, want %s", v.n, step, got, v.sum)
			}
		}
	}
	if os.Getenv(slow) != "" {
		return
	}
	for _, without := range []string{"BLAKE3_DISABLE_AVX2", "BLAKE3_PUREGO"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestVectors$")
		cmd.Env = append(os.Environ(), slow+"=1", without+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS") {
			t.Errorf("%s: %v\n%s", without, err, out)
		}
	}
}

const slow = "ATTACHD_TEST_WITHOUT_FAST_PATHS"

func TestSHA256(t *testing.T) {
	// FIPS 180-4, the example of one block
	const want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	d, n, err := digest.Read(digest.SHA256, strings.NewReader("abc"))
	if d.String() != want || n != 3 || err != nil {
		t.Errorf("%s of %d bytes, %v, want %s", d, n, err, want)
	}
}

func TestSet(t *testing.T) {
	a, b := []byte("a"), []byte("b")
	sha, blake := digest.Of(digest.SHA256, a).Set(), digest.Of(digest.BLAKE3, a).Set()
	both := sha
	both.Add(digest.Of(digest.BLAKE3, a))
	other := digest.Of(digest.SHA256, b).Set()
	for _, tt := range []struct {
		name string
		s, t digest.Set
		want bool
	}{
		{"the same", sha, sha, true},
		{"one of both", both, blake, true},
		{"the other of both", sha, both, true},
		{"another content", both, other, false},
		{"no kind in common", sha, blake, false},
		{"nothing", digest.Set{}, digest.Set{}, true},
		{"nothing and something", digest.Set{}, sha, false},
		{"something and nothing", sha, digest.Set{}, false},
	} {
		if got := tt.s.Same(&tt.t); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	if got := both.First(digest.SHA256); got != digest.Of(digest.SHA256, a) {
		t.Errorf("First(SHA256) is %s", got)
	}
	if got := sha.First(digest.BLAKE3); got != digest.Of(digest.SHA256, a) {
		t.Errorf("without BLAKE3, First(BLAKE3) is %s", got)
	}
	if got := new(digest.Set).First(); got != (digest.Digest{}) || got.String() != "" {
		t.Errorf("of nothing, First is %q", got)
	}
	n := 0
	for d := range both.All() {
		if n++; n == 1 && d.Kind != digest.Own {
			t.Errorf("All begins with %s", d.Kind)
		}
	}
	if n != 2 {
		t.Errorf("All yields %d digests", n)
	}
}

// TestAllocations: a hash that is used again allocates nothing.
func TestAllocations(t *testing.T) {
	content := contents(100_000)
	for _, k := range digest.Kinds() {
		h := k.New()
		all := new(digest.Set)
		if n := testing.AllocsPerRun(10, func() {
			h.Reset()
			h.Write(content)
			all.AddSum(k, h)
		}); n > 0 {
			t.Errorf("%s: %v allocations", k, n)
		}
		if all.Get(k) != digest.Of(k, content) {
			t.Errorf("%s: a hash that is used again has another digest", k)
		}
	}
}

// BenchmarkDigest hashes a content with both kinds in turns. of-sha256 is how much of the time of
// SHA-256 BLAKE3 takes: GODEBUG=cpu.sha=off shows that without the processor's instructions.
func BenchmarkDigest(b *testing.B) {
	for _, size := range []int{1 << 10, 8 << 10, 128 << 10} {
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			content := contents(size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			var took [2]time.Duration
			hashes := []hash.Hash{digest.BLAKE3.New(), digest.SHA256.New()}
			var sum [32]byte
			for b.Loop() {
				for i, h := range hashes {
					start := time.Now()
					h.Reset()
					h.Write(content)
					h.Sum(sum[:0])
					took[i] += time.Since(start)
				}
			}
			b.ReportMetric(float64(took[0])/float64(took[1]), "of-sha256")
		})
	}
}
