package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// maxCommentColumns is the longest line of a comment, its indentation included.
const maxCommentColumns = 100

// clumsy are phrases that a reader has to read twice, and what to write instead.
var clumsy = []struct {
	phrase  *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`(?i)\bof which\b`), `two sentences, or "whose", or "without"`},
	{regexp.MustCompile(`(?i)\bbut for\b`), `"except", "unless" or "different only in"`},
	{regexp.MustCompile(`(?i)\bmanieth\b`), `"which", or "the number of"`},
	{regexp.MustCompile(`(?i)\bwhose\b[^.:;]*\bwhose\b`), `two sentences, or a list`},
}

// TestProse reads the comments of all Go files and all pages. It looks for clumsy phrases, also
// across the end of a line, and for comments with lines that are too long. A line with a URL may be
// as long as the URL, and the output that an example must have is not prose.
func TestProse(t *testing.T) {
	t.Parallel()
	for page, text := range pages(t) {
		readProse(t, strings.TrimPrefix(filepath.ToSlash(page), "../../"), 1, strings.Split(text, "\n"))
	}
	for _, file := range sources(t, parser.ParseComments) {
		name := file.set.Position(file.syntax.Pos()).Filename
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		for _, group := range file.syntax.Comments {
			var prose []string
			first := file.set.Position(group.Pos()).Line
			for _, comment := range group.List {
				if strings.HasPrefix(comment.Text, "// Output:") {
					break
				}
				prose = append(prose, strings.Split(comment.Text, "\n")...)
				checkColumns(t, file, comment, lines)
			}
			readProse(t, path.Join(file.pkg, file.name), first, prose)
		}
	}
}

// checkColumns fails the test for each line of a comment that is too long. A comment behind code
// counts with the code and is left alone.
func checkColumns(t *testing.T, file source, comment *ast.Comment, lines []string) {
	t.Helper()
	at := file.set.Position(comment.Pos()).Line
	for i, text := range strings.Split(comment.Text, "\n") {
		line := lines[at-1+i]
		if strings.TrimSpace(line) != strings.TrimSpace(text) || strings.HasPrefix(text, "//go:") || strings.Contains(text, "://") {
			continue
		}
		if n := utf8.RuneCountInString(line); n > maxCommentColumns {
			t.Errorf("%s/%s:%d: %d columns in a line of a comment, at most %d", file.pkg, file.name, at+i, n, maxCommentColumns)
		}
	}
}

// readProse fails the test for each clumsy phrase in these lines. The first line has that number.
func readProse(t *testing.T, name string, first int, lines []string) {
	t.Helper()
	for i, faults := range findClumsy(lines) {
		for _, fault := range faults {
			t.Errorf("%s:%d: %s", name, first+i, fault)
		}
	}
}

// findClumsy says for each line which clumsy phrases begin in it. They may end in the next line.
func findClumsy(lines []string) [][]string {
	faults := make([][]string, len(lines))
	next := ""
	for i := len(lines) - 1; i >= 0; i-- {
		line := strings.TrimLeft(lines[i], "/*> \t")
		both := line + " " + next
		for _, c := range clumsy {
			if at := c.phrase.FindStringIndex(both); at != nil && at[0] < len(line) {
				faults[i] = append(faults[i], fmt.Sprintf("%q: write %s", both[at[0]:at[1]], c.instead))
			}
		}
		next = line
	}
	return faults
}

// TestFindClumsy: phrases are found within a line and across its end, in the line where they begin.
func TestFindClumsy(t *testing.T) {
	t.Parallel()
	lines := strings.Split("// a mail of\n// which we know, but\n// for its size, the how manieth\n// that came, whose place and whose name count;\n// whose this is. Whose that is.", "\n")
	for i, found := range findClumsy(lines) {
		if want := min(1, 4-i); len(found) != want {
			t.Errorf("line %d: %q, want %d", i+1, found, want)
		}
	}
}
