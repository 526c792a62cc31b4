package poll

import (
	"fmt"
	"strings"
)

// IncompleteError means that a visit went well and left some messages: the server refused them
// or gives no usable UIDL, or they failed before and wait for their next attempt. It does not
// put off the next visit.
type IncompleteError struct {
	// Failed is how many messages this visit could not retrieve.
	Failed int
	// PutOff is how many messages failed before and wait for their next attempt.
	PutOff int
	// Unfetchable says how many messages can't be fetched and why, "" if all can.
	Unfetchable string
	// NoRoom is how many delivered messages stay on the server, because something of them could
	// not be read right and the quarantine has no room for a copy.
	NoRoom int
}

// Error says how many messages are left, and where to find the reasons.
func (e *IncompleteError) Error() string {
	var what []string
	if e.Unfetchable != "" {
		what = append(what, e.Unfetchable)
	}
	if e.Failed > 0 {
		what = append(what, fmt.Sprintf("%d messages could not be retrieved; see the log for each", e.Failed))
	}
	if e.PutOff > 0 {
		what = append(what, fmt.Sprintf("%d messages that failed before were not due yet; attachd state check lists them", e.PutOff))
	}
	if e.NoRoom > 0 {
		what = append(what, fmt.Sprintf("%d messages stay on the server, as something of them could not be read right, and the quarantine has no room for them (quarantine.max_bytes)", e.NoRoom))
	}
	return strings.Join(what, "; ")
}

// incomplete returns what a visit that ended well left undone, nil for nothing.
func (p *poll) incomplete() *IncompleteError {
	noRoom := p.removal.staying.noRoom + p.delivery.Tally.NoRoom
	if p.fetch.failed+p.rest.putOff+noRoom == 0 && p.rest.unfetchable == "" {
		return nil
	}
	return &IncompleteError{Failed: p.fetch.failed, PutOff: p.rest.putOff, Unfetchable: p.rest.unfetchable, NoRoom: noRoom}
}
