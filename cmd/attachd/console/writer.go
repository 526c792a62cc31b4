package console

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/foreign"
)

// NewWriter makes the log that a person reads along: sizes and durations have units where JSON has
// numbers, and the date stands only where it differs from the line before.
func NewWriter(w io.Writer, color bool) io.Writer {
	days := &days{color: color}
	return zerolog.ConsoleWriter{
		Out: w, NoColor: !color, FormatTimestamp: days.format, FormatPrepare: inUnits,
		FormatFieldValue: escaped,
	}
}

// escaped formats a value. A single one is quoted already, those of a list are not.
func escaped(v any) string { return foreign.Text(fmt.Sprintf("%s", v)) }

var withoutSpace = strings.NewReplacer(" bytes", "B", " byte", "B", " ", "")

// inUnits gives the numbers of a line their units.
func inUnits(fields map[string]any) error {
	for _, name := range []string{"size", "octets", "octets_before", "max_message_size"} {
		number, _ := fields[name].(json.Number)
		if n, err := number.Int64(); err == nil {
			fields[name] = withoutSpace.Replace(Bytes(n)) // or it would be quoted
		}
	}
	number, _ := fields["dur_ms"].(json.Number)
	if ms, err := number.Float64(); err == nil {
		delete(fields, "dur_ms")
		fields["took"] = formatDuration(time.Duration(ms * float64(time.Millisecond)))
	}
	return nil
}

// formatDuration rounds a duration for people, to about three digits.
func formatDuration(d time.Duration) string {
	unit := time.Second
	switch {
	case d < 10*time.Millisecond:
		unit = 100 * time.Microsecond
	case d < time.Second:
		unit = time.Millisecond
	case d < time.Minute:
		unit = 100 * time.Millisecond
	}
	return d.Round(unit).String()
}

// days remembers the day of the last line.
type days struct {
	color bool

	mu   sync.Mutex
	last string // guarded by mu
}

// format formats a line's time.
func (d *days) format(stamp any) string {
	text := fmt.Sprint(stamp)
	if at, err := time.Parse(zerolog.TimeFieldFormat, text); err == nil {
		at = at.Local()
		text = at.Format(time.TimeOnly)
		d.mu.Lock()
		if day := at.Format(time.DateOnly); day != d.last {
			d.last, text = day, day+" "+text
		}
		d.mu.Unlock()
	}
	if d.color {
		return "\x1b[90m" + text + "\x1b[0m"
	}
	return text
}
