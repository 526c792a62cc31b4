package console

import (
	"io"
	"os"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/foreign"
)

// NewLogger makes the daemon's logger, which writes to w. With the format auto, a terminal gets
// lines for a person, and everything else (a journal, a container's log) gets JSON. Colors need a
// terminal and no NO_COLOR in the environment. It fails if the level is none that zerolog knows.
func NewLogger(w io.Writer, terminal bool, l config.Log) (zerolog.Logger, error) {
	level, err := zerolog.ParseLevel(string(l.Level))
	if err != nil {
		return zerolog.Nop(), err
	}
	if l.Format == config.FormatConsole || l.Format == config.FormatAuto && terminal {
		_, noColor := os.LookupEnv("NO_COLOR") // https://no-color.org
		w = NewWriter(w, terminal && !noColor)
	} else {
		w = foreign.JSONWriter{W: w}
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger(), nil
}
