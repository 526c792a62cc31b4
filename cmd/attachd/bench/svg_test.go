package bench

import (
	"encoding/xml"
	"fmt"
	"strings"
	"time"
)

// Measures of the picture, in pixels.
const (
	svgWidth  = 960
	svgLine   = 19
	svgHead   = 58 // of the picture
	svgRow    = 68 // of a row, above and below its lines
	svgNames  = 186
	svgBars   = 266
	svgFigure = 84 // the width of a column of figures
)

// Colours of bars.
const (
	svgOurs  = "#1a7f37"
	svgPeer  = "#8c959f"
	svgLimit = "#d8dee4"
)

// svg is the report as a picture: for each row the wall times as bars, as long as the row's slowest
// allows, and the figures beside them.
func (r report) svg() string {
	var b strings.Builder
	height := svgHead
	for _, row := range r.rows {
		height += svgRow + svgLine*len(row.lines)
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" `+
		`font-family="system-ui, sans-serif" font-size="12" fill="#1f2328">`+"\n", svgWidth, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", svgWidth, height)
	svgText(&b, 16, 26, `font-size="17" font-weight="600"`, "attachd beside other programs and limits; less is better")
	svgText(&b, 16, 46, `fill="#59636e"`, r.date+", "+r.machine)
	y := svgHead
	for _, row := range r.rows {
		row.svg(&b, y)
		y += svgRow + svgLine*len(row.lines)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func (r reportRow) svg(b *strings.Builder, y int) {
	svgText(b, 16, y+24, `font-weight="600"`, r.title)
	right := `text-anchor="end" font-size="11" fill="#59636e"`
	// The heads have a line of their own: a title may be as long as the picture is wide.
	for i, head := range r.columns()[1:] {
		svgText(b, svgColumn(i), y+42, right, head)
	}
	longest := r.longest()
	for i, line := range r.lines {
		middle := y + 61 + i*svgLine
		colour, weight := svgPeer, ""
		switch {
		case line.ours:
			colour, weight = svgOurs, `font-weight="600"`
		case line.limit:
			colour = svgLimit
		}
		svgText(b, svgNames, middle, `text-anchor="end" `+weight, line.name)
		on := ""
		if longest > 0 {
			length := max(1, svgBars*line.bar().Seconds()/longest.Seconds())
			if line.ours && length > svgBars/2 {
				on = ` fill="#ffffff"`
			}
			fmt.Fprintf(b, `<rect x="%d" y="%d" width="%.1f" height="12" fill="%s"/>`+"\n", svgNames+8, middle-10, length, colour)
		}
		if line.note != "" {
			svgText(b, svgNames+14, middle, `font-size="10"`+on, line.note)
		}
		for column, figure := range line.cells()[1:] {
			svgText(b, svgColumn(column), middle, `text-anchor="end" `+weight, figure)
		}
	}
}

// bar is what the length of a line's bar stands for: the time of a run or, where none is, its CPU
// time.
func (l reportLine) bar() time.Duration {
	if l.wall > 0 {
		return l.wall
	}
	return l.cpuTime
}

func (r reportRow) longest() (longest time.Duration) {
	for _, line := range r.lines {
		longest = max(longest, line.bar())
	}
	return longest
}

// svgColumn is the right end of a column of figures.
func svgColumn(i int) int { return svgNames + svgBars + 10 + svgFigure*(i+1) - 12*i/5 }

func svgText(b *strings.Builder, x, y int, attributes, text string) {
	fmt.Fprintf(b, `<text x="%d" y="%d" %s>`, x, y, strings.TrimSpace(attributes))
	_ = xml.EscapeText(b, []byte(text)) // a builder fails never
	b.WriteString("</text>\n")
}
