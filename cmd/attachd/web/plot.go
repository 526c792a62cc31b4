package web

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/attachd/attachd/cmd/attachd/words"
)

// column is an hour or a day in a [bars].
type column struct {
	Start  time.Time `json:"start"`
	Files  int       `json:"files"`
	Bytes  int64     `json:"bytes"`
	Failed int       `json:"polls_failed"`
	name   string    // "Fri 14:00 to 15:00"
	label  string    // below the axis, of every sixth part's first column
}

// bars is what came in, by hour or by day, as [plot] draws it.
type bars struct {
	ID      string   `json:"-"` // of the HTML elements, unlike any other of the page
	Title   string   `json:"title"`
	Sum     string   `json:"sum"` // "last 24 hours: 41 files, 96.4 MB"
	Columns []column `json:"columns"`
}

// plotLabels is how many labels the axis has.
const plotLabels = 6

// plot draws columns. Text is HTML around the picture, so it keeps its size however narrow the
// page. The last column is not over yet: an outline. A triangle below the axis says that polls
// failed then. The same numbers stand in a table.
func plot(b bars) template.HTML {
	top, peak, total, failed := 1, 0, 0, 0
	for i, c := range b.Columns {
		top, total = max(top, c.Files), total+c.Files
		if c.Files > b.Columns[peak].Files {
			peak = i
		}
		if c.Failed > 0 {
			failed++
		}
	}
	top = nice(top)
	ticks := []int{top, top / 2, 0}
	if top%2 == 1 {
		ticks = []int{top, 0}
	}
	n := len(b.Columns)
	columns, fails := drawColumns(b.Columns, top)
	desc := "Nothing to show yet."
	if n > 0 {
		desc = fmt.Sprintf("%s in all; most in %s: %s; %s so far in the last, which is not over.", words.Count(total, "file"),
			b.Columns[peak].name, words.Number(int64(b.Columns[peak].Files)), words.Number(int64(b.Columns[n-1].Files)))
	}
	if failed > 0 {
		desc += fmt.Sprintf(" Polls failed in %d of %d.", failed, n)
	}
	var grid, s strings.Builder
	for _, t := range ticks[:len(ticks)-1] {
		fmt.Fprintf(&grid, "M0 %.1fH%d", 100-100*float64(t)/float64(top), n*10)
	}
	esc := template.HTMLEscapeString
	fmt.Fprintf(&s, `<figure class="plot"><figcaption><h3>%s</h3><span>%s</span></figcaption><div class="plot-grid"><div class="plot-y" aria-hidden="true">`,
		esc(b.Title), esc(b.Sum))
	for _, t := range ticks {
		fmt.Fprintf(&s, `<span>%s</span>`, words.Number(int64(t)))
	}
	fmt.Fprintf(&s, `</div><svg class="plot-bars" viewBox="0 0 %d 100" preserveAspectRatio="none" role="img" aria-labelledby="%s-t" aria-describedby="%s-d">`+
		`<title id="%s-t">%s</title><desc id="%s-d">%s</desc><path class="plot-line" d="%s"/>%s<path class="plot-zero" d="M0 100H%d"/></svg>`,
		n*10, esc(b.ID), esc(b.ID), esc(b.ID), esc(b.Title), esc(b.ID), esc(desc), grid.String(), columns, n*10)
	fmt.Fprintf(&s, `<svg class="plot-fails" viewBox="0 0 %d 8" preserveAspectRatio="none" aria-hidden="true">%s</svg><div class="plot-x" aria-hidden="true">`, n*10, fails)
	for i := 0; i < n; i += max(n/plotLabels, 1) {
		fmt.Fprintf(&s, `<span>%s</span>`, esc(b.Columns[i].label))
	}
	s.WriteString(`</div></div><details><summary>The numbers<span class="sr">: ` + esc(b.Title) + `</span></summary><table><thead><tr><th scope="col">When</th>` +
		`<th scope="col" class="num">Files</th><th scope="col" class="num">Size</th><th scope="col" class="num">Polls failed</th></tr></thead><tbody>`)
	for _, c := range b.Columns {
		fmt.Fprintf(&s, `<tr><th scope="row">%s</th><td class="num">%s</td><td class="num">%s</td><td class="num">%s</td></tr>`,
			esc(c.name), words.Number(int64(c.Files)), words.Size(c.Bytes), words.Number(int64(c.Failed)))
	}
	s.WriteString(`</tbody></table></details></figure>`)
	return template.HTML(s.String())
}

// drawColumns draws the columns, and the marks of failed polls below.
func drawColumns(columns []column, top int) (bars, fails string) {
	var b, f strings.Builder
	for i, c := range columns {
		x := i * 10
		say := c.name + ": " + words.Count(c.Files, "file")
		class := "plot-bar"
		if i == len(columns)-1 {
			class = "plot-now"
			say += " so far"
		}
		if c.Files > 0 {
			height := 100 * float64(c.Files) / float64(top)
			fmt.Fprintf(&b, `<rect class="%s" x="%d" y="%.1f" width="8" height="%.1f"/>`, class, x+1, 100-height, height)
		}
		if c.Failed > 0 {
			say += ", " + words.Count(c.Failed, "poll") + " failed"
			fmt.Fprintf(&f, `<path class="plot-fail" d="M%d 1h8l-4 7z"/>`, x+1)
		}
		fmt.Fprintf(&b, `<rect class="plot-hit" x="%d" width="10" height="100"><title>%s</title></rect>`, x, template.HTMLEscapeString(say))
	}
	return b.String(), f.String()
}

// nice is the next of 1, 2, 4, 6, 8, 10 times a power of ten.
func nice(n int) int {
	for m := 1; ; m *= 10 {
		for _, f := range []int{1, 2, 4, 6, 8, 10} {
			if f*m >= n {
				return f * m
			}
		}
	}
}
