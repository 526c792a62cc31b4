package manpage

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// page is a page in the macros of man(7).
type page struct {
	strings.Builder
	within bool // the text below a term, where a paragraph keeps its indentation
}

// newPage begins a page. A zero time is no date.
func newPage(title string, section int, date time.Time, manual string) *page {
	p := &page{}
	day := ""
	if !date.IsZero() {
		day = date.UTC().Format(time.DateOnly)
	}
	p.line(fmt.Sprintf(`.TH "%s" "%d" "%s" "attachd" "%s"`, argument(strings.ToUpper(title)), section, day, argument(manual)))
	p.line(".nh")   // a name with a hyphen that is not its own is hard to find and to copy
	p.line(".ad l") // or lines with long names in them have wide gaps
	return p
}

func (p *page) line(text string) { p.WriteString(text + "\n") }

// section begins a section.
func (p *page) section(name string) {
	p.within = false
	p.line(`.SH "` + argument(name) + `"`)
}

// part begins a part of a section.
func (p *page) part(name string) {
	p.within = false
	p.line(`.SS "` + argument(name) + `"`)
}

// term begins the explanation of a term.
func (p *page) term(name string) {
	p.within = true
	p.line(".TP")
	p.line(bold(name))
}

// paragraph begins a paragraph, which the text behind a heading is already.
func (p *page) paragraph() {
	switch {
	case p.within:
		p.line(".IP")
	case !p.headed():
		p.line(".PP")
	}
}

// headed reports whether the last line is a heading.
func (p *page) headed() bool {
	text := strings.TrimSuffix(p.String(), "\n")
	last := text[strings.LastIndexByte(text, '\n')+1:]
	return strings.HasPrefix(last, ".SH") || strings.HasPrefix(last, ".SS")
}

// text writes a text as the package comment has it. The first paragraph goes on where the page is.
func (p *page) text(text string) {
	first := true
	for block := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		lines := strings.Split(strings.Trim(block, "\n"), "\n")
		switch {
		case strings.HasPrefix(lines[0], "# "):
			p.section(strings.TrimPrefix(lines[0], "# "))
			first = true
			continue
		case len(lines) > 1 && strings.HasPrefix(lines[1], ":   "):
			p.term(lines[0])
			lines[1] = strings.TrimPrefix(lines[1], ":   ")
			p.filled(lines[1:])
			p.within = false
		case strings.HasPrefix(lines[0], " "):
			p.asItIs(lines)
		default:
			if !first {
				p.paragraph()
			}
			p.filled(lines)
		}
		first = false
	}
}

// filled writes lines that may be broken elsewhere. Those that begin with "- " are a list, and
// those that begin with a blank stay as they are.
func (p *page) filled(lines []string) {
	for i, line := range lines {
		item, ok := strings.CutPrefix(line, "- ")
		switch {
		case ok && p.within:
			p.line(".RS")
			p.line(`.IP \(bu 2`)
			p.line(prose(item))
			p.line(".RE")
		case ok:
			p.line(`.IP \(bu 2`)
			p.line(prose(item))
		case strings.HasPrefix(line, "  ") && i > 0 && !strings.HasPrefix(lines[0], "- ") && !strings.HasPrefix(line, "    "):
			p.asItIs(lines[i:])
			return
		default:
			p.line(prose(strings.TrimSpace(line)))
		}
	}
}

// asItIs writes lines that must not be broken, without the indentation that all of them have.
func (p *page) asItIs(lines []string) {
	indent := len(lines[0]) - len(strings.TrimLeft(lines[0], " "))
	margin := ".RS 4"
	if p.within {
		margin = ".RS 11" // the text of a term stands at 7
	}
	if !p.headed() {
		p.line(".sp")
	}
	p.line(margin)
	p.line(".nf")
	for _, line := range lines {
		p.line(code(line[min(indent, len(line)-len(strings.TrimLeft(line, " "))):]))
	}
	p.line(".fi")
	p.line(".RE")
}

var (
	special = strings.NewReplacer(`\`, `\e`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, "'", `\(aq`)
	beyond  = regexp.MustCompile(`[^\x00-\x7f]`)
	inWord  = regexp.MustCompile(`\b-\b`)
	inList  = regexp.MustCompile(`([,|])(\S)`)
	marked  = regexp.MustCompile("`[^`]+`")
)

// escaped writes a text without anything that roff takes for its own. A character beyond ASCII is
// written by its number, as not every roff reads UTF-8.
func escaped(s string) string {
	s = beyond.ReplaceAllStringFunc(special.Replace(s), func(r string) string { return fmt.Sprintf(`\[u%04X]`, []rune(r)[0]) })
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	return s
}

// code writes a text that somebody may copy: its hyphens are those of ASCII.
func code(s string) string { return breakable(strings.ReplaceAll(escaped(s), "-", `\-`)) }

// breakable lets a line end within a list without blanks.
func breakable(s string) string { return inList.ReplaceAllString(s, `$1\:$2`) }

// bold is code that stands out.
func bold(s string) string { return `\fB` + code(s) + `\fR` }

// argument is a text in quotes behind a macro.
func argument(s string) string { return strings.ReplaceAll(code(s), `"`, `\(dq`) }

// prose writes a line for people. What is between backticks stands out.
func prose(line string) string {
	var b strings.Builder
	last := 0
	for _, at := range marked.FindAllStringIndex(line, -1) {
		b.WriteString(plain(line[last:at[0]], last == 0))
		b.WriteString(bold(line[at[0]+1 : at[1]-1]))
		last = at[1]
	}
	b.WriteString(plain(line[last:], last == 0))
	return b.String()
}

// plain writes a part of a line. Within a word, a hyphen is one.
func plain(s string, first bool) string {
	text := escaped(s)
	if !first {
		text = strings.TrimPrefix(text, `\&`)
	}
	text = inWord.ReplaceAllString(text, "\x00")
	return breakable(strings.ReplaceAll(strings.ReplaceAll(text, "-", `\-`), "\x00", "-"))
}
