package fetcher

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"

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
	if errors.As(err, &network) {
		// An error of the disk has the methods of one of the network.
		_, bare := network.(syscall.Errno)
		if !bare {
			return true
		}
	}
	return errors.As(err, &protocol) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}
