// Package console is what a person at a terminal sees of attachd: the log with units and colors,
// the line that shows how far a run has come, and numbers, sizes and names in words.
//
// Where no person looks, the log is JSON, or entries of systemd's journal ([NewLogger]), and there
// is no progress ([NewProgress]).
// Everything that a stranger chose, such as the name of an attachment, is printed so that it cannot
// steer the terminal: see package foreign.
package console

import (
	"fmt"
	"os"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/attachd/attachd/fetcher/foreign"
)

// IsTerminal reports whether a stream is a terminal.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// Count is a number with its noun, whose plural ends in s: "1 account" or "3 accounts".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Bytes is a size with its unit, in powers of 1024: "1 byte", "3.0 MiB".
func Bytes(n int64) string {
	if n < 1024 {
		return Count(int(n), "byte")
	}
	value, unit := float64(n)/1024, 0
	for value >= 1024 && unit < 3 {
		value, unit = value/1024, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGT"[unit])
}

// Minute is a time that may lie days or months away, in the zone of this machine.
func Minute(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

// Cell is a stranger's text for a column of a table: escaped as [foreign.Text] does it, and "-" for
// nothing, so that the columns stay in their places.
func Cell(s string) string {
	if s == "" {
		return "-"
	}
	return foreign.Text(s)
}
