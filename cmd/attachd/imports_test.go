package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/attachd/attachd"

// rooms says which packages of the module each package may import outside of its tests. "x/..." is
// x and all below it. A package without a row fails the test: give it a row that is as short as can
// be.
var rooms = map[string][]string{
	"cmd/attachd":            {"cmd/attachd/...", "config/...", "extractor/...", "fetcher/..."},
	"cmd/attachd/app":        {"cmd/attachd/version", "cmd/attachd/wiring", "cmd/attachd/console", "config", "extractor/sink", "fetcher/..."},
	"cmd/attachd/bench":      {},
	"cmd/attachd/apptest":    {"cmd/attachd/app", "cmd/attachd/console", "config", "fetcher/..."},
	"cmd/attachd/check":      {"cmd/attachd/state", "cmd/attachd/wiring", "config", "extractor/sink", "fetcher/..."},
	"cmd/attachd/console":    {"config", "fetcher", "fetcher/event", "fetcher/foreign"},
	"cmd/attachd/control":    {},
	"cmd/attachd/health":     {},
	"cmd/attachd/history":    {"extractor/digest", "cmd/attachd/trouble", "fetcher/..."},
	"cmd/attachd/trouble":    {"config", "extractor", "extractor/sink", "fetcher/..."},
	"cmd/attachd/status":     {"cmd/attachd/trouble", "cmd/attachd/words", "cmd/attachd/history", "config", "fetcher/event", "fetcher/ledger"},
	"cmd/attachd/notify":     {"cmd/attachd/notify/...", "cmd/attachd/status", "cmd/attachd/trouble", "cmd/attachd/words", "config", "fetcher/event"},
	"cmd/attachd/daemon":     {"cmd/attachd/...", "config", "fetcher/..."},
	"cmd/attachd/manpage":    {"config", "config/manual"},
	"cmd/attachd/metrics":    {"cmd/attachd/version", "cmd/attachd/status", "cmd/attachd/trouble", "config", "fetcher/event"},
	"cmd/attachd/demo":       {"cmd/attachd/app", "cmd/attachd/daemon", "cmd/attachd/console", "config", "fetcher", "fetcher/event", "fetcher/foreign", "fetcher/pop3/pop3test"},
	"cmd/attachd/extract":    {"cmd/attachd/preview", "cmd/attachd/wiring", "cmd/attachd/console", "extractor/...", "fetcher/foreign"},
	"cmd/attachd/overview":   {"cmd/attachd/status", "cmd/attachd/history", "cmd/attachd/trouble", "cmd/attachd/words", "cmd/attachd/control", "cmd/attachd/quarantine", "cmd/attachd/wiring", "config", "fetcher/foreign", "fetcher/ledger/sqlite"},
	"cmd/attachd/preview":    {"cmd/attachd/wiring", "cmd/attachd/console", "config", "extractor/...", "fetcher/..."},
	"cmd/attachd/provider":   {"fetcher/pop3"},
	"cmd/attachd/relaytest":  {},
	"cmd/attachd/setup":      {"cmd/attachd/check", "cmd/attachd/console", "cmd/attachd/provider", "cmd/attachd/trouble", "config", "config/edit", "config/manual", "fetcher/foreign"},
	"cmd/attachd/quarantine": {"cmd/attachd/history", "cmd/attachd/wiring", "config", "extractor", "fetcher/..."},
	"cmd/attachd/state":      {"cmd/attachd/quarantine", "cmd/attachd/app", "cmd/attachd/wiring", "cmd/attachd/console", "config", "extractor/...", "fetcher/..."},
	"cmd/attachd/systemd":    {"cmd/attachd/health", "cmd/attachd/status", "cmd/attachd/words", "fetcher/foreign"},
	"cmd/attachd/trust":      {},
	"cmd/attachd/version":    {},
	"cmd/attachd/words":      {"fetcher/foreign"},
	"cmd/attachd/wiring":     {"cmd/attachd/console", "config", "extractor/...", "fetcher/..."},

	"cmd/attachd/web":             {"extractor/digest", "cmd/attachd/web/thumbnail", "cmd/attachd/history", "cmd/attachd/status", "cmd/attachd/words", "config", "cmd/attachd/quarantine", "fetcher/delivery", "fetcher/ledger", "fetcher/foreign"},
	"cmd/attachd/web/thumbnail":   {},
	"cmd/attachd/web/webtest":     {"extractor/digest", "cmd/attachd/quarantine", "config", "fetcher/ledger", "cmd/attachd/history", "cmd/attachd/status", "cmd/attachd/trouble"},
	"cmd/attachd/web/browsertest": {},

	"cmd/attachd/notify/outbound":      {"fetcher/foreign", "fetcher/pop3"},
	"cmd/attachd/notify/ping":          {"cmd/attachd/notify/outbound", "cmd/attachd/status", "cmd/attachd/words", "config", "fetcher/event"},
	"cmd/attachd/notify/send":          {"cmd/attachd/notify/outbound", "cmd/attachd/words", "config", "fetcher/foreign"},
	"cmd/attachd/notify/send/smtptest": {},

	"config":          {},
	"config/manual":   {"config"},
	"config/edit":     {"config"},
	"config/testsize": {},

	"extractor":          {"extractor/binhex", "extractor/cms", "extractor/tnef", "extractor/yenc"},
	"extractor/binhex":   {},
	"extractor/cms":      {},
	"extractor/digest":   {},
	"extractor/mailfile": {},
	"extractor/sink":     {"extractor/digest", "extractor"},
	"extractor/tnef":     {},
	"extractor/yenc":     {},

	// Who is polled when; one visit; what a visit is made of; what all of these stand on.
	"fetcher": {
		"fetcher/poll", "fetcher/identity", "fetcher/delivery", "fetcher/session", "fetcher/mailbox",
		"fetcher/event", "fetcher/ledger", "fetcher/oauth",
	},
	"fetcher/poll": {
		"extractor/digest", "fetcher/identity", "fetcher/delivery", "fetcher/session", "fetcher/mailbox",
		"fetcher/event", "fetcher/ledger", "fetcher/foreign",
	},
	"fetcher/identity":            {"extractor/digest", "fetcher/mailbox", "fetcher/ledger", "fetcher/foreign"},
	"fetcher/delivery":            {"extractor/digest", "fetcher/ledger", "fetcher/foreign"},
	"fetcher/delivery/sinktest":   {"extractor/digest", "fetcher/delivery", "fetcher/ledger"},
	"fetcher/session":             {"fetcher/mailbox", "fetcher/oauth", "fetcher/pop3"},
	"fetcher/event":               {"fetcher/ledger"},
	"fetcher/mailbox":             {},
	"fetcher/mailbox/mailboxtest": {"fetcher/mailbox"},

	"fetcher/ledger":            {"extractor/digest"},
	"fetcher/ledger/sqlite":     {"extractor/digest", "fetcher/ledger"},
	"fetcher/ledger/ledgertest": {"extractor/digest", "fetcher/ledger"},

	"fetcher/dovecottest":     {},
	"fetcher/foreign":         {"fetcher/ledger"},
	"fetcher/oauth":           {"fetcher/pop3"},
	"fetcher/oauth/oauthtest": {},
	"fetcher/pop3":            {},
	"fetcher/pop3/pop3test":   {},
	"fetcher/proxy":           {},
}

