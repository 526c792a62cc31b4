package sink

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/extractor"
)

// attached is a file for a message made by mail.
type attached struct {
	name string
	body []byte
}

// mail builds a message with these attachments.
func mail(files ...attached) []byte {
	var b bytes.Buffer
	b.WriteString("From: a@example.org\r\nSubject: files\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=-b\"\r\n\r\n--=-b\r\nContent-Type: text/plain\r\n\r\nHello\r\n")
	for _, f := range files {
		fmt.Fprintf(&b, "--=-b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=%q\r\nContent-Transfer-Encoding: base64\r\n\r\n", f.name)
		text := base64.StdEncoding.EncodeToString(f.body)
		for len(text) > 76 {
			b.WriteString(text[:76] + "\r\n")
			text = text[76:]
		}
		b.WriteString(text + "\r\n")
	}
	b.WriteString("--=-b--\r\n")
	return b.Bytes()
}

func open1(t testing.TB, dir string, o Options) *Directory {
	t.Helper()
	d, err := Open(dir, o)
	check(t, err)
	t.Cleanup(func() { check(t, d.Close()) })
	return d
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func stage(t testing.TB, d *Directory, files ...attached) []*Staged {
	t.Helper()
	_, staged, err := d.Stage(t.Context(), bytes.NewReader(mail(files...)), Plan{})
	check(t, err)
	if len(staged) != len(files) {
		t.Fatalf("%d attachments were staged, want %d", len(staged), len(files))
	}
	return staged
}

func deliver(t testing.TB, d *Directory, group []*Staged) {
	t.Helper()
	check(t, d.Sync(t.Context(), group))
	check(t, d.Publish(t.Context(), group))
}

// names lists a folder's files, without the staging folder's own.
func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	check(t, err)
	var all []string
	for _, e := range entries {
		if e.Name() != folderIDFile && e.Name() != defaultStaging {
			all = append(all, e.Name())
		}
	}
	return all
}

func paths(group []*Staged) []string {
	var all []string
	for _, s := range group {
		all = append(all, s.Path)
	}
	return all
}

