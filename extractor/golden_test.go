package extractor

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the .want files of the golden mail anew")

// goldenFolder holds the golden mail; its README says what stands where.
const goldenFolder = "testdata/golden"

// goldenMail is a message with a known outcome: NAME.eml or a message of generatedGoldens,
// and the outcome in NAME.want.
type goldenMail struct {
	name    string // "structure/01-two-parts"
	message []byte
}

// row is the folder that the message lies in: what it is about.
func (g goldenMail) row() string { return filepath.Dir(g.name) }

func (g goldenMail) file(ext string) string { return filepath.Join(goldenFolder, g.name+ext) }

// goldens returns the golden mail, in the order of its names.
func goldens(t testing.TB) []goldenMail {
	t.Helper()
	all := generatedGoldens()
	paths, err := filepath.Glob(filepath.Join(goldenFolder, "*", "*.eml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden mail: %v", err)
	}
	for _, path := range paths {
		message, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, _ := filepath.Rel(goldenFolder, strings.TrimSuffix(path, ".eml"))
		all = append(all, goldenMail{name, message})
	}
	slices.SortFunc(all, func(a, b goldenMail) int { return strings.Compare(a.name, b.name) })
	return all
}

// TestGolden compares what comes out of each message with its .want file. With
// -update it writes the files anew; without, what came out instead goes to a .got file.
func TestGolden(t *testing.T) {
	t.Parallel()
	all := goldens(t)
	for _, g := range all {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			g.check(t)
		})
	}
	wants, err := filepath.Glob(filepath.Join(goldenFolder, "*", "*.want"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range wants {
		if !slices.ContainsFunc(all, func(g goldenMail) bool { return g.file(".want") == path }) {
			t.Errorf("%s: there is no such message", path)
		}
	}
}

// check compares what comes out of the message with its .want file.
func (g goldenMail) check(t *testing.T) {
	t.Helper()
	old, err := os.ReadFile(g.file(".want"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	reason := old[:0:0]
	for line := range bytes.Lines(old) {
		if !bytes.HasPrefix(line, []byte("#")) {
			break
		}
		reason = append(reason, line...)
	}
	if len(bytes.Trim(reason, "# \n")) == 0 {
		t.Errorf("%s does not say why the case is there: begin it with a line \"# REASON\"", g.file(".want"))
	}
	got := string(reason) + g.outcome(t)
	write := func(ext string) {
		if err := os.WriteFile(g.file(ext), []byte(got), 0o644); err != nil {
			t.Error(err)
		}
	}
	switch diff := cmp.Diff(strings.Split(string(old), "\n"), strings.Split(got, "\n")); {
	case diff == "":
		_ = os.Remove(g.file(".got")) // of an earlier run
	case *update:
		write(".want")
	default:
		write(".got")
		t.Errorf("%s (-want +got):\n%s", g.file(".got"), diff)
	}
}

// outcome says what comes out of a message as it lies there, and what differs when
// its lines end otherwise.
func (g goldenMail) outcome(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	blocks := outcomes(t, g.message)
	b.WriteString(strings.Join(blocks, ""))
	message, how := otherLineEnds(g.message)
	if how == "" {
		return b.String()
	}
	others := outcomes(t, message)
	if len(others) != len(blocks) {
		fmt.Fprintf(&b, "\nwith %s, there are:\n%s", how, strings.Join(others, ""))
		return b.String()
	}
	if slices.Equal(others, blocks) {
		fmt.Fprintf(&b, "\nwith %s: the same\n", how)
		return b.String()
	}
	fmt.Fprintf(&b, "\nwith %s, these differ:\n", how)
	for i, block := range others {
		if block != blocks[i] {
			b.WriteString(block)
		}
	}
	return b.String()
}

// otherLineEnds gives LF to a message that has CRLF, and CRLF to one that has LF only.
func otherLineEnds(message []byte) (other []byte, how string) {
	switch {
	case bytes.Contains(message, []byte("\r\n")):
		return bytes.ReplaceAll(message, []byte("\r\n"), []byte("\n")), "LF for CRLF"
	case bytes.Contains(message, []byte("\n")):
		return bytes.ReplaceAll(message, []byte("\n"), []byte("\r\n")), "CRLF for LF"
	}
	return message, ""
}

// outcomes says what comes out of a message, in blocks: what is known of the message
// as a whole, then each part. However the message is cut, the same must come out.
func outcomes(t *testing.T, message []byte) []string {
	t.Helper()
	whole, m, err := captureWith(bytes.NewReader(message), Options{}, true)
	for name, r := range map[string]io.Reader{"byte by byte": iotest.OneByteReader(bytes.NewReader(message)), "in halves": iotest.HalfReader(bytes.NewReader(message))} {
		all, m2, err2 := captureWith(r, Options{}, true)
		if got, want := summary(all, m2, err2), summary(whole, m, err); got != want && (err == nil || fmt.Sprint(err) != fmt.Sprint(err2)) {
			t.Errorf("%s:\n%s\nwhole:\n%s", name, got, want)
		}
	}
	// Now without the message's own texts, as callers have it.
	all, m, err := captureWith(bytes.NewReader(message), Options{}, false)
	files := make(map[string]*captured)
	kept := 0
	for _, c := range all {
		if c.closed != 1 {
			t.Errorf("part %s was closed %d times", c.Part, c.closed)
		}
		if c.LeftOut == "" {
			kept++
		}
		files[c.Part+" "+c.Container] = c
	}
	if err != nil {
		return []string{fmt.Sprintf("error: %v\n", err)}
	}
	if m.Size != int64(len(message)) || m.Attachments != kept {
		t.Errorf("message of %d bytes and %d attachments, want %d and %d", m.Size, m.Attachments, len(message), kept)
	}
	blocks := []string{messageBlock(m)}
	for _, c := range whole {
		key := c.Part + " " + c.Container
		if file, ok := files[key]; ok {
			delete(files, key)
			blocks = append(blocks, attachmentBlock(file.Attachment)+contentLines(file.content.Bytes()))
			continue
		}
		if !slices.Contains(m.LeftOut, c.Attachment) {
			blocks = append(blocks, fmt.Sprintf("part %s: the message's own text\n  type: %s\n", c.Part, c.MediaType)+contentLines(c.content.Bytes()))
		}
	}
	for _, a := range m.LeftOut {
		if !slices.ContainsFunc(all, func(c *captured) bool { return c.Attachment == a }) {
			// It was never written.
			blocks = append(blocks, attachmentBlock(a))
		}
	}
	if len(files) > 0 {
		t.Errorf("%d files that come out only without the message's own texts", len(files))
	}
	return blocks
}

// messageBlock says what is known of the message as a whole.
func messageBlock(m *Message) string {
	var b strings.Builder
	fmt.Fprintf(&b, "message\n  attachments: %d\n", m.Attachments)
	for _, field := range [][2]string{{"message id", m.MessageID}, {"subject", m.Subject}, {"from", m.From}, {"to", m.To}} {
		if field[1] != "" {
			fmt.Fprintf(&b, "  %s: %q\n", field[0], field[1])
		}
	}
	if !m.Date.IsZero() {
		fmt.Fprintf(&b, "  date: %s\n", m.Date.Format(time.RFC3339))
	}
	slices.SortFunc(m.Problems, func(a, b Problem) int { return strings.Compare(a.String(), b.String()) })
	for _, p := range m.Problems {
		fmt.Fprintf(&b, "  problem: %s\n", quoted(p.String()))
	}
	return b.String()
}

// attachmentBlock says what is known of an attachment, its content left out.
func attachmentBlock(a *Attachment) string {
	var b strings.Builder
	fmt.Fprintf(&b, "part %s: attachment", a.Part)
	if a.LeftOut != "" {
		b.Reset()
		fmt.Fprintf(&b, "part %s: left out, %s", a.Part, a.LeftOut)
	}
	fmt.Fprintf(&b, "\n  name: %q\n  original name: %q\n  type: %s\n", a.Name, a.OriginalName, quoted(a.MediaType))
	for _, field := range [][2]string{{"disposition", a.Disposition}, {"content id", a.ContentID}, {"container", a.Container}, {"noise", a.Noise}} {
		if field[1] != "" {
			fmt.Fprintf(&b, "  %s: %s\n", field[0], quoted(field[1]))
		}
	}
	if a.Inline {
		b.WriteString("  inline\n")
	}
	if f := a.Fragment; f != nil {
		fmt.Fprintf(&b, "  fragment: %d of %d, %q\n", f.Number, f.Total, f.ID)
	}
	for _, p := range a.Problems {
		p.Part = "" // the block's
		fmt.Fprintf(&b, "  problem: %s\n", quoted(p.String()))
	}
	return b.String()
}

// shownContent is how long a content may be to be shown.
const shownContent = 200

// contentLines say what a content is: its bytes if there are few, how it begins otherwise.
func contentLines(content []byte) string {
	shown := fmt.Sprintf("content: %q", content)
	if len(content) > shownContent {
		shown = fmt.Sprintf("begins: %q", content[:60])
	}
	return fmt.Sprintf("  size: %d\n  sha256: %x\n  %s\n", len(content), sha256.Sum256(content), shown)
}

// quoted quotes what could not be read, or would break the line.
func quoted(s string) string {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}
