package delivery

import (
	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Envelope is what a person knows a message by. The texts are decoded, bounded and safe to print.
type Envelope struct{ From, Subject string }

// EnvelopeOf returns what is known of a message that was staged.
func EnvelopeOf(m *ledger.Message) Envelope { return Envelope{m.From, m.Subject} }

// To adds what is known to a line of the log.
func (v Envelope) To(e *zerolog.Event) *zerolog.Event {
	if v.From != "" {
		e.Str("from", v.From)
	}
	if v.Subject != "" {
		e.Str("subject", v.Subject)
	}
	return e
}