func TestDelivery(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "b", "hans")
	d := open1(t, dir, Options{})
	// Sizes around the block, which must not show in the result.
	var files []attached
	random := rand.NewChaCha8([32]byte{1})
	for _, size := range []int{0, 1, 57, blockSize - 1, blockSize, blockSize + 1, 3*blockSize + 7} {
		body := make([]byte, size)
		random.Read(body)
		files = append(files, attached{fmt.Sprintf("file-%d.bin", size), body})
	}
	staged := stage(t, d, files...)
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("before Publish the folder holds %v", got)
	}
	deliver(t, d, staged)
	for i, f := range files {
		s := staged[i]
		if s.Path != f.name || s.Size != int64(len(f.body)) || s.SHA256 != sha256.Sum256(f.body) || s.Attachment.OriginalName != f.name {
			t.Errorf("%s: staged as %+v", f.name, s)
		}
		got, err := os.ReadFile(filepath.Join(dir, f.name))
		check(t, err)
		if !bytes.Equal(got, f.body) {
			t.Errorf("%s differs from what was attached", f.name)
		}
	}
	if got := names(t, filepath.Join(dir, defaultStaging)); len(got) != 0 {
		t.Errorf("left in the staging folder: %v", got)
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	mode := func(path string) fs.FileMode {
		info, err := os.Stat(path)
		check(t, err)
		return info.Mode().Perm()
	}
	// 0666 shows that a mode that is asked for stands against the umask.
	dir := filepath.Join(t.TempDir(), "hans")
	d := open1(t, dir, Options{FileMode: 0o666, DirMode: 0o700})
	deliver(t, d, stage(t, d, attached{"a", nil}, attached{"b", nil}))
	for path, want := range map[string]fs.FileMode{"a": 0o666, "b": 0o666, "": 0o700, defaultStaging: 0o700} {
		if got := mode(filepath.Join(dir, path)); got != want {
			t.Errorf("%q has mode %v, want %v", path, got, want)
		}
	}
	dir = filepath.Join(t.TempDir(), "eva")
	d = open1(t, dir, Options{})
	deliver(t, d, stage(t, d, attached{"a", nil}))
	if got := mode(filepath.Join(dir, "a")); got&^0o640 != 0 || got&0o600 == 0 {
		t.Errorf("the default mode is %v", got)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "there.txt"), []byte("kept"), 0o600))
	check(t, os.Symlink("/etc/passwd", filepath.Join(dir, "link.txt")))
	check(t, os.Symlink("/nowhere", filepath.Join(dir, "dangling.txt")))
	check(t, os.Mkdir(filepath.Join(dir, "folder.txt"), 0o700))
	long := strings.Repeat("ä", 120) + ".tar.gz"
	d := open1(t, dir, Options{})
	x := []byte("x")
	staged := stage(t, d, attached{"acht.png", x}, attached{"acht.png", x}, attached{"Acht.png", x}, attached{"acht.png", x},
		attached{"there.txt", x}, attached{"link.txt", x}, attached{"dangling.txt", x}, attached{"folder.txt", x},
		attached{"a.tar.gz", x}, attached{"a.tar.gz", x}, attached{"noext", x}, attached{"noext", x},
		attached{"Dr. No and friends", x}, attached{"Dr. No and friends", x}, attached{long, x}, attached{long, x})
	want := []string{
		"acht.png", "acht-2.png", "Acht.png", "acht-3.png", "there-2.txt", "link-2.txt", "dangling-2.txt", "folder-2.txt",
		"a.tar.gz", "a-2.tar.gz", "noext", "noext-2", "Dr. No and friends", "Dr. No and friends-2", long, strings.Repeat("ä", 120) + "-2.tar.gz",
	}
	if diff := cmp.Diff(want, paths(staged)); diff != "" {
		t.Errorf("names differ (-want +got):\n%s", diff)
	}
	deliver(t, d, staged)
	if diff := cmp.Diff(want, paths(staged)); diff != "" {
		t.Errorf("published names differ (-want +got):\n%s", diff)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "there.txt")); err != nil || string(got) != "kept" {
		t.Errorf("the file that was there holds %q, %v", got, err)
	}
	if target, err := os.Readlink(filepath.Join(dir, "dangling.txt")); err != nil || target != "/nowhere" {
		t.Errorf("the link points to %q, %v", target, err)
	}
	// A name that is free again is used again.
	check(t, os.Remove(filepath.Join(dir, "acht.png")))
	if got := paths(stage(t, d, attached{"acht.png", x}, attached{"acht.png", x})); !slices.Equal(got, []string{"acht.png", "acht-4.png"}) {
		t.Errorf("names %q", got)
	}
}

func TestNumbered(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		n     int
		limit int
		want  string
	}{
		{"a.png", 2, 255, "a-2.png"},
		{"a", 10, 255, "a-10"},
		{".profile", 2, 255, ".profile-2"},
		{"v1.2.3.pdf", 3, 255, "v1.2.3-3.pdf"},
		{"x.TAR.bz2", 2, 255, "x-2.TAR.bz2"},
		{".tar.gz", 2, 255, ".tar-2.gz"},
		{"end. A sentence", 2, 255, "end. A sentence-2"},
		{"äää.txt", 2, 10, "ää-2.txt"},
		{"äää.txt", 2, 9, "ä-2.txt"}, // not through a character
		{"abc.txt", 2, 3, "-2.txt"},
	}
	for _, tt := range tests {
		if got := numbered(tt.name, tt.n, tt.limit); got != tt.want {
			t.Errorf("numbered(%q, %d, %d) = %q, want %q", tt.name, tt.n, tt.limit, got, tt.want)
		}
	}
}

// operations records the file operations and may fail them.
type operations struct {
	mu    sync.Mutex
	steps []string
	fail  func(s Step, name string) error
}

func (o *operations) Before(s Step, name string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.steps = append(o.steps, string(s)+" "+name)
	if o.fail != nil {
		return o.fail(s, name)
	}
	return nil
}

