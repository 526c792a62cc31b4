package console

import (
	"io"
	"os"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/foreign"
)

// NewLogger makes the daemon's logger, which writes to w. With the format auto, a terminal gets
// lines for a person, systemd's journal gets entries with priority and fields, and everything else
// (such as a container's log) gets JSON. Colors need a terminal and no NO_COLOR in the environment.
// It fails if the level is none that zerolog knows.
//
// The format journald uses the socket of journald, whatever w is. What that does not take, and
// everything where it is missing, goes to w in lines with a priority in front ("<3>..."), as a
// journal behind w understands it.
func NewLogger(w io.Writer, terminal bool, l config.Log) (zerolog.Logger, error) {
	level, err := zerolog.ParseLevel(string(l.Level))
	if err != nil {
		return zerolog.Nop(), err
	}
	format := l.Format
	if format == config.FormatAuto || format == "" {
		format = config.FormatJSON
		switch {
		case terminal:
			format = config.FormatConsole
		case isJournal(under(w)):
			format = config.FormatJournald
		}
	}
	switch format {
	case config.FormatJournald:
		// journald knows the time.
		return zerolog.New(newJournal(journalSocket, w, terminal)).Level(level), nil
	case config.FormatConsole:
		_, noColor := os.LookupEnv("NO_COLOR") // https://no-color.org
		w = NewWriter(w, terminal && !noColor)
	default:
		w = foreign.JSONWriter{W: w}
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger(), nil
}

// under is the stream that w writes to.
func under(w io.Writer) io.Writer {
	if p, ok := w.(*Progress); ok {
		return p.w
	}
	return w
}

// newJournal returns a writer to the journald at a socket, with w for what that does not take.
func newJournal(socket string, w io.Writer, terminal bool) zerolog.LevelWriter {
	stderr := prefixed{w: w, prefix: !terminal}
	send, err := openJournal(socket)
	if err != nil {
		return stderr
	}
	return &journal{send: send, stderr: stderr}
}
