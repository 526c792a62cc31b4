package sink

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/extractor/digest"
)

// TestRawQuarantine: a message that could not be read right goes to quarantine as it came, whatever
// its size, beside what came out of it; another one leaves nothing behind. That is a matter of
// contents and not of names.
func TestRawQuarantine(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1000, blockSize - 700, 3 * blockSize, writebackStep + 5} {
		body := bytes.Repeat([]byte("attachd "), size/8)
		whole := mail(attached{"a.txt", body})
		broken := bytes.Replace(whole, []byte("\r\n--=-b--\r\n"), []byte("\r\n"), 1)
		for _, test := range []struct {
			name    string
			policy  RawPolicy
			message []byte
			want    []string
		}{
			{"nothing to repair", RawQuarantine, whole, []string{"a.txt"}},
			{"a name", RawQuarantine, mail(attached{`a?.txt`, body}), []string{"a_.txt"}},
			{"a part", RawQuarantine, broken, []string{".q/m.eml", ".q/m.txt", "a.txt"}},
			{"a part, delivered", RawProblems, broken, []string{"a.txt", "files.eml"}},
		} {
			dir := t.TempDir()
			d := open1(t, dir, Options{})
			asked := 0
			_, staged, err := d.Stage(t.Context(), bytes.NewReader(test.message), Plan{
				Raw: test.policy, Path: func(_ *extractor.Message, a *extractor.Attachment) string { return a.Name },
				Quarantine: func(m *extractor.Message, doubts []extractor.Problem) Quarantine {
					if asked++; m.Subject != "files" || len(doubts) != 1 || doubts[0].Kind != extractor.ProblemUnclosed {
						t.Errorf("%s: asked of %q for %v", test.name, m.Subject, doubts)
					}
					return Quarantine{".q", "m", "why\n"}
				},
			})
			check(t, err)
			deliver(t, d, staged)
			if diff := cmp.Diff(test.want, tree(t, dir)); diff != "" {
				t.Errorf("%s, %d bytes: files (-want +got):\n%s", test.name, size, diff)
			}
			for _, s := range staged {
				kept := s.Kind == Quarantined
				got, err := os.ReadFile(filepath.Join(dir, s.Path))
				check(t, err)
				if s.Digests != digest.Of(digest.Own, got).Set() || s.Size != int64(len(got)) {
					t.Errorf("%s, %d bytes: %s has another digest or size than was recorded", test.name, size, s.Path)
				}
				if filepath.Ext(s.Path) == ".eml" && !bytes.Equal(got, test.message) || kept && filepath.Ext(s.Path) == ".txt" && string(got) != "why\n" {
					t.Errorf("%s, %d bytes: %s is not what it should be", test.name, size, s.Path)
				}
			}
			if want := slices.ContainsFunc(staged, func(s *Staged) bool { return s.Kind == Quarantined }); want != (asked == 1) {
				t.Errorf("%s: asked %d times where it goes", test.name, asked)
			}
			if got := names(t, filepath.Join(dir, defaultStaging)); len(got) != 0 {
				t.Errorf("%s: left in the staging folder: %v", test.name, got)
			}
		}
	}
}