// TestFreeNumberWithoutProbing fills a folder and counts what is looked at.
func TestFreeNumberWithoutProbing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ops := &operations{}
	d := open1(t, dir, Options{Hook: ops})
	const there = 3000
	for n := range there {
		name := "logo.png"
		if n > 0 {
			name = numbered(name, n+1, 255)
		}
		check(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	ops.steps = nil
	for i := range 100 {
		path, err := d.reserve(d.top, "logo.png", &file{id: d.newID()})
		check(t, err)
		if want := fmt.Sprintf("logo-%d.png", there+1+i); path != want {
			t.Fatalf("name %q, want %q", path, want)
		}
		// Doubling and halving for the first; then the name itself and the next number.
		if looks, most := len(ops.steps), 26+2*i; looks > most {
			t.Fatalf("%d looks at the disk for %d names, want at most %d", looks, i+1, most)
		}
	}
}

// TestBoundedMemoryForNumbers: forgetting numbers must not lead to a name twice.
func TestBoundedMemoryForNumbers(t *testing.T) {
	t.Parallel()
	d := open1(t, t.TempDir(), Options{})
	seen := make(map[string]bool)
	for range 3 {
		for i := range maxRemembered + 100 {
			path, err := d.reserve(d.top, fmt.Sprintf("%d.txt", i), &file{id: d.newID()})
			check(t, err)
			if seen[path] {
				t.Fatalf("%s was given twice", path)
			}
			seen[path] = true
		}
	}
	if len(d.last) > maxRemembered {
		t.Errorf("%d numbers are remembered", len(d.last))
	}
}

// TestHarmless gives names that SafeName would not let through.
func TestHarmless(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open1(t, dir, Options{})
	for _, name := range []string{"../out", "/etc/passwd", ".staging", ".staging/x", "..", "", ".", "a\x00b", `..\..\x`, "a/b", strings.Repeat("x", 300), "\xff.txt", ".quarantine"} {
		s, err := d.StageRaw(t.Context(), strings.NewReader(name), "", name)
		check(t, err)
		deliver(t, d, []*Staged{s})
		if strings.ContainsAny(s.Path, "/\\\x00") || strings.HasPrefix(s.Path, ".") || len(s.Path) > 255 {
			t.Errorf("%q became %q", name, s.Path)
		}
		got, err := os.ReadFile(filepath.Join(dir, s.Path))
		if err != nil || string(got) != name {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
}

func TestQuarantineFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open1(t, dir, Options{})
	var group []*Staged
	for range 2 {
		s, err := d.StageRaw(t.Context(), strings.NewReader("raw mail"), ".quarantine", "m.eml")
		check(t, err)
		group = append(group, s)
	}
	deliver(t, d, group)
	if got := paths(group); !slices.Equal(got, []string{".quarantine/m.eml", ".quarantine/m-2.eml"}) {
		t.Errorf("paths %q", got)
	}
	if got := names(t, filepath.Join(dir, ".quarantine")); !slices.Equal(got, []string{"m-2.eml", "m.eml"}) {
		t.Errorf("files %q", got)
	}
	for _, folder := range []string{"..", ".", "a/../b", "/tmp", defaultStaging, "../x"} {
		if _, err := d.StageRaw(t.Context(), strings.NewReader("x"), folder, "m.eml"); err == nil {
			t.Errorf("folder %q was taken", folder)
		}
	}
	if got := names(t, filepath.Join(dir, defaultStaging)); len(got) != 0 {
		t.Errorf("left in the staging folder: %v", got)
	}
}

// TestPlantedLinks: a stranger who may write into the account's folder can't lead
// files out of it.
func TestPlantedLinks(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"..", "inside"} {
		for _, name := range []string{defaultStaging, ".quarantine"} {
			parent := t.TempDir()
			dir := filepath.Join(parent, "hans")
			check(t, os.MkdirAll(filepath.Join(dir, "inside"), 0o700))
			check(t, os.Symlink(target, filepath.Join(dir, name)))
			d, err := Open(dir, Options{})
			if err == nil {
				_, err = d.StageRaw(t.Context(), strings.NewReader("x"), ".quarantine", "m.eml")
				check(t, d.Close())
			}
			if err == nil || !strings.Contains(err.Error(), "is no folder") {
				t.Errorf("%s -> %s: error %v", name, target, err)
			}
			if got := names(t, parent); !slices.Equal(got, []string{"hans"}) {
				t.Errorf("%s -> %s: outside are %v", name, target, got)
			}
		}
	}
}

// TestOrder checks that each step is over before the next begins.
func TestOrder(t *testing.T) {
	t.Parallel()
	ops := &operations{}
	d := open1(t, t.TempDir(), Options{Hook: ops})
	s := stage(t, d, attached{"a", []byte("x")})[0]
	if err := d.Publish(t.Context(), []*Staged{s}); !errors.Is(err, ErrNotSynced) {
		t.Errorf("Publish before Sync: %v", err)
	}
	ops.mu.Lock()
	ops.steps = slices.DeleteFunc(ops.steps, func(s string) bool { return !strings.Contains(s, d.folderID) })
	ops.mu.Unlock()
	deliver(t, d, []*Staged{s})
	want := []string{"create " + s.ID, "write " + s.ID, "fsync " + s.ID, "fsync folder .staging", "rename a", "fsync folder ", "fsync folder .staging"}
	if diff := cmp.Diff(want, ops.steps); diff != "" {
		t.Errorf("steps differ (-want +got):\n%s", diff)
	}
}

// TestSyncWaits holds up one fsync: Sync must not return before it.
func TestSyncWaits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		d, err := Open(dir, Options{Hook: &blocking{operations: &operations{}, release: release}})
		check(t, err)
		group := stage(t, d, attached{"a", []byte("x")}, attached{"b", []byte("y")})
		returned := make(chan error, 1)
		go func() { returned <- d.Sync(t.Context(), group) }()
		synctest.Wait()
		select {
		case err := <-returned:
			t.Errorf("Sync returned (%v) while an fsync was under way", err)
		default:
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := d.Sync(ctx, group); !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled Sync returned %v", err)
		}
		if err := d.Publish(t.Context(), []*Staged{group[0]}); !errors.Is(err, ErrNotSynced) {
			t.Errorf("Publish after a cancelled Sync: %v", err)
		}
		close(release)
		check(t, <-returned)
		check(t, d.Publish(t.Context(), group))
		check(t, d.Close())
	})
}

