package session

import (
	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/pop3"
)

// tracer writes the dialogue with the server to the log at trace level. Secrets
// and bodies are masked before they get here.
func tracer(log zerolog.Logger) func(pop3.TraceLine) {
	if log.GetLevel() > zerolog.TraceLevel {
		return nil
	}
	return func(t pop3.TraceLine) {
		log.Trace().Str("from", t.From.String()).Str("line", t.Text).Msg("protocol")
	}
}
