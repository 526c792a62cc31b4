package sink

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/extractor"
)

// tree lists all files below a folder except those in the staging folder.
func tree(t testing.TB, dir string) []string {
	t.Helper()
	var all []string
	check(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.Name() == defaultStaging {
			return filepath.SkipDir
		}
		if !e.IsDir() {
			name, err := filepath.Rel(dir, path)
			all = append(all, filepath.ToSlash(name))
			return err
		}
		return nil
	}))
	return all
}

func stagePlan(t testing.TB, d *Directory, plan Plan, files ...attached) []*Staged {
	t.Helper()
	_, staged, err := d.Stage(t.Context(), bytes.NewReader(mail(files...)), plan)
	check(t, err)
	return staged
}

func withSidecar(_ *extractor.Message, s *Staged) ([]byte, error) {
	return fmt.Appendf(nil, "%s %d", s.Path, s.Size), nil
}

// TestSidecar: the sidecar is published before its file, and the two have one name
// whatever else is in the folder.
func TestSidecar(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "b.txt.json"), []byte("somebody's"), 0o600))
	d := open1(t, dir, Options{})
	long := strings.Repeat("x", 251) + ".pdf"
	staged := stagePlan(t, d, Plan{Sidecar: withSidecar}, attached{"a.txt", []byte("one")}, attached{"a.txt", nil}, attached{"b.txt", nil}, attached{"a.txt.json", nil}, attached{long, nil})
	cut := strings.Repeat("x", 246) + ".pdf"
	want := []string{"a.txt.json", "a.txt", "a-2.txt.json", "a-2.txt", "b-2.txt.json", "b-2.txt", "a.txt-2.json.json", "a.txt-2.json", cut + ".json", cut}
	if diff := cmp.Diff(want, paths(staged)); diff != "" {
		t.Errorf("staged (-want +got):\n%s", diff)
	}
	for i, s := range staged {
		if kind := []Kind{Sidecar, File}[i%2]; s.Kind != kind {
			t.Errorf("%s is of kind %d", s.Path, s.Kind)
		}
	}
	// Another process takes a name at the last moment: the sidecar follows its file.
	check(t, os.WriteFile(filepath.Join(dir, "a.txt"), nil, 0o600))
	deliver(t, d, staged)
	if got := tree(t, dir); !slices.Contains(got, "a-3.txt") || !slices.Contains(got, "a-3.txt.json") || slices.Contains(got, "a.txt.json") {
		t.Errorf("files %q", got)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "a-3.txt.json")); err != nil || string(got) != "a.txt 3" {
		t.Errorf("sidecar %q, %v", got, err)
	}
	failure := errors.New("no")
	_, _, err := d.Stage(t.Context(), bytes.NewReader(mail(attached{"c", nil})), Plan{Sidecar: func(*extractor.Message, *Staged) ([]byte, error) { return nil, failure }})
	if !errors.Is(err, failure) {
		t.Errorf("error %v", err)
	}
	if got := names(t, filepath.Join(dir, defaultStaging)); len(got) != 0 {
		t.Errorf("left in the staging folder: %v", got)
	}
}

// TestPath: a path leads below the folder and nowhere else, whatever a stranger put into it.
func TestPath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	outside := t.TempDir()
	check(t, os.Symlink(outside, filepath.Join(dir, "link")))
	d := open1(t, dir, Options{})
	for given, want := range map[string]string{
		"2026/11/a.txt":                "2026/11/a.txt",
		"../../etc/passwd":             "_/_/etc/passwd",
		"/etc/passwd":                  "_/etc/passwd",
		"./a//b.txt":                   "_/a/_/b.txt",
		"\u200b/mail":                  "_/mail",
		"domain/":                      "domain/attachment",
		".hidden/.b":                   "_hidden/_b",
		".staging/c":                   "_staging/c",
		"x\x00y/d":                     "xy/d",
		`a\b/e`:                        "a_b/e",
		"CON/f":                        "_CON/f",
		"":                             "name.txt",
		"/../":                         "_/_/attachment",
		strings.Repeat("d/", 30) + "g": strings.Repeat("d/", deepestPath) + "g",
	} {
		staged := stagePlan(t, d, Plan{Path: func(*extractor.Message, *extractor.Attachment) string { return given }}, attached{"name.txt", nil})
		deliver(t, d, staged)
		if got := staged[0].Path; got != want {
			t.Errorf("%q became %q, want %q", given, got, want)
		}
		if _, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(staged[0].Path))); err != nil {
			t.Errorf("%q: %v", given, err)
		}
	}
	beside := stagePlan(t, d, Plan{Path: func(*extractor.Message, *extractor.Attachment) string { return "link/a" }}, attached{"a", nil})
	deliver(t, d, beside)
	if got := beside[0].Path; got != "link-2/a" {
		t.Errorf("beside a link the path is %q", got)
	}
	if got := tree(t, outside); len(got) != 0 {
		t.Errorf("outside of the folder: %q", got)
	}
}

