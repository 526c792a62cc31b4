package status

// phase says what an account does at the moment.
type phase string

// The phases of an account, in order.
const (
	phaseWaiting    phase = "waiting"    // a poll is due and waits for a slot
	phasePolling    phase = "polling"    // the poll has begun
	phaseRetrieving phase = "retrieving" // the poll has listed the mailbox
	phaseIdle       phase = "idle"       // until the time of the next poll
)
