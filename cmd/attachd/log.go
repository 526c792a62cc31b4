package main

import (
	"io"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/foreign"
)

// newLogger makes the daemon's logger. On a terminal a person reads along, and
// elsewhere (a journal, a container's log) a program does.
func newLogger(w io.Writer, terminal bool, l config.Log) (zerolog.Logger, error) {
	level, err := zerolog.ParseLevel(string(l.Level))
	if err != nil {
		return zerolog.Nop(), err
	}
	if l.Format == config.FormatConsole || l.Format == config.FormatAuto && terminal {
		_, noColor := os.LookupEnv("NO_COLOR") // https://no-color.org
		w = newConsole(w, terminal && !noColor)
	} else {
		w = foreign.JSONWriter{W: w}
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger(), nil
}

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
