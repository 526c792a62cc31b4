package sinktest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Place is where sinks deliver to, one after the other.
type Place interface {
	// Open opens a sink as a new process does. Those that were opened before are neither closed nor
	// used any more, as if their processes had been killed.
	Open(t *testing.T) delivery.Sink
	// Files returns what was published and is there, by path, what lies in quarantine included and
	// staging files not.
	Files(t *testing.T) map[string]string
}

// Test checks all that [delivery.Sink] promises. Each part of it gets an empty place.
func Test(t *testing.T, newPlace func(t *testing.T) Place) {
	for name, part := range map[string]func(t *testing.T, p Place){
		"stage":                  testStage,
		"stage fails":            testStageFails,
		"publish":                testPublish,
		"publish over others":    testPublishOverOthers,
		"publish after a crash":  testPublishAfterCrash,
		"publish, cancelled":     testPublishCancelled,
		"discard":                testDiscard,
		"sweep":                  testSweep,
		"mark":                   testMark,
		"files in quarantine":    testQuarantine,
		"pieces":                 testPieces,
		"cancelled":              testCancelled,
		"calls at once":          testCallsAtOnce,
		"nothing to do":          testNothing,
		"room":                   testRoom,
		"an order that is asked": testOrder,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			part(t, newPlace(t))
		})
	}
	t.Run("staged elsewhere", func(t *testing.T) {
		t.Parallel()
		testElsewhere(t, newPlace(t), newPlace(t))
	})
}

// message is a mail with one attachment, for sinks that take mail apart.
func message(name, body string) io.Reader {
	return strings.NewReader("From: a@example.org\r\nSubject: s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n" +
		"--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"" + name + "\"\r\n\r\n" + body + "\r\n--b--\r\n")
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// raw stages files with their names for bodies, and syncs them.
func raw(t *testing.T, s delivery.Sink, folder string, names ...string) []ledger.Attachment {
	t.Helper()
	var files []ledger.Attachment
	for _, name := range names {
		f, err := s.StageRaw(t.Context(), strings.NewReader(name), folder, name)
		check(t, err)
		files = append(files, f)
	}
	check(t, s.Sync(t.Context(), files))
	return files
}

// recorded is what the ledger keeps of files, and a later sink is told.
func recorded(files []ledger.Attachment) []*ledger.Attachment {
	var all []*ledger.Attachment
	for _, f := range files {
		all = append(all, &ledger.Attachment{StagingID: f.StagingID, Path: f.Path})
	}
	return all
}

func wantFiles(t *testing.T, p Place, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, p.Files(t)); diff != "" {
		t.Errorf("files differ (-want +got):\n%s", diff)
	}
}

// wantSwept checks how many staging files are left, which are gone then.
func wantSwept(t *testing.T, p Place, want int) {
	t.Helper()
	if n, err := p.Open(t).Sweep(t.Context()); n != want || err != nil {
		t.Errorf("%d staging files were left, want %d; error %v", n, want, err)
	}
}

func testStage(t *testing.T, p Place) {
	s := p.Open(t)
	var files []ledger.Attachment
	for _, uidl := range []string{"uid-1", "uid-2"} { // the same mail twice
		m, err := s.Stage(t.Context(), uidl, message("a.txt", "content"))
		check(t, err)
		if len(m.Attachments) == 0 {
			t.Fatal("nothing was staged")
		}
		files = append(files, m.Attachments...)
	}
	others := make(map[string]digest.Digest)
	for _, f := range files {
		is, err := s.Digest(t.Context(), f, digest.Other)
		check(t, err)
		others[f.StagingID] = is
	}
	check(t, s.Sync(t.Context(), files))
	wantFiles(t, p, map[string]string{})
	published := make([]*ledger.Attachment, len(files))
	for i := range files {
		published[i] = &files[i]
	}
	check(t, s.Publish(t.Context(), published))
	stand := p.Files(t)
	if len(stand) != len(files) {
		t.Errorf("%d files stand there, %d were staged", len(stand), len(files))
	}
	for _, f := range files {
		body, ok := stand[f.Path]
		if !ok || f.Size != int64(len(body)) || f.Digests.Get(digest.Own) != digest.Of(digest.Own, []byte(body)) {
			t.Errorf("%+v stands there as %q", f, body)
		}
		if others[f.StagingID] != digest.Of(digest.Other, []byte(body)) {
			t.Errorf("%s was read back as %s", f.Path, others[f.StagingID])
		}
	}
	wantSwept(t, p, 0)
}