// owners says which packages may import a package from outside, in their tests too. "x/..." is as
// above.
var owners = map[string]struct {
	packages []string
	instead  string
}{
	"gopkg.in/yaml.v3":                 {[]string{"config/..."}, "config alone knows the format of the configuration file"},
	"github.com/rs/zerolog/log":        {nil, "take a zerolog.Logger as an argument: the global one belongs to nobody"},
	"modernc.org/sqlite":               {[]string{"fetcher/ledger/...", "cmd/attachd/history", "cmd/attachd/bench"}, "ask the ledger or the history: SQL stays there"},
	"modernc.org/sqlite/lib":           {[]string{"fetcher/ledger/...", "cmd/attachd/history"}, "ask the ledger or the history: SQL stays there"},
	"github.com/wneessen/go-mail":      {[]string{"cmd/attachd/notify/send"}, "have package send deliver it"},
	"github.com/wneessen/go-mail/smtp": {[]string{"cmd/attachd/notify/send"}, "have package send deliver it"},

	"github.com/nicholas-fedor/shoutrrr/pkg/router": {[]string{"cmd/attachd/notify/send"}, "its errors have keys and its calls no end: package send takes care of both"},
	"github.com/nicholas-fedor/shoutrrr/pkg/types":  {[]string{"cmd/attachd/notify/send"}, "its errors have keys and its calls no end: package send takes care of both"},

	"github.com/spf13/cobra": {[]string{"cmd/attachd/..."}, "flags and commands stay in cmd"},
}

