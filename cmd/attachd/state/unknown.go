package state

import (
	"bytes"
	"io"
	"net/mail"
	"time"

	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/fetcher/identity"
)

// Unknown is a message that the state did not know, as it is a backup from before the message came.
type Unknown struct {
	// Delivered says that the message was recorded as delivered. Otherwise it will be fetched.
	Delivered     bool
	UIDL          string
	At            time.Time // zero: the header does not say
	From, Subject string    // as they stand in the header, "" where it is not given
}

// clockSkew is how far the clocks of the server and of this machine may be apart.
const clockSkew = time.Hour

// unknownMessages collects them while an account is adopted.
type unknownMessages struct {
	since time.Time // until when the state knew of all
	newer bool      // those that came later are to be fetched
	found []Unknown
}

// look takes a message whose date is not known for a new one: it is better delivered twice than not
// at all.
func (u *unknownMessages) look(f identity.Found) (delivered bool) {
	at, from, subject := describeHeader(f.Header)
	delivered = !u.newer || !at.IsZero() && at.Before(u.since.Add(-clockSkew))
	u.found = append(u.found, Unknown{delivered, f.UIDL, at, from, subject})
	return delivered
}

// describeHeader gives when a message came, by the first of its Received fields or else by its
// Date, and its sender and subject.
func describeHeader(header []byte) (at time.Time, from, subject string) {
	if header == nil {
		return at, "", ""
	}
	m, err := extractor.Extract(bytes.NewReader(header), extractor.Options{}, func(*extractor.Attachment) (io.WriteCloser, error) { return nil, nil })
	if err != nil {
		return at, "", ""
	}
	if at = received(header); at.IsZero() {
		at = m.Date
	}
	return at, m.From, m.Subject
}

// received gives the time at the end of the first Received field (RFC 5321 section 4.4), which the
// last server has added.
func received(header []byte) time.Time {
	var field []byte
	for line := range bytes.Lines(header) {
		switch continued := line[0] == ' ' || line[0] == '\t'; {
		case field != nil && continued:
			field = append(field, line...)
			continue
		case field == nil && len(line) > 9 && bytes.EqualFold(line[:9], []byte("Received:")):
			field = append([]byte{}, line...)
			continue
		case field == nil && len(bytes.TrimSpace(line)) > 0:
			continue
		}
		break
	}
	i := bytes.LastIndexByte(field, ';')
	if i < 0 {
		return time.Time{}
	}
	at, err := mail.ParseDate(string(bytes.Join(bytes.Fields(field[i+1:]), []byte(" "))))
	if err != nil {
		return time.Time{}
	}
	return at
}
