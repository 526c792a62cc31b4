package mailfile

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func readMbox(t *testing.T, r *bufio.Reader) []string {
	t.Helper()
	var got []string
	err := Mbox(r, func(m io.Reader) error {
		b, err := io.ReadAll(m)
		got = append(got, string(b))
		return err
	})
	if err != nil {
		t.Fatalf("Mbox: %v", err)
	}
	return got
}

func TestMbox(t *testing.T) {
	t.Parallel()
	const mark = "From hans@example.org Mon Nov 23 05:00:00 2026\n"
	tests := []struct {
		name, in string
		want     []string
	}{
		{"empty file", "", nil},
		{"one message", mark + "A: b\n\ntext\n", []string{"A: b\n\ntext\n"}},
		{"the separating blank line is not the message's", mark + "A: 1\n\none\n\n" + mark + "A: 2\n\ntwo\n\n", []string{"A: 1\n\none\n", "A: 2\n\ntwo\n"}},
		{"blank lines inside stay", mark + "A: 1\n\none\n\n\ntwo\n", []string{"A: 1\n\none\n\n\ntwo\n"}},
		{"a sentence is no postmark", mark + "A: 1\n\nHello\n\nFrom now on\n", []string{"A: 1\n\nHello\n\nFrom now on\n"}},
		{"a postmark must follow a blank line", mark + "A: 1\n\nHello\n" + mark, []string{"A: 1\n\nHello\n" + mark}},
		{"quoting is undone once", mark + "A: 1\n\n>From me\n>>From you\n> From him\n", []string{"A: 1\n\nFrom me\n>From you\n> From him\n"}},
		{"CRLF stays", "From a Mon Nov 23 05:00:00 2026\r\nA: 1\r\n\r\nx\r\n\r\nFrom b Mon Nov 23 05:00:00 2026\r\nA: 2\r\n", []string{"A: 1\r\n\r\nx\r\n", "A: 2\r\n"}},
		{"cut after the postmark", mark, []string{""}},
		{"no newline at the end", mark + "A: 1\n\nx", []string{"A: 1\n\nx"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for name, r := range map[string]io.Reader{"whole": strings.NewReader(test.in), "byte by byte": iotest.OneByteReader(strings.NewReader(test.in))} {
				if diff := cmp.Diff(test.want, readMbox(t, bufio.NewReaderSize(r, 512))); diff != "" {
					t.Errorf("%s: messages differ (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}

func TestMboxLongLines(t *testing.T) {
	t.Parallel()
	const mark = "From a Mon Nov 23 05:00:00 2026\n"
	long := strings.Repeat("x", 5000)
	in := mark + "A: " + long + "\n\n" + long + "From b 05:00:00\n\n" + mark + "B: 2\n"
	want := []string{"A: " + long + "\n\n" + long + "From b 05:00:00\n", "B: 2\n"}
	if diff := cmp.Diff(want, readMbox(t, bufio.NewReaderSize(strings.NewReader(in), 512))); diff != "" {
		t.Errorf("messages differ (-want +got):\n%s", diff)
	}
}

// What a caller leaves unread must not become part of the next message.
func TestMboxSkipsWhatIsLeft(t *testing.T) {
	t.Parallel()
	const mark = "From a Mon Nov 23 05:00:00 2026\n"
	in := mark + "A: 1\n\nbody\n\n" + mark + "B: 2\n"
	var firsts []string
	err := Mbox(bufio.NewReader(strings.NewReader(in)), func(m io.Reader) error {
		b := make([]byte, 1)
		_, err := io.ReadFull(m, b)
		firsts = append(firsts, string(b))
		return err
	})
	if err != nil || strings.Join(firsts, "") != "AB" {
		t.Errorf("first bytes %q, error %v; want A, B and none", firsts, err)
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := map[string]string{
		"a.eml":                       "Subject: a\n\n",
		"bom.eml":                     "\xef\xbb\xbf\r\nSubject: bom\r\n\r\n",
		"notes.md":                    "# not mail\n",
		"settings":                    "colour: blue\nroot:x:0:0\n",
		"picture.png":                 "\x89PNG\r\n",
		".hidden":                     "Subject: hidden\n\n",
		"archive":                     "From a Mon Nov 23 05:00:00 2026\nSubject: m1\n\n\nFrom b Mon Nov 23 05:00:00 2026\nSubject: m2\n\n",
		"Maildir/new/1.host":          "Subject: new\n\n",
		"Maildir/cur/2.host:2,S":      "no header at all",
		"Maildir/tmp/3.host":          "Subject: half",
		"Maildir/dovecot-uidlist":     "3 V1 N2",
		"Maildir/.Sent/cur/4.host":    "Subject: sent\n\n",
		"Maildir/.Sent/tmp/x":         "Subject: half",
		"deeper/still/b.eml":          "Subject: b\n\n",
		"deeper/.git/objects/c":       "Subject: c\n\n",
		"empty.eml":                   "",
		"Maildir/.Sent/maildirfolder": "",
	}
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(dir, filepath.Join(dir, "deeper", "loop")); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	ignored, err := Messages(t.Context(), dir, "", func(source string, _ int64, r io.Reader) error {
		b, err := io.ReadAll(r)
		rel, _ := filepath.Rel(dir, source)
		got[filepath.ToSlash(rel)] = string(bytes.TrimSpace(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"a.eml": "Subject: a", "bom.eml": "\xef\xbb\xbf\r\nSubject: bom",
		"archive:1": "Subject: m1", "archive:2": "Subject: m2",
		"Maildir/new/1.host": "Subject: new", "Maildir/cur/2.host:2,S": "no header at all",
		"Maildir/.Sent/cur/4.host": "Subject: sent", "deeper/still/b.eml": "Subject: b",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages differ (-want +got):\n%s", diff)
	}
	if ignored != 5 { // notes.md, settings, picture.png, empty.eml, the loop
		t.Errorf("ignored %d files, want 5", ignored)
	}
}

// A file that is named itself is read whatever it looks like.
func TestMessagesOfOneFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, []byte("no header"), 0o600); err != nil {
		t.Fatal(err)
	}
	var n int
	_, err := Messages(t.Context(), path, "", func(_ string, size int64, r io.Reader) error {
		n++
		if size != 9 {
			t.Errorf("size %d, want 9", size)
		}
		return nil
	})
	if err != nil || n != 1 {
		t.Errorf("%d messages, error %v; want 1 and none", n, err)
	}
}

func TestMessagesEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"1.eml", "2.eml"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("Subject: b\n\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stop := errors.New("stop")
	if _, err := Messages(t.Context(), dir, "", func(string, int64, io.Reader) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error %v, want the caller's", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	_, err := Messages(ctx, dir, "", func(string, int64, io.Reader) error { n++; cancel(); return nil })
	if !errors.Is(err, context.Canceled) || n != 1 {
		t.Errorf("%d messages, error %v; want 1 and the cancellation", n, err)
	}
	if _, err := Messages(t.Context(), filepath.Join(dir, "missing"), "", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want that the path does not exist", err)
	}
}

// What is written below the folder that is read is not read again.
func TestMessagesExcept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out := filepath.Join(dir, "deeper", "out")
	if err := os.MkdirAll(out, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "1.eml"), filepath.Join(out, "2.eml")} {
		if err := os.WriteFile(path, []byte("Subject: b\n\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if octets := Octets(dir); octets != 24 {
		t.Errorf("%d octets, want 24", octets)
	}
	for except, want := range map[string]int{"": 2, out: 1, dir: 2} {
		n := 0
		if _, err := Messages(t.Context(), dir, except, func(string, int64, io.Reader) error { n++; return nil }); err != nil || n != want {
			t.Errorf("except %q: %d messages, error %v; want %d", except, n, err, want)
		}
	}
}

// A file that can't be opened does not keep the others from being read.
func TestMessagesUnreadable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"1.eml", "3.eml"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("Subject: b\n\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	closed := filepath.Join(dir, "2")
	if err := os.Mkdir(closed, 0); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	n := 0
	_, err := Messages(t.Context(), dir, "", func(string, int64, io.Reader) error { n++; return nil })
	if unreadable := (*UnreadableError)(nil); !errors.As(err, &unreadable) || len(unreadable.Errs) != 1 || n != 2 {
		t.Errorf("%d messages, error %v; want both and the closed folder", n, err)
	}
}

func FuzzMbox(f *testing.F) {
	f.Add([]byte("From a 05:00:00\nA: 1\n\n>From x\n\nFrom b 05:00:00\nB: 2\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		// However the file arrives, the messages are the same, and together no
		// longer than it.
		var want []string
		total := 0
		if err := Mbox(bufio.NewReaderSize(bytes.NewReader(in), 512), func(m io.Reader) error {
			b, err := io.ReadAll(m)
			want, total = append(want, string(b)), total+len(b)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if total > len(in) {
			t.Errorf("%d bytes out of %d", total, len(in))
		}
		var got []string
		if err := Mbox(bufio.NewReaderSize(iotest.HalfReader(bytes.NewReader(in)), 512), func(m io.Reader) error {
			b, err := io.ReadAll(iotest.OneByteReader(m))
			got = append(got, string(b))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("messages depend on how the file arrives:\n%s", diff)
		}
	})
}

// In doubt a text is mail; what has no field of mail anywhere is none.
func TestMayBeMail(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"":                                                      false,
		" \n\t\n":                                               false,
		"root:x:0:0:root:/root:/bin/sh\n":                       false,
		"-----BEGIN CERTIFICATE-----\nMIIB\n":                   false,
		"see this: it has a colon\n":                            false,
		"Dear all,\nfrom now on\n":                              false,
		"x-ray of the hand: none\n":                             false,
		strings.Repeat("a line\n", 9000):                        false,
		"Subject: x\n\n":                                        true,
		"junk\nmore junk\nMESSAGE-ID :<1@x>":                    true,
		"\xef\xbb\xbf\r\n\r\nfrom: a@b\r\n":                     true,
		"junk\rReceived: by x\rTo: y\r":                         true,
		"--b\nContent-Type: text/plain\n":                       true,
		"X-Mozilla-Status: 0001\n":                              true,
		"text\nFrom a@b Mon Nov 23 05:00:00 2026\nA: nothing\n": true,
	} {
		if got := MayBeMail([]byte(text)); got != want {
			t.Errorf("MayBeMail(%.50q) = %v, want %v", text, got, want)
		}
	}
}
