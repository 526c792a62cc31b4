package manual

import (
	"fmt"
	"slices"
	"strings"

	"github.com/attachd/attachd/config"
)

// String returns what a person at a terminal reads of the key, in lines that end with a line feed.
func (e Entry) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", e.Path, e.Title)
	if e.Text != "" {
		b.WriteString("\n" + indented("  ", e.Text+"\n"))
	}
	b.WriteString("\n")
	row := func(label, text string) { fmt.Fprintf(&b, "  %-10s%s\n", label, text) }
	if e.Kind != config.KindSection && e.Kind != config.KindSections {
		row("value", e.Values())
	}
	for _, word := range e.Words {
		if meaning := e.Meanings[word]; meaning != "" {
			fmt.Fprintf(&b, "  %-10s  %s: %s\n", "", word, meaning)
		}
	}
	row("default", e.Without())
	if len(e.Needs) > 0 {
		row("needs", strings.Join(e.Needs, ", "))
	}
	if e.Shared() {
		row("also in", "defaults")
	}
	if e.Example != "" {
		b.WriteString("  example\n" + indented("    ", e.Snippet()))
	}
	if len(e.Keys) > 0 {
		var below []Entry
		for _, k := range e.Keys {
			below = append(below, of(k))
		}
		b.WriteString("  keys\n" + indented("    ", list(below)))
	}
	return b.String()
}

// indented puts an indent before each line that is not empty.
func indented(indent, text string) string {
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		if strings.TrimSpace(line) != "" {
			lines[i] = indent + line
		}
	}
	return strings.Join(lines, "")
}

// List is the table of contents: one line for each key. The four other places of a secret share
// its line.
func List() string { return list(Entries()) }

func list(entries []Entry) string {
	entries = slices.DeleteFunc(entries, Entry.IsSource)
	width := 0
	for _, e := range entries {
		width = max(width, len(e.Path))
	}
	var b strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&b, "%-*s  %s\n", width, e.Path, e.Title)
	}
	return b.String()
}
