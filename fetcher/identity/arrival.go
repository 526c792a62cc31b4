package identity

import (
	"bytes"
	"net/mail"
	"time"
)

// earliestArrival is before any mail that is on a server. A date before it is a clock that was not
// set.
var earliestArrival = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)

// arrival returns when a message arrived, by its header: the date of the first Received field,
// which the last server has added (RFC 5321 section 4.4), or the sender's Date without any. It
// reports false, with the zero time, if that can't be read.
func arrival(header []byte) (time.Time, bool) {
	var sent []byte
	for name, value := range headerFields(header) {
		switch {
		case bytes.EqualFold(name, []byte("received")):
			// A comment may hold a semicolon, the date has none.
			return parseDate(value[bytes.LastIndexByte(value, ';')+1:])
		case sent == nil && bytes.EqualFold(name, []byte("date")):
			sent = value
		}
	}
	return parseDate(sent)
}

func parseDate(text []byte) (time.Time, bool) {
	at, err := mail.ParseDate(string(bytes.TrimSpace(text)))
	if err != nil || at.Before(earliestArrival) {
		return time.Time{}, false
	}
	return at, true
}

// headerFields yields the fields of a header, unfolded.
func headerFields(header []byte) func(yield func(name, value []byte) bool) {
	return func(yield func(name, value []byte) bool) {
		var name, value []byte
		for line := range bytes.Lines(header) {
			line = bytes.TrimRight(line, "\r\n")
			if len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
				value = append(append(value, ' '), bytes.TrimSpace(line)...)
				continue
			}
			if name != nil && !yield(name, value) {
				return
			}
			before, after, isField := bytes.Cut(line, []byte(":"))
			if name, value = nil, nil; isField {
				name, value = bytes.TrimSpace(before), bytes.Clone(after)
			}
			if len(line) == 0 {
				return
			}
		}
		if name != nil {
			yield(name, value)
		}
	}
}