// TestFolderTaken: a file that has the name of a folder keeps nobody else's files from coming, nor
// does one that is only staged.
func TestFolderTaken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open1(t, dir, Options{})
	to := func(path string) []*Staged {
		return stagePlan(t, d, Plan{Path: func(*extractor.Message, *extractor.Attachment) string { return path }}, attached{"x", nil})
	}
	waiting := to("b.org")
	deliver(t, d, to("a.org"))
	var group []*Staged
	for _, path := range []string{"a.org/1.txt", "a.org/2.txt", "b.org/1.txt", "a.org/1.txt/deep/3.txt"} {
		group = append(group, to(path)...)
	}
	deliver(t, d, append(group, waiting...))
	deliver(t, d, to("a.org/1.txt/deep/3.txt"))
	d = open1(t, dir, Options{})
	deliver(t, d, to("a.org/4.txt"))
	want := []string{"a-2.org/1-2.txt", "a-2.org/1.txt/deep/3-2.txt", "a-2.org/1.txt/deep/3.txt", "a-2.org/2.txt", "a-2.org/4.txt", "a.org", "b-2.org", "b.org/1.txt"}
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// TestSidecarsCount: what is said beside each attachment counts in the limits, as it may be longer
// than all of them.
func TestSidecarsCount(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open1(t, dir, Options{})
	plan := Plan{
		Extract: extractor.Options{Limits: extractor.Limits{Bytes: 10_000}},
		Sidecar: func(*extractor.Message, *Staged) ([]byte, error) { return make([]byte, 3000), nil },
	}
	_, _, err := d.Stage(t.Context(), bytes.NewReader(mail(attached{"a", nil}, attached{"b", nil}, attached{"c", nil})), plan)
	check(t, err)
	_, _, err = d.Stage(t.Context(), bytes.NewReader(mail(attached{"a", nil}, attached{"b", nil}, attached{"c", nil}, attached{"d", nil})), plan)
	if limit, ok := errors.AsType[*extractor.LimitError](err); !ok || limit.Limit != "bytes" {
		t.Errorf("error %v, want a LimitError", err)
	}
}

// TestManyFolders: folders named by what strangers choose do not use up the descriptors.
func TestManyFolders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open1(t, dir, Options{})
	for round := range 10 {
		var group []*Staged
		for i := range maxFolders / 2 {
			path := fmt.Sprintf("%d-%d/a.txt", round, i)
			group = append(group, stagePlan(t, d, Plan{Path: func(*extractor.Message, *extractor.Attachment) string { return path }}, attached{"a", nil})...)
		}
		deliver(t, d, group)
		d.folders.mu.Lock()
		if n := len(d.folders.below); n > 2*maxFolders {
			t.Errorf("%d folders are open", n)
		}
		d.folders.mu.Unlock()
	}
	if got := tree(t, dir); len(got) != 10*maxFolders/2 {
		t.Errorf("%d files", len(got))
	}
}

