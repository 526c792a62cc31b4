package session

import (
	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/pop3"
)

// tracer returns a function that logs the dialogue with the server, nil unless log is at trace
// level. Package pop3 has masked secrets and bodies in it.
func tracer(log zerolog.Logger) func(pop3.TraceLine) {
	if log.GetLevel() > zerolog.TraceLevel {
		return nil
	}
	return func(t pop3.TraceLine) {
		log.Trace().Str("from", t.From.String()).Str("line", t.Text).Msg("protocol")
	}
}
