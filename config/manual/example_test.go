package manual_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/config/manual"
)

var (
	exampleKey  = regexp.MustCompile(`^( *)(# )?( *)(- )?(\w+):(?: +(.*?))?(?: +#.*)?$`)
	exampleList = regexp.MustCompile(`\w+(?: \| \w+)+`)
)

// TestExampleAgrees holds deploy/attachd.example.yaml, which is written by hand, to the manual.
// What it gives for a key, in force or in a comment, is the default, if the key has one and stands
// above the accounts or in the first account. Each list of words is of a key that takes them.
func TestExampleAgrees(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/attachd.example.yaml")
	try(t, err)
	entries := map[string]manual.Entry{}
	for _, e := range manual.Entries() {
		entries[e.Path] = e
	}
	// What it shows of these is no default.
	otherwise := map[string]bool{"notify.to[].webhook.format": true, "accounts[].proxy": true}
	type open struct {
		indent int
		path   string
	}
	var sections []open
	accounts, compared := 0, 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		for _, list := range exampleList.FindAllString(line, -1) {
			if strings.Contains(line, "openssl") || strings.Contains(line, "urandom") {
				continue // a command for a shell
			}
			words := strings.Split(list, " | ")
			if !slices.ContainsFunc(manual.Entries(), func(e manual.Entry) bool {
				return e.Kind == config.KindWord && !slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(e.Words, w) })
			}) {
				t.Errorf("the example has the words %q, and no key takes them", list)
			}
		}
		m := exampleKey.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		indent := len(m[1]) + len(m[3])
		for len(sections) > 0 && sections[len(sections)-1].indent >= indent {
			sections = sections[:len(sections)-1]
		}
		prefix := ""
		if len(sections) > 0 {
			prefix = sections[len(sections)-1].path + "."
		}
		path := prefix + m[5]
		e, known := entries[path]
		if m[4] != "" && path == "accounts[].name" {
			accounts++
		}
		value := strings.Trim(m[6], `"`)
		switch {
		case !known: // prose, or a key of defaults
		case e.Kind == config.KindSection && value == "":
			sections = append(sections, open{indent, path})
		case e.Kind == config.KindSections && value == "":
			sections = append(sections, open{indent, path + "[]"})
		case e.Default == "" || value == "" || accounts > 1 || otherwise[path] || strings.Contains(value, " "):
		case value != strings.Trim(e.Default, `"`):
			t.Errorf("the example has %s: %s, and the default is %s", path, value, e.Default)
		default:
			compared++
		}
	}
	if accounts < 5 || compared < 35 {
		t.Errorf("%d accounts and %d defaults were read, which can't be all", accounts, compared)
	}
	t.Logf("%d defaults compared", compared)
}