// cut reads as a line does that breaks.
type cut struct{ err error }

func (c cut) Read([]byte) (int, error) { return 0, c.err }

func testStageFails(t *testing.T, p Place) {
	s := p.Open(t)
	broken := errors.New("the line broke")
	half := io.LimitReader(message("a.txt", strings.Repeat("content", 100_000)), 300_000)
	if _, err := s.Stage(t.Context(), "uid-1", io.MultiReader(half, cut{broken})); !errors.Is(err, broken) {
		t.Errorf("error %v of a message that is cut", err)
	}
	if _, err := s.StageRaw(t.Context(), io.MultiReader(strings.NewReader("x"), cut{broken}), "", "a"); !errors.Is(err, broken) {
		t.Errorf("error %v of a file that is cut", err)
	}
	wantSwept(t, p, 0)
	wantFiles(t, p, map[string]string{})
}

func testMark(t *testing.T, p Place) {
	for _, want := range []int64{0, 7, 8, 3} {
		s := p.Open(t)
		if want > 0 {
			check(t, s.SetMark(t.Context(), want))
		}
		for _, s := range []delivery.Sink{s, p.Open(t)} {
			if got, err := s.Mark(t.Context()); got != want || err != nil {
				t.Errorf("mark %d, error %v, want %d", got, err, want)
			}
		}
	}
}

func testQuarantine(t *testing.T, p Place) {
	s := p.Open(t)
	files := recorded(raw(t, s, ".quarantine", "a.eml"))
	check(t, s.Publish(t.Context(), files))
	s = p.Open(t)
	f, err := s.OpenFile(t.Context(), files[0].Path)
	check(t, err)
	for range 2 {
		if body, err := io.ReadAll(f); string(body) != "a.eml" || err != nil {
			t.Errorf("it holds %q, error %v", body, err)
		}
		if at, err := f.Seek(0, io.SeekStart); at != 0 || err != nil {
			t.Errorf("at %d, error %v", at, err)
		}
	}
	check(t, f.Close())
	for range 2 {
		check(t, s.RemoveFile(t.Context(), files[0].Path))
		if _, err := s.OpenFile(t.Context(), files[0].Path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("error %v of a file that is gone", err)
		}
	}
	wantFiles(t, p, map[string]string{})
}

func testPieces(t *testing.T, p Place) {
	one, two := path.Join(delivery.PartialFolder, "one"), path.Join(delivery.PartialFolder, "two")
	s := p.Open(t)
	want := func(want bool) {
		t.Helper()
		for _, s := range []delivery.Sink{s, p.Open(t)} {
			if got, err := s.HasPieces(t.Context()); got != want || err != nil {
				t.Errorf("has pieces: %v, error %v, want %v", got, err, want)
			}
		}
	}
	want(false)
	check(t, s.RemovePieces(t.Context(), one))
	pieces := recorded(append(raw(t, s, one, "a-1.eml", "a-2.eml"), raw(t, s, two, "b-1.eml")...))
	check(t, s.Publish(t.Context(), pieces))
	want(true)
	check(t, s.RemovePieces(t.Context(), one))
	check(t, s.RemovePieces(t.Context(), one))
	want(true)
	wantFiles(t, p, map[string]string{two + "/b-1.eml": "b-1.eml"})
	check(t, s.RemoveFile(t.Context(), pieces[2].Path))
	want(false)
	wantFiles(t, p, map[string]string{})
}

