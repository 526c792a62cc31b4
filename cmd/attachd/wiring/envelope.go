package wiring

import (
	"bytes"
	"io"
	"strings"

	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/fetcher/ledger"
)

// envelope is what the ledger keeps of a message's header.
func envelope(m *extractor.Message) ledger.Envelope {
	to := m.To
	if m.Cc != "" {
		to = strings.TrimPrefix(to+", "+m.Cc, ", ")
	}
	return ledger.Envelope{From: m.From, To: to, Subject: m.Subject, Date: m.Date}.Clip()
}

// ReadEnvelope reads the sender and the subject from a message's header, which may be cut short.
// What is missing, or beyond the limits of a header, is "".
func ReadEnvelope(header []byte) ledger.Envelope {
	m, err := extractor.Extract(bytes.NewReader(header), extractor.Options{}, func(*extractor.Attachment) (io.WriteCloser, error) { return nil, nil })
	if err != nil {
		return ledger.Envelope{} // of a message that is beyond the limits
	}
	return envelope(m)
}
