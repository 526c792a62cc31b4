package fetcher

import (
	"crypto/tls"
	"errors"
	"io"
	"net"

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

func tlsVersion(state tls.ConnectionState) string { return tls.VersionName(state.Version) }

// brokenLine reports whether err is a connection that ended or went out of step
// in the middle of things, which a server's bug may be the cause of.
func brokenLine(err error) bool {
	var protocol *pop3.ProtocolError
	var network net.Error
	return errors.As(err, &protocol) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.As(err, &network)
}
