package wiring

import (
	"bytes"
	"io"
	"unicode/utf8"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/fetcher/delivery"
)

// shownText is how many characters are shown of a sender or a subject.
const shownText = 200

// envelope is what is shown of a message; "" for what it lacks.
func envelope(m *extractor.Message) delivery.Envelope {
	return delivery.Envelope{From: shown(m.From), Subject: shown(m.Subject)}
}

func shown(s string) string {
	if s == "" {
		return ""
	}
	s = console.Cell(s)
	if utf8.RuneCountInString(s) > shownText {
		s = string([]rune(s)[:shownText]) + "…"
	}
	return s
}

// ReadEnvelope reads the sender and the subject from a message's header, which may be cut short.
// What is missing, or beyond the limits of a header, is "".
func ReadEnvelope(header []byte) delivery.Envelope {
	m, err := extractor.Extract(bytes.NewReader(header), extractor.Options{}, func(*extractor.Attachment) (io.WriteCloser, error) { return nil, nil })
	if err != nil {
		return delivery.Envelope{} // of a message that is beyond the limits
	}
	return envelope(m)
}
