package overview

import (
	"bufio"
	"io"
	"strings"
	"unicode"

	"golang.org/x/text/width"

	"github.com/attachd/attachd/cmd/attachd/words"
)

// page prints text for a person.
type page struct {
	out   *bufio.Writer
	width int // of the terminal in columns; 0: nothing is broken
}

func newPage(w io.Writer, width int) *page { return &page{bufio.NewWriter(w), width} }

// line prints a line as it is.
func (p *page) line(parts ...string) {
	for _, part := range parts {
		_, _ = p.out.WriteString(part) // Flush reports it
	}
	_ = p.out.WriteByte('\n')
}

// heading prints the heading of a section.
func (p *page) heading(text string) {
	p.line()
	p.line(text)
}

// prose prints a text, indented, and broken between words where the terminal ends. Its own lines
// stay.
func (p *page) prose(indent, text string) {
	for line := range strings.Lines(words.VisibleLines(text)) {
		line = strings.ReplaceAll(strings.TrimRight(line, "\n"), "\t", "    ")
		for _, part := range wrap(line, p.width-columns(indent)) {
			p.line(strings.TrimRight(indent+part, " "))
		}
	}
}

// wrap breaks a line between words, so that each part has so many columns at most. A longer word
// stays whole. A width of 0 or less breaks nothing.
func wrap(line string, width int) (parts []string) {
	if width <= 0 {
		return []string{line}
	}
	part, taken := "", 0
	for i, word := range strings.Split(line, " ") {
		n := columns(word)
		if i > 0 && taken+1+n > width {
			parts, part, taken = append(parts, part), word, n
			continue
		}
		if i > 0 {
			part, taken = part+" ", taken+1
		}
		part, taken = part+word, taken+n
	}
	return append(parts, part)
}

// columns is how many columns of a terminal a text takes.
func columns(s string) (n int) {
	for _, r := range s {
		switch kind := width.LookupRune(r).Kind(); {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		case kind == width.EastAsianWide || kind == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// table prints rows in columns, see tableLines.
func (p *page) table(indent string, rows ...[]string) {
	for _, line := range p.tableLines(rows) {
		p.line(indent, line)
	}
}

// tableLines sets rows in columns. Texts are escaped. Columns whose heading begins with a blank
// stand to the right. The last column may be of any width.
func (p *page) tableLines(rows [][]string) (lines []string) {
	widths := make([]int, len(rows[0]))
	right := make([]bool, len(rows[0]))
	for i, heading := range rows[0] {
		rows[0][i], right[i] = strings.CutPrefix(heading, " ")
	}
	for _, row := range rows {
		for i := range row {
			if row[i] = words.Visible(row[i]); row[i] == "" {
				row[i] = "-"
			}
			widths[i] = max(widths[i], columns(row[i]))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			fill := strings.Repeat(" ", widths[i]-columns(cell))
			switch {
			case right[i]:
				line.WriteString(fill + cell)
			case i == len(row)-1:
				line.WriteString(cell)
			default:
				line.WriteString(cell + fill)
			}
			if i < len(row)-1 {
				line.WriteString("  ")
			}
		}
		lines = append(lines, strings.TrimRight(line.String(), " "))
	}
	return lines
}
