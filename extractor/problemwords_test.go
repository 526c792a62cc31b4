package extractor

import (
	"go/ast"
	goparser "go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// TestEachProblemHasWords: no kind of problem is shown to people by its name alone, and no two say
// the same.
func TestEachProblemHasWords(t *testing.T) {
	t.Parallel()
	kinds := 0
	said := make(map[string]bool)
	for _, name := range []string{"problem.go", "clip.go"} {
		file, err := goparser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			if is, ok := spec.Type.(*ast.Ident); !ok || is.Name != "ProblemKind" {
				return true
			}
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			kinds++
			got := Problem{Kind: ProblemKind(text)}.Words()
			if got == text || said[got] {
				t.Errorf("%s has the words %q", text, got)
			}
			said[got] = true
			return true
		})
	}
	if kinds != len(words) {
		t.Errorf("%d kinds, and words for %d", kinds, len(words))
	}
	if got := (Problem{ProblemNoName, "2", "attachment.png"}).Words(); !strings.HasSuffix(got, ": attachment.png") {
		t.Errorf("words %q", got)
	}
}
