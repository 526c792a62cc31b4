package wiring

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/extractor/sink"
)

// TestSidecarText: what a header says at great length stands in a sidecar as far as a person reads,
// and that it is cut is said.
func TestSidecarText(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 33_000)
	m := &extractor.Message{From: long, To: "to@example.org", Subject: long, Problems: []extractor.Problem{{Kind: extractor.ProblemUnclosed}}}
	content, err := sidecar("lab", "1", m, &sink.Staged{})
	if err != nil {
		t.Fatal(err)
	}
	var said struct {
		From, To, Subject string
		Problems          []extractor.Problem
	}
	if err := json.Unmarshal(content, &said); err != nil {
		t.Fatal(err)
	}
	if n := len(content); n > 4<<10 {
		t.Errorf("the sidecar has %d bytes", n)
	}
	for _, text := range []string{said.From, said.Subject} {
		if len(text) < 1000 || !strings.HasPrefix(long, text) || !utf8.ValidString(text) {
			t.Errorf("%d bytes are left of a long text: %.20q", len(text), text)
		}
	}
	want := []extractor.Problem{{Kind: extractor.ProblemUnclosed}, {Kind: extractor.ProblemClipped, Detail: "from"}, {Kind: extractor.ProblemClipped, Detail: "subject"}}
	if len(said.Problems) != 3 || said.Problems[1] != want[1] || said.Problems[2] != want[2] || said.To != m.To {
		t.Errorf("problems %+v, want %+v", said.Problems, want)
	}
	if len(m.Problems) != 1 {
		t.Error("the message's own problems were changed")
	}
}
