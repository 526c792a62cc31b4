package quarantine_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/quarantine"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher/ledger"
)

// vague is in the advice for a reason of no known kind.
const vague = "could not be stored"

// TestAdviseOnLimits: each limit that the extractor knows, by its source, has an advice of its own,
// and the key that it names is one of the configuration.
func TestAdviseOnLimits(t *testing.T) {
	t.Parallel()
	limits := limitsOf(t)
	if len(limits) < 9 {
		t.Fatalf("the extractor's source has the limits %q: is this still how they are made?", limits)
	}
	seen := make(map[string]string)
	for _, limit := range limits {
		for _, value := range []int64{1, 200} {
			reason := (&extractor.LimitError{Limit: limit, Value: value}).Error()
			advice := quarantine.Advise(&ledger.Message{State: ledger.Quarantined, Reason: reason})
			if advice.Meaning == "" || strings.Contains(advice.Meaning, vague) || advice.Todo == "" {
				t.Errorf("limit %q: %+v", limit, advice)
			}
			if other, ok := seen[advice.Meaning]; ok && other != limit {
				t.Errorf("limit %q has the advice of %q", limit, other)
			}
			seen[advice.Meaning] = limit
			if _, key, ok := strings.Cut(advice.Todo, "limits."); ok {
				if key, _, _ = strings.Cut(key, " "); !isLimitKey(t, key) {
					t.Errorf("limit %q: there is no key limits.%s", limit, key)
				}
			} else if limit != "boundary bytes" {
				t.Errorf("limit %q: %q names no key", limit, advice.Todo)
			}
		}
	}
}

// limitsOf finds the limits in the source of the extractor.
func limitsOf(t *testing.T) (limits []string) {
	t.Helper()
	inExtractor(t, func(n ast.Node) {
		made, ok := n.(*ast.CompositeLit)
		if !ok || fmt.Sprint(made.Type) != "LimitError" || len(made.Elts) == 0 {
			return
		}
		// Those of a container have the same names, and no literal here.
		if text, ok := made.Elts[0].(*ast.BasicLit); ok {
			limits = append(limits, unquoted(t, text))
		}
	})
	slices.Sort(limits)
	return slices.Compact(limits)
}

// lossyKinds finds the kinds of problems that keep a copy in quarantine.
func lossyKinds(t *testing.T) (kinds []extractor.ProblemKind) {
	t.Helper()
	inExtractor(t, func(n ast.Node) {
		if spec, ok := n.(*ast.ValueSpec); ok && fmt.Sprint(spec.Type) == "ProblemKind" && len(spec.Values) == 1 {
			if text, ok := spec.Values[0].(*ast.BasicLit); ok {
				if kind := extractor.ProblemKind(unquoted(t, text)); kind.Lossy() {
					kinds = append(kinds, kind)
				}
			}
		}
	})
	return kinds
}

// inExtractor calls look for each node of the extractor's source.
func inExtractor(t *testing.T, look func(ast.Node)) {
	t.Helper()
	files, err := filepath.Glob("../../../extractor/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool { look(n); return true })
	}
}

func unquoted(t *testing.T, text *ast.BasicLit) string {
	t.Helper()
	s, err := strconv.Unquote(text.Value)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// isLimitKey reports whether the configuration takes a key in its section limits.
func isLimitKey(t *testing.T, key string) bool {
	t.Helper()
	path := filepath.Join(t.TempDir(), "attachd.yaml")
	text := "output: out\nstate: state.db\nlimits: {" + key + ": 7}\naccounts: [{name: a, host: pop.example.org, username: u, password: p}]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// The value may not do for it: that says that there is such a key.
	_, _, err := config.Load(path)
	return err == nil || strings.Contains(err.Error(), "limits."+key+": must be at least")
}

// TestAdviseOnProblems: each kind of problem that keeps a copy in quarantine is told in words. The
// files are delivered, and the advice says so.
func TestAdviseOnProblems(t *testing.T) {
	t.Parallel()
	kinds := lossyKinds(t)
	if len(kinds) < 11 {
		t.Fatalf("the extractor's source has the kinds %q: is this still how they are declared?", kinds)
	}
	for _, kind := range kinds {
		for _, reason := range []string{
			string(kind), extractor.Problem{Kind: kind, Part: "1.2", Detail: "file exists; not a directory"}.String(),
			ledger.WithoutCopy(extractor.Problem{Kind: kind, Part: "3"}.String() + "; and 2 others"),
		} {
			advice := quarantine.Advise(&ledger.Message{State: ledger.Delivered, Reason: reason})
			if !strings.Contains(advice.Meaning, extractor.Problem{Kind: kind}.Words()) || !strings.Contains(advice.Todo, "are delivered") {
				t.Errorf("%q: %+v", reason, advice)
			}
		}
	}
}

// TestAdvise: every other way into quarantine has an advice of its own, and a reason that nobody
// foresaw one that holds in any case.
func TestAdvise(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]string{
		(&sink.PiecesError{Pieces: 3, Bytes: 4}).Error():                    ".partial",
		`piece 2 of 3 of the message "x", which waits for the others`:       "other pieces have not come",
		"read message: panic: runtime error: index out of range":            "report it",
		ledger.CameShort(10, 20).Error() + " (attempt 3)":                   "state forget",
		"message alone does not fit on the disk: no space left (attempt 3)": "Make room",
		`publish "a/b" in /x: ` + syscall.ENAMETOOLONG.Error():              "too long",
		`publish "a/b" in /x: ` + syscall.ENOTDIR.Error() + " (attempt 3)":  "in the place of a folder",
		`publish "a/b" in /x: ` + syscall.EISDIR.Error():                    "in the place of a folder",
		`publish "a/b" in /x: ` + syscall.EEXIST.Error():                    "in the place of a folder",
		`publish "a/b" in /x: ` + syscall.EINVAL.Error():                    "does not take the name",
		`publish "a/b" in /x: ` + syscall.EILSEQ.Error():                    "does not take the name",
		`publish "a/b" in /x: ` + syscall.ELOOP.Error():                     "symbolic links",
		`choose a name for "a" in /x: no number is free for "a"`:            "no number is left",
		"something new (attempt 3)":                                         vague,
		"":                                                                  vague,
	} {
		advice := quarantine.Advise(&ledger.Message{State: ledger.Quarantined, Reason: reason})
		if !strings.Contains(advice.Meaning+" "+advice.Todo, want) {
			t.Errorf("%q: %+v, want something with %q", reason, advice, want)
		}
	}
	if advice := quarantine.Advise(&ledger.Message{State: ledger.Delivered, Reason: "something new"}); !strings.Contains(advice.Todo, "are delivered") {
		t.Errorf("of a delivered message: %+v", advice)
	}
}
