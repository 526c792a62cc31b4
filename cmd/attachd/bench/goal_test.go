package bench

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A goal is what attachd is to reach on a row.
type goal struct {
	what string   // "wall", "CPU" or "peak"
	of   []string // the contenders whose largest figure it is compared with; of no use for a peak
	most float64  // of theirs; MiB for a peak
}

// judge says in a sentence whether a line reaches the goal. It says nothing if nobody was there to
// compare with.
func (g goal) judge(line reportLine, all []reportLine) []string {
	if g.what == "peak" {
		got := float64(line.peak) / (1 << 20)
		return []string{fmt.Sprintf("%s: peak %.1f MiB, goal %.0f: %s", line.name, got, g.most, reached(got <= g.most))}
	}
	figure := func(l reportLine) time.Duration {
		if g.what == "CPU" {
			return l.cpuTime
		}
		return l.wall
	}
	var limit time.Duration
	var of string
	for _, other := range all {
		if slices.Contains(g.of, other.name) && figure(other) > limit {
			limit, of = figure(other), other.name
		}
	}
	if limit == 0 {
		return nil
	}
	got := ratio(figure(line), limit)
	said := fmt.Sprintf("%s: %s %.2f of %s, goal %.3g of %s: %s",
		line.name, g.what, got, of, g.most, strings.Join(g.of, " or "), reached(got <= g.most))
	var floors []string
	for _, other := range all {
		if got > g.most && other.limit && other.name != of && figure(other) > 0 {
			floors = append(floors, fmt.Sprintf("%s %.2f", other.name, ratio(figure(other), limit)))
		}
	}
	if floors != nil {
		said += "; floors, of " + of + ": " + strings.Join(floors, ", ")
	}
	return []string{said}
}

func reached(is bool) string {
	if is {
		return "reached"
	}
	return "not reached"
}
