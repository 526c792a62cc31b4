package web

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
	"time"

	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/words"
)

// pollFailed is a poll that failed, where other polls are the number of their files.
const pollFailed = -1

// pollStrip is the last polls of an account, the oldest first, as [strip] draws them.
type pollStrip struct {
	Name  string `json:"-"`
	Polls []int  `json:"polls"` // the files of each, -1 if it failed
	// Of is how many polls there is room for.
	Of int `json:"-"`
	// Times are when the polls ended, if they are shown.
	Times []time.Time `json:"times,omitempty"`
	Wide  bool        `json:"-"`
}

// stripOf is the strip of an account as the snapshot has it.
func stripOf(a *status.Account) pollStrip {
	s := pollStrip{Name: a.Name, Polls: make([]int, 0, status.StripLength), Of: status.StripLength}
	for _, tick := range a.Strip {
		switch tick {
		case status.TickNone:
		case status.TickFailed:
			s.Polls = append(s.Polls, pollFailed)
		default:
			s.Polls = append(s.Polls, int(tick-status.TickNothing))
		}
	}
	return s
}

// Geometry of a strip, in units of its view box.
const (
	stripStep   = 6
	stripHeight = 24
)

// strip draws polls as three paths: up for files, the more the higher, a tick for nothing new, down
// for a failure. Direction and height say it, and colour repeats it.
func strip(s pollStrip) template.HTML {
	var quiet, files, failed, hits strings.Builder
	var n struct{ quiet, files, failed, lately int }
	room := max(s.Of, len(s.Polls))
	for i, count := range s.Polls {
		x := (room - len(s.Polls) + i) * stripStep
		say := "nothing new"
		switch {
		case count < 0:
			n.failed++
			n.lately++
			fmt.Fprintf(&failed, "M%d 17v7", x+3)
			say = "failed"
		case count == 0:
			n.quiet++
			n.lately = 0
			if i > 0 && s.Polls[i-1] == 0 {
				quiet.WriteString("m2 0h4") // on from the one before: a quarter of the length
			} else {
				fmt.Fprintf(&quiet, "M%d 14h4", x+1)
			}
		default:
			n.files++
			n.lately = 0
			height := 4 + int(math.Round(11*math.Log1p(float64(min(count, 254)))/math.Log1p(254)))
			fmt.Fprintf(&files, "M%d 15v-%d", x+3, height)
			say = words.Count(count, "file")
		}
		if i < len(s.Times) {
			fmt.Fprintf(&hits, `<rect class="plot-hit" x="%d" width="%d" height="%d"><title>%s: %s</title></rect>`,
				x, stripStep, stripHeight, s.Times[i].Format("2 Jan 15:04"), say)
		}
	}
	label := words.Visible(s.Name) + ": not polled yet"
	if len(s.Polls) > 0 {
		label = fmt.Sprintf("%s: last %s: %d brought files, %d nothing new, %d failed",
			words.Visible(s.Name), words.Count(len(s.Polls), "poll"), n.files, n.quiet, n.failed)
	}
	if n.lately > 1 && n.lately < len(s.Polls) {
		label += fmt.Sprintf(", among them the last %d", n.lately)
	}
	class := "strip"
	if s.Wide {
		class = "strip strip-wide"
	}
	width := room * stripStep
	return template.HTML(fmt.Sprintf(`<svg class="%s" viewBox="0 0 %d %d" preserveAspectRatio="none" role="img" aria-label="%s">`+
		`<path class="s-line" d="M0 16H%d"/><path class="s-ok" d="%s"/><path class="s-new" d="%s"/><path class="s-bad" d="%s"/>%s</svg>`,
		class, width, stripHeight, html.EscapeString(label), width, quiet.String(), files.String(), failed.String(), hits.String()))
}