func TestRaw(t *testing.T) {
	t.Parallel()
	whole := mail(attached{"a.txt", []byte("x")})
	broken := bytes.Replace(whole, []byte("\r\n--=-b--\r\n"), []byte("\r\n"), 1)
	odd := mail(attached{`a?.txt`, nil})
	for _, test := range []struct {
		name    string
		policy  RawPolicy
		message []byte
		want    []string
	}{
		{"never", RawNever, broken, []string{"a.txt"}},
		{"always", RawAlways, whole, []string{"a.txt", "files.eml"}},
		{"problems, none", RawProblems, whole, []string{"a.txt"}},
		{"problems, of a name only", RawProblems, odd, []string{"a_.txt"}},
		{"problems", RawProblems, broken, []string{"a.txt", "files.eml"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			d := open1(t, dir, Options{})
			_, staged, err := d.Stage(t.Context(), bytes.NewReader(test.message), Plan{Raw: test.policy})
			check(t, err)
			deliver(t, d, staged)
			if diff := cmp.Diff(test.want, tree(t, dir)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if got, err := os.ReadFile(filepath.Join(dir, "files.eml")); err == nil && !bytes.Equal(got, test.message) {
				t.Errorf("the raw message differs:\n%s", got)
			}
			if got := names(t, filepath.Join(dir, defaultStaging)); len(got) != 0 {
				t.Errorf("left in the staging folder: %v", got)
			}
		})
	}
}

// fragments cuts a message into pieces, as RFC 2046 section 5.2.2 has it.
func fragments(message []byte, n int) [][]byte {
	var all [][]byte
	size := len(message)/n + 1
	for i := range n {
		piece := message[min(i*size, len(message)):min((i+1)*size, len(message))]
		total := ""
		if i == n-1 {
			total = fmt.Sprintf("; total=%d", n)
		}
		all = append(all, fmt.Appendf(nil, "From: outer@example.org\r\nSubject: outer\r\nMIME-Version: 1.0\r\nContent-Type: message/partial; id=\"a/b@c\"; number=%d%s\r\n\r\n%s", i+1, total, piece))
	}
	return all
}

// TestFragments: a message that comes in pieces, in any order, in one group or over
// several runs, comes out whole and once.
func TestFragments(t *testing.T) {
	t.Parallel()
	body := bytes.Repeat([]byte("0123456789"), 50_000)
	whole := mail(attached{"big.bin", body}, attached{"small.txt", []byte("x")})
	pieces := fragments(whole, 4)
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}} {
		for _, reopened := range []bool{false, true} {
			t.Run(fmt.Sprint(order, reopened), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				d := open1(t, dir, Options{})
				var group []*Staged
				for _, i := range order {
					_, staged, err := d.Stage(t.Context(), bytes.NewReader(pieces[i]), Plan{Sidecar: func(m *extractor.Message, _ *Staged) ([]byte, error) { return []byte(m.From + " " + m.Subject), nil }})
					check(t, err)
					if reopened {
						deliver(t, d, staged)
						d = open1(t, dir, Options{})
						continue
					}
					group = append(group, staged...)
				}
				deliver(t, d, group)
				if diff := cmp.Diff([]string{"big.bin", "big.bin.json", "small.txt", "small.txt.json"}, tree(t, dir)); diff != "" {
					t.Errorf("files (-want +got):\n%s", diff)
				}
				got, err := os.ReadFile(filepath.Join(dir, "big.bin"))
				check(t, err)
				if !bytes.Equal(got, body) {
					t.Errorf("%d bytes that differ, want %d", len(got), len(body))
				}
				if got, _ := os.ReadFile(filepath.Join(dir, "big.bin.json")); string(got) != "a@example.org files" {
					t.Errorf("sidecar %q", got)
				}
			})
		}
	}
	t.Run("one is missing", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		d := open1(t, dir, Options{})
		for _, i := range []int{0, 1, 3} {
			_, staged, err := d.Stage(t.Context(), bytes.NewReader(pieces[i]), Plan{})
			check(t, err)
			deliver(t, d, staged)
		}
		got := tree(t, dir)
		if len(got) != 3 || !strings.HasPrefix(got[0], PartialFolder+"/") || !strings.HasSuffix(got[2], "-4-of-4.eml") {
			t.Errorf("files %q", got)
		}
	})
}