// blocking holds up the first fsync.
type blocking struct {
	*operations
	release chan struct{}
	held    atomic.Bool
}

func (b *blocking) Before(s Step, name string) error {
	if s == StepFsync && b.held.CompareAndSwap(false, true) {
		<-b.release
	}
	return b.operations.Before(s, name)
}

// TestFaults fails every step in turn, each the first and the second time it is
// done: the error must come out, nothing may stand by half, discarding must
// clean up, and another attempt must succeed.
func TestFaults(t *testing.T) {
	t.Parallel()
	body := bytes.Repeat([]byte("0123456789"), 20_000) // more than a block
	for _, s := range []Step{StepCreate, StepWrite, StepFsync, StepLook, StepRename, StepFsyncFolder} {
		for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EIO, syscall.EACCES} {
			for nth := 1; nth <= 2; nth++ {
				t.Run(fmt.Sprintf("%s/%v/%d", s, errno, nth), func(t *testing.T) {
					t.Parallel()
					dir := t.TempDir()
					ops := &operations{}
					d := open1(t, dir, Options{Hook: ops})
					seen := 0
					ops.fail = func(got Step, _ string) error {
						if got == s {
							if seen++; seen == nth {
								return errno
							}
						}
						return nil
					}
					group, err := tryDelivery(t.Context(), d, attached{"a.txt", body}, attached{"b.txt", body})
					if !errors.Is(err, errno) || !strings.Contains(err.Error(), dir) {
						t.Fatalf("error %v, want %v and the path", err, errno)
					}
					for _, name := range names(t, dir) {
						if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, body) {
							t.Errorf("%s stands with %d bytes, %v", name, len(got), err)
						}
					}
					if s == StepFsync { // final for its file
						if err := d.Sync(t.Context(), group); !errors.Is(err, errno) {
							t.Errorf("the second Sync after a failed fsync returned %v", err)
						}
						failures := 0
						for _, f := range group {
							if err := d.Publish(t.Context(), []*Staged{f}); errors.Is(err, ErrNotSynced) {
								failures++
							}
						}
						if failures != 2 {
							t.Errorf("%d of 2 files of the failed group could not be published", failures)
						}
					}
					check(t, d.Discard(t.Context(), group))
					if got := names(t, filepath.Join(dir, defaultStaging)); len(got) != 0 {
						t.Errorf("left in the staging folder: %v", got)
					}
					published := names(t, dir)
					if s == StepFsyncFolder { // final for the Directory
						if _, err := tryDelivery(t.Context(), d, attached{"c.txt", body}); !errors.Is(err, errno) {
							t.Errorf("the Directory works on after a failed fsync of a folder: %v", err)
						}
						check(t, d.Close())
						d = open1(t, dir, Options{})
					}
					group, err = tryDelivery(t.Context(), d, attached{"a.txt", body}, attached{"b.txt", body})
					check(t, err)
					if len(published) == 0 && !slices.Equal(paths(group), []string{"a.txt", "b.txt"}) {
						t.Errorf("the names of the discarded files are not free: %q", paths(group))
					}
					for _, f := range group {
						if got, err := os.ReadFile(filepath.Join(dir, f.Path)); err != nil || !bytes.Equal(got, body) {
							t.Errorf("%s has %d bytes, %v", f.Path, len(got), err)
						}
					}
				})
			}
		}
	}
}

