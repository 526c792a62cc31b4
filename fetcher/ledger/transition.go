package ledger

import "fmt"

// Transition says whether a message in one state, "" for one that is not known, may come to another
// one; the package's documentation has the ways. changes is false for a message that is there, or
// past it, already: the change may be repeated and does nothing. Refuse what is not allowed with a
// [TransitionError].
func Transition(from, to State) (changes, allowed bool) {
	switch to {
	case Staged, Failed: // a message that is Retried may be staged from other states, too
		return true, from == "" || from == Failed
	case Delivered:
		past := from == Delivered || from == DeletePending || from == Deleted || from == Quarantined
		return from == Staged, from == Staged || past
	case DeletePending:
		return from != DeletePending, from == Delivered || from == DeletePending || from == Deleted
	case Deleted:
		return from != Deleted, from == DeletePending || from == Deleted
	}
	return false, false
}

// mostMissed is where [Record.Missed] ends.
const mostMissed = 3

// AfterMissed returns the record of the message once a listing lacked it. Missed grows by 1 if the
// listing looks faulty, else by 2, up to 3. From 2 on a pending deletion counts as confirmed.
func (r Record) AfterMissed(likelyMistake bool) Record {
	n := 2
	if likelyMistake {
		n = 1
	}
	r.Missed = min(r.Missed+n, mostMissed)
	if r.State == DeletePending && r.Missed > 1 {
		r.State = Deleted
	}
	return r
}

// AfterFound returns the record of the message once a listing has it. A deletion of it was in vain,
// and is counted as an attempt.
func (r Record) AfterFound() Record {
	r.Missed = 0
	if r.State == Deleted {
		r.State = Delivered
		r.Attempts++
	}
	return r
}

// TransitionError refuses a change that the state of a message does not allow. It
// tells of a mistake in the caller, who would otherwise deliver twice or delete too early.
type TransitionError struct {
	Account  string
	Key      Key
	From, To State // From is "" for a message that the ledger does not know
}

// Error names the message and both states.
func (e *TransitionError) Error() string {
	from := string(e.From)
	if from == "" {
		from = "unknown"
	}
	return fmt.Sprintf("message %q (%d octets) of account %s is %s and can't become %s", e.Key.UIDL, e.Key.Size, e.Account, from, e.To)
}