// testCancelled: what is cancelled before it begins does nothing, and says so.
func testCancelled(t *testing.T, p Place) {
	s := p.Open(t)
	staged := raw(t, s, "", "a", "b")
	check(t, s.Publish(t.Context(), recorded(staged[:1])))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range map[string]func() error{
		"Stage":    func() error { _, err := s.Stage(ctx, "uid-1", message("a.txt", "x")); return err },
		"StageRaw": func() error { _, err := s.StageRaw(ctx, strings.NewReader("x"), "", "c"); return err },
		"Sync":     func() error { return s.Sync(ctx, staged[1:]) },
		"Publish":  func() error { return s.Publish(ctx, recorded(staged)) },
		"Discard":  func() error { return s.Discard(ctx, staged[1:]) },
		"Sweep":    func() error { _, err := s.Sweep(ctx); return err },
		"Free":     func() error { _, err := s.Free(ctx); return err },
		"SetMark":  func() error { return s.SetMark(ctx, 7) },
		"Mark":     func() error { _, err := s.Mark(ctx); return err },
		"OpenFile": func() error { _, err := s.OpenFile(ctx, "a"); return err },
		"RemoveFile": func() error {
			return s.RemoveFile(ctx, "a")
		},
		"HasPieces":    func() error { _, err := s.HasPieces(ctx); return err },
		"RemovePieces": func() error { return s.RemovePieces(ctx, path.Join(delivery.PartialFolder, "one")) },
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	wantFiles(t, p, map[string]string{"a": "a"})
	if mark, err := s.Mark(t.Context()); mark != 0 || err != nil {
		t.Errorf("mark %d, error %v", mark, err)
	}
	wantSwept(t, p, 1)
}

// testCallsAtOnce has two goroutines do what those of a poll do.
func testCallsAtOnce(t *testing.T, p Place) {
	const messages, each = 20, 5
	s := p.Open(t)
	groups := make(chan []ledger.Attachment)
	var poll sync.WaitGroup
	poll.Go(func() {
		defer close(groups)
		for range messages {
			var group []ledger.Attachment
			for range each {
				f, err := s.StageRaw(t.Context(), strings.NewReader("x"), "", "a")
				if err != nil {
					t.Error(err)
					return
				}
				group = append(group, f)
			}
			if err := s.Discard(t.Context(), group[:1]); err != nil {
				t.Error(err)
			}
			if _, err := s.Free(t.Context()); err != nil {
				t.Error(err)
			}
			groups <- group[1:]
		}
	})
	number := int64(0)
	for group := range groups {
		number++
		check(t, s.Discard(t.Context(), group[:1]))
		check(t, s.Sync(t.Context(), group[1:]))
		check(t, s.Publish(t.Context(), recorded(group[1:])))
		check(t, s.RemovePieces(t.Context(), path.Join(delivery.PartialFolder, "one")))
		check(t, s.SetMark(t.Context(), number))
		_, err := s.Free(t.Context())
		check(t, err)
	}
	poll.Wait()
	if n := len(p.Files(t)); n != messages*(each-2) {
		t.Errorf("%d files, want %d", n, messages*(each-2))
	}
	wantSwept(t, p, 0)
}

// testNothing: a group may be without a file, as all its attachments were received before.
func testNothing(t *testing.T, p Place) {
	s := p.Open(t)
	check(t, s.Sync(t.Context(), nil))
	check(t, s.Publish(t.Context(), nil))
	check(t, s.Discard(t.Context(), nil))
	wantFiles(t, p, map[string]string{})
	check(t, s.Close())
}

func testRoom(t *testing.T, p Place) {
	if n, err := p.Open(t).Free(t.Context()); n <= 0 || err != nil {
		t.Errorf("%d bytes free, error %v", n, err)
	}
}
