package poll

import (
	"errors"
	"fmt"
)

// OvertimeError ends a visit that went well, and whose session had not enough time for all that
// there is to do. The next visit goes on with the rest.
type OvertimeError struct {
	// Addr is the server's address.
	Addr string
	// Undeleted is how many messages are still to be deleted.
	Undeleted int
}

// Error says what is left.
func (e *OvertimeError) Error() string {
	return fmt.Sprintf("delete messages on %s: %d are left for the next poll, as deletions took all the time that a session may take (timeouts.session)", e.Addr, e.Undeleted)
}

// Limit returns "session": [pop3.Timeouts].Session is too short for the visit.
func (e *OvertimeError) Limit() string { return "session" }

// overtime returns what the session left because of its time, nil for nothing.
func (p *poll) overtime() error {
	if p.removal.late == 0 {
		return nil
	}
	return &OvertimeError{p.Account.Addr, p.removal.late}
}

// overtime reports whether a session ended because it took all the time that it may. That is
// nobody's fault, and the next visit goes on with the rest. A visit that got nothing done in all
// that time must not be repeated for ever: a message is charged an attempt if it is the first of
// the session and does not come, otherwise the next visit fetches message by message (see
// noteHost).
func overtime(err error) bool {
	limited, ok := errors.AsType[interface {
		error
		Limit() string
	}](err)
	return ok && limited.Limit() == "session"
}
