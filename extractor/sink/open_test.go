package sink

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/extractor/digest"
)

// TestNestedMemory: of a hundred messages within each other, each a file of its own, all are
// written at once. Each comes byte for byte, and none takes as much memory as a file on its own.
func TestNestedMemory(t *testing.T) {
	const depth = 90
	body := bytes.Repeat([]byte("0123456789abcde\n"), 20_000)
	message := strings.Repeat("Content-Type: message/rfc822; name=m.eml\n\n", depth) + "Content-Type: a/b; name=x\n\n" + string(body)
	dir := t.TempDir()
	var most uint64
	d := open1(t, dir, Options{})
	plan := Plan{Extract: extractor.Options{NestedMessages: true}}
	reader := &measured{r: strings.NewReader(message), most: &most}
	before := heap()
	_, staged, err := d.Stage(t.Context(), reader, plan)
	check(t, err)
	if grown := int64(most) - int64(before); grown > 12<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	if len(staged) != depth+1 {
		t.Fatalf("%d files", len(staged))
	}
	deliver(t, d, staged)
	for _, s := range staged {
		content, err := os.ReadFile(filepath.Join(dir, s.Path))
		check(t, err)
		if !bytes.HasSuffix(content, body) || s.Size != int64(len(content)) || s.Digests != digest.Of(digest.Own, content).Set() {
			t.Errorf("%s has %d bytes and is said to have %d", s.Path, len(content), s.Size)
		}
	}
}

// measured notes the largest live heap at its reads.
type measured struct {
	r     *strings.Reader
	most  *uint64
	reads int
}

func (m *measured) Read(p []byte) (int, error) {
	if m.reads++; m.reads%2 == 0 {
		*m.most = max(*m.most, heap())
	}
	return m.r.Read(p[:min(len(p), 50_000)])
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
