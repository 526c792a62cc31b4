package poll

import (
	"fmt"
	"strings"
)

// IncompleteError says that a poll went well, but for messages: some were refused, or can't be asked for, or failed before and are not due
// yet. It does not put off the next poll.
type IncompleteError struct {
	// Failed messages were refused by this poll, PutOff failed in one before.
	Failed, PutOff int
	// Unfetchable says how many messages can't be fetched and why, "" when all can.
	Unfetchable string
	// NoRoom messages were delivered and stay on the server: something of them could not be read right, and the quarantine has
	// no room for them.
	NoRoom int
}

// Error says how many messages are left, and where the reasons are.
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

// incomplete returns what a poll that ended well leaves undone, nil for nothing.
func (p *poll) incomplete() *IncompleteError {
	noRoom := p.staying.noRoom + p.delivery.Tally.NoRoom
	if p.failed+p.putOff+noRoom == 0 && p.unfetchable == "" {
		return nil
	}
	return &IncompleteError{Failed: p.failed, PutOff: p.putOff, Unfetchable: p.unfetchable, NoRoom: noRoom}
}
