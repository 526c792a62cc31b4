package delivery

import (
	"unicode/utf8"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Envelope is what is shown of a message to a person, for instance in a line of the log. The texts
// are escaped and short.
type Envelope struct{ From, Subject string }

// shownText is how many characters are shown of a sender or a subject.
const shownText = 200

// Show returns what is shown of an envelope, "" for what it lacks.
func Show(v ledger.Envelope) Envelope { return Envelope{shown(v.From), shown(v.Subject)} }

func shown(s string) string {
	s = foreign.Text(s)
	if utf8.RuneCountInString(s) > shownText {
		s = string([]rune(s)[:shownText]) + "…"
	}
	return s
}

// To adds the fields "from" and "subject" to a line of the log, as far as they are known.
func (v Envelope) To(e *zerolog.Event) *zerolog.Event {
	if v.From != "" {
		e.Str("from", v.From)
	}
	if v.Subject != "" {
		e.Str("subject", v.Subject)
	}
	return e
}
