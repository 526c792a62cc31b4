package extractor

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// TestCharsetLabels: every label of the WHATWG's table, of IANA's registry with its
// aliases and of Python's codecs, and those that mailers make of Windows' code pages, is
// known, as far as Python decodes it. The table was made with Python: label, bytes in
// hexadecimal, text.
func TestCharsetLabels(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile("testdata/charsets.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		raw, err := hex.DecodeString(fields[1])
		if err != nil || len(fields) != 3 {
			t.Fatalf("%q: %v", line, err)
		}
		problem := ""
		got := texts{func(kind ProblemKind, detail string) { problem = string(kind) + ": " + detail }, ""}.convert(strings.ToUpper(fields[0]), string(raw))
		if got != fields[2] {
			t.Errorf("%s: %q is read as %q, want %q (%s)", fields[0], raw, got, fields[2], problem)
		}
	}
}
