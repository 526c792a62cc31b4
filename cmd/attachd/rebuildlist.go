package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/mail"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/foreign"
)

// unknownMessages are the messages that a rebuild records as delivered without knowing them, as the state is a backup from before they came.
type unknownMessages struct {
	since time.Time // until when the state knew of all; zero if it never knew anything
	newer bool      // those that came later are to be fetched
	lines []string
}

// clockSkew is how far the clocks of the server and of this machine may be apart.
const clockSkew = time.Hour

func findUnknown(ctx context.Context, s *fetcher.Supervisor, account string, newer bool) (*unknownMessages, error) {
	since, err := s.Ledger.KnownUntil(ctx, account)
	if err == nil && newer && since.IsZero() {
		err = fmt.Errorf("the state knows nothing at all, so that no message is newer than it; put the backup in its place, or leave --newer-than-backup out")
	}
	return &unknownMessages{since: since, newer: newer}, err
}

// adopt says how to record the account's messages. A state that never knew anything is no backup, and has nothing to list.
func (u *unknownMessages) adopt(how fetcher.Adoption) fetcher.Adoption {
	if !u.since.IsZero() {
		how.Look, how.Again = u.look, u.newer
	}
	return how
}

// look takes a message whose date is not known for a new one: it is better delivered twice than not at all.
func (u *unknownMessages) look(f fetcher.Found) (delivered bool) {
	at, from, subject := describeHeader(f.Header)
	delivered = !u.newer || !at.IsZero() && at.Before(u.since.Add(-clockSkew))
	date := "no date"
	if !at.IsZero() {
		date = at.Local().Format("2006-01-02 15:04")
	}
	what := "recorded as delivered"
	if !delivered {
		what = "will be fetched"
	}
	u.lines = append(u.lines, strings.Join([]string{"  " + what, "UIDL " + foreign.Text(f.UIDL), date, console.Cell(from), console.Cell(subject)}, "\t"))
	return delivered
}

// describeHeader gives when a message came, by the first of its Received fields or else by its Date, and its sender and subject.
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

// received gives the time that stands last in the first Received field (RFC 5321 section 4.4), which is the last server's.
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

// print lists them and says what can be done.
func (u *unknownMessages) print(w io.Writer, a config.Account) error {
	if len(u.lines) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, line := range u.lines {
		fmt.Fprintln(t, line)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if u.newer {
		return nil
	}
	_, err := fmt.Fprintf(w, "  The state did not know these, and knows all up to %s. If they were not delivered: attachd state rebuild --newer-than-backup %s\n"+
		"  has those fetched that came later, attachd state forget --uidl UIDL %s a single one.\n", u.since.Local().Format("2006-01-02 15:04"), a.Name, a.Name)
	return err
}
