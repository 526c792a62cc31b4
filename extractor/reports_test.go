package extractor

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReports takes the messages of the corpus that were made after reports of people
// whose attachments went missing elsewhere. What annoys there is noise, and is dropped.
func TestReports(t *testing.T) {
	t.Parallel()
	folder := corpus(t, "reports")
	raw, err := os.ReadFile(filepath.Join(folder, "expect.json"))
	if err != nil {
		t.Fatal(err)
	}
	var answers map[string]struct {
		Expect [][2]string `json:"expect"` // name and SHA-256
	}
	if err := json.Unmarshal(raw, &answers); err != nil || len(answers) == 0 {
		t.Fatalf("%d answers: %v", len(answers), err)
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message, err := os.ReadFile(filepath.Join(folder, name+".eml"))
			if err != nil {
				t.Fatal(err)
			}
			all, _, err := captureWith(bytes.NewReader(message), Options{DropNoise: true}, false)
			if err != nil {
				t.Fatal(err)
			}
			got := [][2]string{}
			for _, c := range all {
				if c.LeftOut == "" {
					sum := sha256.Sum256(c.content.Bytes())
					got = append(got, [2]string{c.Name, hex.EncodeToString(sum[:])})
				}
			}
			byName := func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }
			slices.SortFunc(got, byName)
			slices.SortFunc(answer.Expect, byName)
			if diff := cmp.Diff(answer.Expect, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
