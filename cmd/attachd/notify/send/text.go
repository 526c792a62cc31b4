package send

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/attachd/attachd/cmd/attachd/words"
)

// style is how a kind of receiver shows texts that are not attachd's.
type style struct {
	name   func(string) string // of an account or a host, within a line
	quoted func(string) string // a text of several lines, as a paragraph
}

// plain is for mail, ntfy and JSON.
var plain = style{
	name:   words.Visible,
	quoted: func(s string) string { return indent(words.VisibleLines(s)) },
}

// mention matches what makes a chat call people.
var mention = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)@(everyone|here|channel|all|group)\b`) })

// chat is for what may read markup. Within code, no chat does. A backtick would end it.
var chat = style{
	name:   func(s string) string { return "`" + harmless(words.Visible(s)) + "`" },
	quoted: func(s string) string { return "```\n" + harmless(words.VisibleLines(s)) + "\n```" },
}

// harmless takes from a text what works even within code.
func harmless(s string) string {
	return mention().ReplaceAllString(strings.ReplaceAll(s, "`", "'"), "(at)$1")
}

func indent(s string) string { return "    " + strings.ReplaceAll(s, "\n", "\n    ") }

// text is the whole notice.
func (n *Notice) text(s style) string {
	var b strings.Builder
	if n.Test {
		fmt.Fprintf(&b, "This notice is a test: attachd notify test sent it. Notices like this reach you when something is wrong.\n\n")
	}
	if len(n.Items) > 1 {
		fmt.Fprintf(&b, "%s.\n\n", n.Title())
	}
	for i := range n.Items {
		switch item := &n.Items[i]; {
		case i < maxWhole:
			item.write(&b, s, n.At)
		case i < maxWhole+maxHeadings:
			fmt.Fprintf(&b, "%s\n", item.line(s))
			if i == len(n.Items)-1 || i == maxWhole+maxHeadings-1 {
				b.WriteByte('\n')
			}
		}
	}
	if more := n.more(); more > 0 {
		fmt.Fprintf(&b, "And %s more.\n\n", words.Number(int64(more)))
	}
	if n.Dropped > 0 {
		fmt.Fprintf(&b, "%s before this one, as this receiver could not be reached for long. The log and the page of attachd have what happened.\n\n", words.Sentence(dropped(n.Dropped)))
	}
	if n.Page != "" {
		fmt.Fprintf(&b, "%s\n", n.Page)
	}
	fmt.Fprintf(&b, "attachd on %s, %s\n", words.Visible(n.Machine), words.Stamp(n.At))
	return b.String()
}

// more is how many items are not shown at all.
func (n *Notice) more() int { return max(0, len(n.Items)-maxWhole-maxHeadings) }

// line is an item in one line of a style.
func (i *Item) line(s style) string {
	shown := *i
	shown.Accounts, shown.Host = nil, ""
	for _, name := range i.Accounts {
		shown.Accounts = append(shown.Accounts, s.name(name))
	}
	if i.Host != "" {
		shown.Host = s.name(i.Host)
	}
	return shown.title()
}

// write writes an item in full.
func (i *Item) write(b *strings.Builder, s style, now time.Time) {
	fmt.Fprintf(b, "%s\n\n", i.line(s))
	over := i.Event == End || i.Event == Over
	if i.Meaning != "" && !over {
		fmt.Fprintf(b, "%s\n", words.VisibleLines(i.Meaning))
	}
	if over {
		fmt.Fprintf(b, "Began: %s\n", words.Stamp(i.Since))
		fmt.Fprintf(b, "Ended: %s, after %s\n", words.Stamp(i.Ended), words.For(i.Ended.Sub(i.Since)))
	} else {
		fmt.Fprintf(b, "Since: %s, for %s\n", words.Stamp(i.Since), words.For(now.Sub(i.Since)))
	}
	if i.Host != "" {
		fmt.Fprintf(b, "Server: %s\n", s.name(i.Host))
	}
	if len(i.Accounts) > 0 {
		var names []string
		for _, name := range i.Accounts {
			names = append(names, s.name(name))
		}
		list := strings.Join(names, ", ")
		if i.Others > 0 {
			list += " and " + words.Number(int64(i.Others)) + " more"
		}
		fmt.Fprintf(b, "%s: %s\n", words.Sentence(words.Plural(len(i.Accounts)+i.Others, "account")), list)
	}
	if !over {
		i.advise(b, s, now)
	}
	b.WriteByte('\n')
}

// advise writes the errors and what to do.
func (i *Item) advise(b *strings.Builder, s style, now time.Time) {
	if len(i.Said) > 0 {
		b.WriteString("The error in full:\n")
		for _, said := range i.Said {
			fmt.Fprintf(b, "%s\n", s.quoted(strings.TrimSpace(said)))
		}
	}
	if i.Todo != "" {
		fmt.Fprintf(b, "What to do: %s\n", words.VisibleLines(i.Todo))
	}
	if i.Next.After(now) {
		fmt.Fprintf(b, "attachd tries again %s, at %s.\n", words.In(i.Next.Sub(now)), words.Clock(i.Next, now))
	}
}

// cut shortens a text to at most so many bytes, at the end of a character.
func cut(s string, most int) string {
	const end = "…\n"
	if len(s) <= most {
		return s
	}
	at := most - len(end)
	for at > 0 && !utf8.RuneStart(s[at]) {
		at--
	}
	return s[:at] + end
}
