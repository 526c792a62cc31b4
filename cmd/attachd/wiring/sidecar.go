package wiring

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher/foreign"
)

// maxSidecarText is how much of one header field a sidecar repeats, in bytes: what a person reads.
const maxSidecarText = 1 << 10

// Problems are those that a sidecar and a line of `attachd extract --json` tell of an attachment:
// its own and its message's, since a message that was cut off may have cost the attachment its end.
// A sidecar adds which of its own texts it cut. The list is never nil.
func Problems(m *extractor.Message, a *extractor.Attachment) []extractor.Problem {
	return append(append([]extractor.Problem{}, a.Problems...), m.Problems...)
}

// sidecar returns the JSON that stands beside an attachment. It is a stable contract: fields are
// added, and never changed.
func sidecar(account, uidl string, m *extractor.Message, s *sink.Staged) ([]byte, error) {
	a := &s.Attachment
	problems := Problems(m, a)
	// A Subject of 64 KB, beside each of a thousand attachments, would be more than all of these.
	clipped := func(field, text string) string {
		short := extractor.Clip(text, maxSidecarText)
		if short != text {
			problems = append(problems, extractor.Problem{Kind: extractor.ProblemClipped, Detail: field})
		}
		return short
	}
	from, to, subject := clipped("from", m.From), clipped("to", m.To), clipped("subject", m.Subject)
	date := ""
	if !m.Date.IsZero() {
		date = m.Date.Format(time.RFC3339)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(struct {
		Account      string              `json:"account"`
		UIDL         string              `json:"uidl"`
		MessageID    string              `json:"message_id"`
		From         string              `json:"from"`
		To           string              `json:"to"`
		Subject      string              `json:"subject"`
		Date         string              `json:"date"`
		Path         string              `json:"path"`
		Name         string              `json:"name"`
		OriginalName string              `json:"original_name"`
		Part         string              `json:"part"`
		Container    string              `json:"container,omitempty"`
		MediaType    string              `json:"media_type"`
		DetectedType string              `json:"detected_type"`
		Disposition  string              `json:"disposition"`
		ContentID    string              `json:"content_id,omitempty"`
		Size         int64               `json:"size"`
		SHA256       string              `json:"sha256"`
		Problems     []extractor.Problem `json:"problems"`
	}{
		account, uidl, m.MessageID, from, to, subject, date, s.Path, a.Name, a.OriginalName, a.Part, a.Container,
		a.MediaType, a.DetectedType, a.Disposition, a.ContentID, s.Size, s.Digests.Get(digest.SHA256).String(), problems,
	})
	return foreign.JSON(b.Bytes()), err
}