// barred says what a package knows nothing of, outside of its tests.
var barred = []struct {
	packages, imports []string
	instead           string
}{
	{[]string{"extractor"}, []string{"net", "net/http", "crypto/tls"}, "the extractor knows no network"},
	{[]string{"fetcher/pop3"}, []string{"net/mail", "net/textproto", "mime/..."}, "the protocol knows no format of mail"},
	{[]string{"fetcher/pop3"}, []string{"github.com/...", "golang.org/...", "gopkg.in/..."}, "the protocol needs the standard library alone"},
}

// testOnly reports whether only tests may import a package of the module.
func testOnly(pkg string) bool {
	return pkg == "config/testsize" || strings.HasSuffix(pkg, "test")
}

// outsideTests are the imports of packages for tests that are right all the same.
var outsideTests = map[string]string{
	"cmd/attachd/demo": "fetcher/pop3/pop3test", // the demo's mail server
}

// TestImports holds the packages of the module to the rooms they were given: who may import whom,
// what is for tests only, where a module from outside is used, and that each package says in a
// comment what it is.
func TestImports(t *testing.T) {
	documented, said := make(map[string]bool), make(map[string]bool)
	for _, file := range sources(t, parser.ImportsOnly|parser.ParseComments) {
		if !file.test {
			documented[file.pkg] = documented[file.pkg] || file.syntax.Doc != nil
		}
		for _, spec := range file.syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if problem := wrong(file, imported); problem != "" && !said[problem] {
				said[problem] = true // once for all files of a package
				t.Errorf("%s: %s", file.place(spec), problem)
			}
		}
	}
	if !documented["cmd/attachd"] {
		t.Error("cmd/attachd was not read: is this test still in the right folder?")
	}
	for _, pkg := range slices.Sorted(maps.Keys(documented)) {
		if !documented[pkg] {
			t.Errorf("package %s has no package comment: say in one what it does, its limits and its guarantees", pkg)
		}
		if _, ok := rooms[pkg]; !ok {
			t.Errorf("package %s has no row in the table of imports: add one to rooms in imports_test.go", pkg)
		}
	}
}

// wrong says why a file may not import a package, and nothing if it may.
func wrong(file source, imported string) string {
	pkg, ours := strings.CutPrefix(imported, module+"/")
	switch owner, owned := owners[imported]; {
	case owned && !allowed(owner.packages, file.pkg):
		return file.pkg + " imports " + imported + ": " + owner.instead
	case file.test || testOnly(file.pkg) && !ours:
		return ""
	case imported == "testing":
		return file.pkg + " imports testing outside of its tests: what needs it belongs into them, or into a package for tests"
	case !ours:
		for _, bar := range barred {
			if allowed(bar.packages, file.pkg) && allowed(bar.imports, imported) {
				return file.pkg + " imports " + imported + ": " + bar.instead
			}
		}
		return ""
	case testOnly(pkg) && !testOnly(file.pkg) && outsideTests[file.pkg] != pkg:
		return file.pkg + " imports " + pkg + " outside of its tests: it is made for tests only"
	case !allowed(rooms[file.pkg], pkg):
		return file.pkg + " imports " + pkg + ", against the direction of imports: let it declare an interface for what it needs, " +
			"or, if the plan has changed, change its row of rooms in imports_test.go"
	}
	return ""
}

// allowed reports whether one of the patterns is pkg or, with "/...", above it.
func allowed(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		above, tree := strings.CutSuffix(pattern, "/...")
		return pkg == above || tree && strings.HasPrefix(pkg, above+"/")
	})
}

// source is a Go file of the module, whatever system it is for.
type source struct {
	pkg    string // its folder below the module, with slashes
	name   string
	test   bool
	set    *token.FileSet
	syntax *ast.File
}

// place is a node's file and line, as editors know to open it.
func (s source) place(node ast.Node) string {
	return path.Join(s.pkg, s.name) + ":" + strconv.Itoa(s.set.Position(node.Pos()).Line)
}

// sources parses all Go files of the module, except those in testdata and hidden folders.
func sources(t *testing.T, mode parser.Mode) (files []source) {
	t.Helper()
	root := filepath.Join("..", "..")
	set := token.NewFileSet()
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != root && (entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".")):
			return filepath.SkipDir
		case entry.IsDir() && name != root && isModule(name):
			return filepath.SkipDir // it imports nothing of ours, and nothing of ours imports it
		case entry.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		syntax, err := parser.ParseFile(set, name, nil, mode|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(name))
		if err != nil {
			return err
		}
		files = append(files, source{filepath.ToSlash(folder), entry.Name(), strings.HasSuffix(name, "_test.go"), set, syntax})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// isModule reports whether a folder is a module of its own.
func isModule(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil
}