func tryDelivery(ctx context.Context, d *Directory, files ...attached) ([]*Staged, error) {
	_, group, err := d.Stage(ctx, bytes.NewReader(mail(files...)), Plan{})
	if err != nil {
		return nil, err
	}
	if err := d.Sync(ctx, group); err != nil {
		return group, err
	}
	return group, d.Publish(ctx, group)
}

// TestStageFailure: a message that breaks off, is too deep, or panics leaves nothing.
func TestStageFailure(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open1(t, dir, Options{})
	whole := mail(attached{"a", bytes.Repeat([]byte("x"), 300_000)}, attached{"b", []byte("y")})
	cut := errors.New("the line was cut")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name string
		ctx  context.Context
		r    io.Reader
		o    extractor.Options
		want error
	}{
		{"cut", t.Context(), io.MultiReader(bytes.NewReader(whole[:350_000]), failing{cut}), extractor.Options{}, cut},
		{"cut near the end", t.Context(), io.MultiReader(bytes.NewReader(whole[:len(whole)-10]), failing{cut}), extractor.Options{}, cut},
		{"cancelled", cancelled, bytes.NewReader(whole), extractor.Options{}, context.Canceled},
		{"limit", t.Context(), bytes.NewReader(whole), extractor.Options{Limits: extractor.Limits{Parts: 2}}, nil},
	}
	for _, tt := range tests {
		m, staged, err := d.Stage(tt.ctx, tt.r, Plan{Extract: tt.o})
		if err == nil || m != nil || staged != nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, %v, %v", tt.name, m, staged, err)
		}
		if _, ok := errors.AsType[*extractor.LimitError](err); ok != (tt.want == nil) {
			t.Errorf("%s: a limit error: %v (%v)", tt.name, ok, err)
		}
		if got := names(t, filepath.Join(dir, defaultStaging)); len(got) != 0 {
			t.Errorf("%s: left in the staging folder: %v", tt.name, got)
		}
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic did not come through")
			}
		}()
		d.Stage(t.Context(), io.MultiReader(bytes.NewReader(whole[:350_000]), panicking{}), Plan{})
	}()
	if got := names(t, filepath.Join(dir, defaultStaging)); len(got) != 0 || len(d.files) != 0 || len(d.reserved) != 0 {
		t.Errorf("left after a panic: %v, %d files, %d names", got, len(d.files), len(d.reserved))
	}
	deliver(t, d, stage(t, d, attached{"a", nil}))
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("index out of range") }

