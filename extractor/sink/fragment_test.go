package sink

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/attachd/attachd/extractor"
)

// partOf is a message that is one piece of another.
func partOf(id string, number, total int, text string) string {
	of := ""
	if total > 0 {
		of = fmt.Sprintf("; total=%d", total)
	}
	return fmt.Sprintf("Content-Type: message/partial; id=%q; number=%d%s\r\n\r\n%s", id, number, of, text)
}

func stagePiece(t *testing.T, d *Directory, message string) ([]*Staged, error) {
	t.Helper()
	_, staged, err := d.Stage(t.Context(), strings.NewReader(message), Plan{})
	return staged, err
}

// TestTooManyPieces: floods of pieces, of many messages, of one message or of one piece, end at a
// limit, which those from earlier count in; and a message that is whole with one more piece comes
// even so.
func TestTooManyPieces(t *testing.T) {
	t.Parallel()
	const staged = 20
	for name, flood := range map[string]func(i int) (number, total int, id string){
		"messages":        func(i int) (int, int, string) { return 1, 2, fmt.Sprint(i) },
		"numbers":         func(i int) (int, int, string) { return i + 1, 0, "a" },
		"copies":          func(int) (int, int, string) { return 1, 2, "a" },
		"copies, no last": func(int) (int, int, string) { return 1, 0, "a" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for i := range maxPieces - staged { // which were there before
				number, total, id := flood(i)
				folder, name := fragmentPath(&extractor.Fragment{ID: id, Number: number, Total: total})
				check(t, os.MkdirAll(filepath.Join(dir, folder), 0o700))
				if _, err := os.Lstat(filepath.Join(dir, folder, name)); err == nil {
					name = numbered(name, i+1, 255)
				}
				check(t, os.WriteFile(filepath.Join(dir, folder, name), []byte(partOf(id, number, total, "x")), 0o600))
			}
			looks := 0
			d := open1(t, dir, Options{Hook: hookFunc(func(s Step, _ string) error {
				if s == StepLook {
					looks++
				}
				return nil
			})})
			for i := range staged {
				number, total, id := flood(maxPieces - staged + i)
				group, err := stagePiece(t, d, partOf(id, number, total, "x"))
				check(t, err)
				if len(group) != 1 || group[0].Kind != Fragment {
					t.Fatalf("piece %d: staged %+v", i, group)
				}
				deliver(t, d, group)
			}
			if looks > 25*staged {
				t.Errorf("%d looks at names for %d pieces", looks, staged)
			}
			_, err := stagePiece(t, d, partOf("more", 1, 2, "x"))
			if full, ok := errors.AsType[*PiecesError](err); !ok || full.Pieces != maxPieces || full.Bytes < maxPieces*50 {
				t.Errorf("error %v, want a PiecesError", err)
			}
			_, err = stagePiece(t, d, partOf("more", 1, 1, "Content-Type: a/b; name=x\r\n\r\nx"))
			check(t, err)
		})
	}
}

// TestPieceBytes: large pieces are fewer.
func TestPieceBytes(t *testing.T) {
	t.Parallel()
	d := open1(t, t.TempDir(), Options{})
	_, err := stagePiece(t, d, partOf("a", 1, 2, "x"))
	check(t, err)
	d.waiting.mu.Lock()
	d.waiting.bytes += maxPieceBytes // of what is not worth writing for a test
	d.waiting.mu.Unlock()
	_, err = stagePiece(t, d, partOf("a", 1, 3, "x"))
	if _, ok := errors.AsType[*PiecesError](err); !ok {
		t.Errorf("error %v, want a PiecesError", err)
	}
}

// TestPieceDiscarded: a piece that was staged and given up does not pass for one that is there.
func TestPieceDiscarded(t *testing.T) {
	t.Parallel()
	const head, tail = "Content-Type: a/b; name=x\r\n\r\n", "body"
	d := open1(t, t.TempDir(), Options{})
	first, err := stagePiece(t, d, partOf("a", 1, 2, head))
	check(t, err)
	check(t, d.Discard(t.Context(), first))
	second, err := stagePiece(t, d, partOf("a", 2, 2, tail))
	check(t, err)
	if second[0].Kind != Fragment {
		t.Fatalf("staged %+v", second[0])
	}
	deliver(t, d, second)
	check(t, d.RemoveFile(t.Context(), second[0].Path))
	again, err := stagePiece(t, d, partOf("a", 1, 2, head))
	check(t, err)
	if again[0].Kind != Fragment {
		t.Fatalf("staged %+v", again[0])
	}
	whole, err := stagePiece(t, d, partOf("a", 2, 2, tail))
	check(t, err)
	if len(whole) != 1 || whole[0].Kind != File || whole[0].Joined == "" || d.waiting.count != 1 {
		t.Errorf("staged %+v with %d pieces waiting", whole[0], d.waiting.count)
	}
}

// TestPieceIsMessage: a piece that waits is a message by itself, which is the same piece when it is
// read again.
func TestPieceIsMessage(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"a@b", "with blanks", "quoted \" and \\", "umlaut ü", strings.Repeat("x", 2000)} {
		dir := t.TempDir()
		d := open1(t, dir, Options{})
		var at []string
		subject := "=?UTF-8?Q?caf=C3=A9=0D=0ABcc:_x?= " + strings.Repeat("long ", 300)
		message := "From: =?UTF-8?Q?J=C3=BCrgen?= <j@example.org>\r\nSubject: " + subject + "\r\n" + partOf(id, 2, 3, "line\r\nline\r\n")
		for range 3 {
			staged, err := stagePiece(t, d, message)
			check(t, err)
			f := staged[0].Attachment.Fragment
			if f == nil || f.Number != 2 || f.Total != 3 {
				t.Fatalf("%q: staged %+v", id, staged[0])
			}
			deliver(t, d, staged)
			raw, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(staged[0].Path)))
			check(t, err)
			if !bytes.HasSuffix(raw, []byte(endOfHeader+"line\r\nline\r\n")) {
				t.Errorf("%q: the piece is %q", id, raw)
			}
			if !strings.HasPrefix(string(raw), "From: Jürgen <j@example.org>\r\nSubject: café Bcc: x long long ") || len(raw) > 3<<10 {
				t.Errorf("%q: its header is %q", id, raw)
			}
			message = string(raw)
			at = append(at, fmt.Sprint(fragmentPath(&extractor.Fragment{ID: f.ID})))
		}
		if at[1] != at[2] || id == "a@b" && at[0] != at[1] {
			t.Errorf("%q: pieces %q", id, at)
		}
	}
}