// TestRecovery publishes with what a ledger keeps, after a crash at each point.
func TestRecovery(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := open1(t, dir, Options{})
	group := stage(t, first, attached{"a", []byte("1")}, attached{"b", []byte("2")}, attached{"c", []byte("3")})
	check(t, first.Sync(t.Context(), group))
	check(t, first.Publish(t.Context(), []*Staged{group[0]}))
	lost := stage(t, first, attached{"lost", []byte("4")}) // the ledger never came to know it
	// The crash: nothing is closed. A consumer moves the first file away.
	check(t, os.Remove(filepath.Join(dir, "a")))
	check(t, os.WriteFile(filepath.Join(dir, "b"), []byte("other"), 0o600)) // and somebody takes a name

	ops := &operations{}
	second := open1(t, dir, Options{Hook: ops})
	recorded := make([]*Staged, len(group))
	for i, s := range group {
		recorded[i] = &Staged{ID: s.ID, Path: s.Path}
	}
	removed, err := second.Sweep(t.Context(), func(id string) bool {
		return slices.ContainsFunc(recorded, func(s *Staged) bool { return s.ID == id })
	})
	if err != nil || removed != 1 {
		t.Errorf("Sweep removed %d, %v, want 1", removed, err)
	}
	check(t, second.Publish(t.Context(), recorded))
	for i, want := range []bool{true, false, false} {
		if got := recorded[i].Before; got != want {
			t.Errorf("%s was published before: %v, want %v", recorded[i].Path, got, want)
		}
	}
	if last := ops.steps[len(ops.steps)-2:]; !slices.Equal(last, []string{"fsync folder ", "fsync folder .staging"}) {
		t.Errorf("Publish ended with %q", last)
	}
	if got := paths(recorded); !slices.Equal(got, []string{"a", "b-2", "c"}) {
		t.Errorf("paths %q", got)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"b", "b-2", "c"}) {
		t.Errorf("files %q", got)
	}
	if _, err := os.Lstat(filepath.Join(dir, defaultStaging, lost[0].ID)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the swept file: %v", err)
	}
}

// TestGoneAlone: what was published and whose rename may not be durable yet is
// made so by the recovery, even when nothing is left to rename.
func TestGoneAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := open1(t, dir, Options{})
	s, err := first.StageRaw(t.Context(), strings.NewReader("x"), ".quarantine", "m.eml")
	check(t, err)
	check(t, first.Sync(t.Context(), []*Staged{s}))
	check(t, first.Publish(t.Context(), []*Staged{s}))
	ops := &operations{}
	second := open1(t, dir, Options{Hook: ops})
	again := &Staged{ID: s.ID, Path: s.Path}
	check(t, second.Publish(t.Context(), []*Staged{again}))
	if !again.Before {
		t.Error("it counts as published just now")
	}
	if last := ops.steps[len(ops.steps)-2:]; !slices.Equal(last, []string{"fsync folder .quarantine", "fsync folder .staging"}) {
		t.Errorf("Publish ended with %q", last)
	}
}

// TestOtherFolder: staging files that are missing because the disk is not
// mounted, or because the folder was removed, must not pass for delivered.
func TestOtherFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "hans")
	first := open1(t, dir, Options{})
	group := stage(t, first, attached{"a", []byte("1")}, attached{"b", []byte("2")})
	check(t, first.Sync(t.Context(), group))
	check(t, os.Rename(dir, dir+".unmounted"))

	second := open1(t, dir, Options{})
	third := open1(t, dir, Options{}) // and after the next start
	for _, d := range []*Directory{second, third, first} {
		err := d.Publish(t.Context(), []*Staged{{ID: group[0].ID, Path: "a"}})
		if d == first { // its folder is still there, elsewhere
			check(t, err)
			continue
		}
		if !errors.Is(err, ErrOtherFolder) {
			t.Errorf("error %v, want ErrOtherFolder", err)
		}
	}
	check(t, os.RemoveAll(dir+".unmounted"))
	if err := first.Publish(t.Context(), []*Staged{group[1]}); err == nil || group[1].Before {
		t.Errorf("in a removed folder: %v", err)
	}
	if _, _, err := first.Stage(t.Context(), bytes.NewReader(mail(attached{"c", nil})), Plan{}); err == nil {
		t.Error("staging in a removed folder succeeded")
	}
	// A file that somebody removed between Sync and Publish was not delivered.
	s := stage(t, second, attached{"a", []byte("1")})[0]
	check(t, second.Sync(t.Context(), []*Staged{s}))
	check(t, os.Remove(filepath.Join(dir, defaultStaging, s.ID)))
	if err := second.Publish(t.Context(), []*Staged{s}); err == nil || s.Before {
		t.Errorf("a removed staging file: %v", err)
	}
}

func TestPublishRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "victim"), nil, 0o600))
	d := open1(t, dir, Options{})
	id := d.newID()
	for _, s := range []Staged{
		{ID: "../victim", Path: "a"},
		{ID: "", Path: "a"},
		{ID: folderIDFile, Path: "a"},
		{ID: id, Path: "../a"},
		{ID: id, Path: ""},
		{ID: id, Path: "/etc/a"},
		{ID: id, Path: ".staging/a"},
		{ID: id, Path: "x/../y/a"},
		{ID: id, Path: ".a"},
	} {
		if err := d.Publish(t.Context(), []*Staged{&s}); err == nil || s.Before {
			t.Errorf("%+v: %v", s, err)
		}
	}
	if err := d.Discard(t.Context(), []*Staged{{ID: "../victim"}, {ID: folderIDFile}, {ID: id}}); err == nil {
		t.Error("Discard took a name that is no staging file's")
	}
	if got := names(t, dir); !slices.Equal(got, []string{"victim"}) {
		t.Errorf("files %q", got)
	}
}

func TestSweepLeavesStrangers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open1(t, dir, Options{})
	mine := stage(t, d, attached{"a", []byte("x")})
	check(t, os.WriteFile(filepath.Join(dir, defaultStaging, "notes.txt"), nil, 0o600))
	halfMade := filepath.Join(dir, defaultStaging, folderIDFile+"-ABC") // by one that was killed as it made the ID
	check(t, os.WriteFile(halfMade, nil, 0o600))
	for range 1499 { // more than one read of the folder
		check(t, os.WriteFile(filepath.Join(dir, defaultStaging, d.newID()), nil, 0o600))
	}
	if removed, err := d.Sweep(t.Context(), nil); err != nil || removed != 1500 {
		t.Errorf("removed %d, %v", removed, err)
	}
	if got := names(t, filepath.Join(dir, defaultStaging)); len(got) != 2 {
		t.Errorf("left: %v", got)
	}
	deliver(t, d, mine)
}

func TestPrivateStaging(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := Open(dir, Options{Staging: ".attachd-extract-1"})
	check(t, err)
	deliver(t, d, stage(t, d, attached{"a", []byte("x")}))
	left := stage(t, d, attached{"b", []byte("x")})
	check(t, d.Close())
	if got := names(t, dir); !slices.Equal(got, []string{".attachd-extract-1", "a"}) {
		t.Errorf("files %q, want the folder with the file that was staged", got)
	}
	d, err = Open(dir, Options{Staging: ".attachd-extract-1"})
	check(t, err)
	check(t, d.Discard(t.Context(), left))
	check(t, d.Close())
	check(t, d.Close())
	if got := names(t, dir); !slices.Equal(got, []string{"a"}) {
		t.Errorf("files %q", got)
	}
	if _, _, err := d.Stage(t.Context(), bytes.NewReader(mail()), Plan{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Stage after Close: %v", err)
	}
	for _, name := range []string{"x", "..", ".", ".a/b", "../.x", `.a\b`} {
		if d, err := Open(dir, Options{Staging: name}); err == nil {
			d.Close()
			t.Errorf("staging folder %q was taken", name)
		}
	}
}

// TestTwoDirectories: two processes on one folder give the same names at the
// same time; no file may replace another. Each way to rename is tried.
func TestTwoDirectories(t *testing.T) {
	t.Parallel()
	for _, way := range []Step{StepRename, StepLink} {
		t.Run(string(way), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			const perDirectory = 200
			var mu sync.Mutex
			seen := make(map[string]string)
			var wg sync.WaitGroup
			for i := range 4 {
				d := open1(t, dir, Options{Staging: fmt.Sprintf(".staging-%d", i)})
				d.noRename2.Store(way == StepLink)
				wg.Go(func() {
					for n := range perDirectory {
						body := fmt.Sprintf("%d of %d", n, i)
						_, group, err := d.Stage(t.Context(), bytes.NewReader(mail(attached{"same.txt", []byte(body)})), Plan{})
						if err != nil {
							t.Error(err)
							return
						}
						if err := d.Sync(t.Context(), group); err != nil {
							t.Error(err)
							return
						}
						if err := d.Publish(t.Context(), []*Staged{group[0]}); err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						if other, ok := seen[group[0].Path]; ok {
							t.Errorf("%s was given to %s and to %s", group[0].Path, other, body)
						}
						seen[group[0].Path] = body
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			if len(seen) != 4*perDirectory {
				t.Errorf("%d names, want %d", len(seen), 4*perDirectory)
			}
			for path, want := range seen {
				if got, err := os.ReadFile(filepath.Join(dir, path)); err != nil || string(got) != want {
					t.Errorf("%s holds %q, %v, want %q", path, got, err, want)
				}
			}
		})
	}
}

// TestFallbacks takes the better ways to rename away, one after the other.
func TestFallbacks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		lacking map[Step]error
		last    Step
	}{
		{"no RENAME_NOREPLACE", map[Step]error{StepRename: syscall.EINVAL}, StepUnlink},
		{"no renameat2", map[Step]error{StepRename: syscall.ENOSYS}, StepUnlink},
		{"no hard links", map[Step]error{StepRename: syscall.EINVAL, StepLink: syscall.EPERM}, StepPlainRename},
		{"no hard links (FUSE)", map[Step]error{StepRename: syscall.EINVAL, StepLink: syscall.EOPNOTSUPP}, StepPlainRename},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			ops := &operations{fail: func(s Step, _ string) error { return tt.lacking[s] }}
			d := open1(t, dir, Options{Hook: ops})
			group := stage(t, d, attached{"a", []byte("1")}, attached{"b", []byte("2")})
			check(t, os.WriteFile(filepath.Join(dir, "a"), []byte("there"), 0o600))
			deliver(t, d, group)
			if got := paths(group); !slices.Equal(got, []string{"a-2", "b"}) {
				t.Errorf("paths %q", got)
			}
			for name, want := range map[string]string{"a": "there", "a-2": "1", "b": "2"} {
				if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
					t.Errorf("%s holds %q, %v, want %q", name, got, err, want)
				}
			}
			if got := names(t, filepath.Join(dir, defaultStaging)); len(got) != 0 {
				t.Errorf("left in the staging folder: %v", got)
			}
			if !slices.ContainsFunc(ops.steps, func(s string) bool { return strings.HasPrefix(s, string(tt.last)) }) {
				t.Errorf("%s was not tried: %q", tt.last, ops.steps)
			}
		})
	}
}

// TestCrashBetweenLinkAndUnlink: the file has both names then, and a consumer may
// have renamed the one that it sees. It must not come a second time.
func TestCrashBetweenLinkAndUnlink(t *testing.T) {
	t.Parallel()
	for _, moved := range []bool{false, true} {
		dir := t.TempDir()
		broken := errors.New("killed")
		ops := &operations{fail: func(s Step, _ string) error {
			return map[Step]error{StepRename: syscall.EINVAL, StepUnlink: broken}[s]
		}}
		first, err := Open(dir, Options{})
		check(t, err)
		first.options.Hook = ops
		s := stage(t, first, attached{"a", []byte("1")})[0]
		check(t, first.Sync(t.Context(), []*Staged{s}))
		if err := first.Publish(t.Context(), []*Staged{s}); !errors.Is(err, broken) {
			t.Fatalf("error %v", err)
		}
		want := "a"
		if moved {
			want = "taken by a consumer"
			check(t, os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, want)))
		}
		second := open1(t, dir, Options{})
		second.noRename2.Store(true)
		check(t, second.Publish(t.Context(), []*Staged{{ID: s.ID, Path: "a"}}))
		if got := names(t, dir); !slices.Equal(got, []string{want}) {
			t.Errorf("files %q, want %q", got, want)
		}
		if got := names(t, filepath.Join(dir, defaultStaging)); len(got) != 0 {
			t.Errorf("left in the staging folder: %v", got)
		}
		check(t, first.Close())
	}
}

// TestStageAndPublishTogether runs the two goroutines of a poll.
func TestStageAndPublishTogether(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open1(t, dir, Options{SyncWorkers: 3})
	groups := make(chan []*Staged, 1)
	go func() {
		defer close(groups)
		for range 40 {
			var group []*Staged
			for range 10 {
				_, staged, err := d.Stage(t.Context(), bytes.NewReader(mail(attached{"a.txt", []byte("x")}, attached{"b.txt", []byte("y")})), Plan{})
				if err != nil {
					t.Error(err)
					return
				}
				group = append(group, staged...)
			}
			groups <- group
		}
	}()
	for group := range groups {
		deliver(t, d, group)
	}
	if got := names(t, dir); len(got) != 800 {
		t.Errorf("%d files, want 800", len(got))
	}
}
